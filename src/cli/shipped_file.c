#include "cli/shipped_file.h"

#include <stdio.h>

#include "base/file.h"
#include "hub/hub.h"

const struct shipped_file shipped_prices = {.place = "costs/providers.yaml",
                                            .what = "the prices of the cloud's models",
                                            .setting = "--prices or IMGROUTER_PRICES"};
const struct shipped_file shipped_tags = {.place = "labels/everyday.txt",
                                          .what = "the tags of pictures",
                                          .setting = "--tags or IMGROUTER_TAGS"};

bool shipped_file_path(const struct shipped_file *file, const char *chosen,
                       char path[static SHIPPED_PATH_SIZE], struct error *err) {
    static const char *const folders[] = {"", "share/imgrouter/"};
    char home[HUB_PATH_SIZE];
    if (chosen != NULL) {
        (void)snprintf(path, SHIPPED_PATH_SIZE, "%s", chosen);
        return true;
    }
    if (!hub_program_home("/proc/self/exe", home, err)) return false;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        (void)snprintf(path, SHIPPED_PATH_SIZE, "%s/%s%s", home, folders[i], file->place);
        if (file_exists(path)) return true;
    }
    return error_set(err, ERROR_NOT_FOUND,
                     "%s are neither %s/%s%s nor %s/%s%s; name their file with %s", file->what,
                     home, folders[0], file->place, home, folders[1], file->place, file->setting);
}
