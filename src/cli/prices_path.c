#include "cli/prices_path.h"

#include <stdio.h>

#include "base/file.h"
#include "hub/hub.h"

bool prices_path(const struct settings *settings, char path[static PRICES_PATH_SIZE],
                 struct error *err) {
    static const char *const places[] = {"costs/providers.yaml",
                                         "share/imgrouter/costs/providers.yaml"};
    char home[HUB_PATH_SIZE];
    if (settings->prices != NULL) {
        (void)snprintf(path, PRICES_PATH_SIZE, "%s", settings->prices);
        return true;
    }
    if (!hub_program_home("/proc/self/exe", home, err)) return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        (void)snprintf(path, PRICES_PATH_SIZE, "%s/%s", home, places[i]);
        if (file_exists(path)) return true;
    }
    return error_set(
        err, ERROR_NOT_FOUND,
        "the prices of the cloud's models are neither %s/%s nor %s/%s; name their file "
        "with --prices or IMGROUTER_PRICES",
        home, places[0], home, places[1]);
}
