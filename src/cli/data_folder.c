#include "cli/data_folder.h"

#include <stdio.h>
#include <stdlib.h>

// What the user named, else a folder named imgrouter where programs of this user keep such things.
static int folder_path(const char *named, const char *usual_variable, const char *usual,
                       char path[static DATA_PATH_SIZE]) {
    const char *usual_home = getenv(usual_variable), *home = getenv("HOME");
    if (named != NULL) return snprintf(path, DATA_PATH_SIZE, "%s", named);
    if (usual_home != NULL && usual_home[0] == '/')
        return snprintf(path, DATA_PATH_SIZE, "%s/imgrouter", usual_home);
    if (home != NULL && home[0] == '/')
        return snprintf(path, DATA_PATH_SIZE, "%s/%s/imgrouter", home, usual);
    return -1;
}

bool data_folder_path(const struct settings *settings, char path[static DATA_PATH_SIZE],
                      struct error *err) {
    int length = folder_path(settings->data, "XDG_DATA_HOME", ".local/share", path);
    if (length < 0)
        return error_set(err, ERROR_USAGE,
                         "HOME is not set, so there is no usual place for the data; name a folder "
                         "with --data DIR");
    return (length > 0 && length < DATA_PATH_SIZE) ||
           error_set(err, ERROR_USAGE, "the path of the data folder is empty or too long");
}

bool cache_folder_path(const struct settings *settings, char path[static DATA_PATH_SIZE]) {
    int length = folder_path(settings->cache_dir, "XDG_CACHE_HOME", ".cache", path);
    return length > 0 && length < DATA_PATH_SIZE;
}
