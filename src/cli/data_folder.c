#include "cli/data_folder.h"

#include <stdio.h>
#include <stdlib.h>

bool data_folder_path(const struct settings *settings, char path[static DATA_PATH_SIZE],
                      struct error *err) {
    const char *data_home = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int length;
    if (settings->data != NULL) {
        length = snprintf(path, DATA_PATH_SIZE, "%s", settings->data);
    } else if (data_home != NULL && data_home[0] == '/') {
        length = snprintf(path, DATA_PATH_SIZE, "%s/imgrouter", data_home);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(path, DATA_PATH_SIZE, "%s/.local/share/imgrouter", home);
    } else {
        return error_set(err, ERROR_USAGE,
                         "HOME is not set, so there is no usual place for the data; name a folder "
                         "with --data DIR");
    }
    return (length > 0 && length < DATA_PATH_SIZE) ||
           error_set(err, ERROR_USAGE, "the path of the data folder is empty or too long");
}
