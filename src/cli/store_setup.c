#include "cli/store_setup.h"

#include <stdio.h>
#include <string.h>

static struct store *create_sqlite(const struct settings *settings, const char *data_folder,
                                   bool is_reader, struct error *err) {
    (void)settings;
    return is_reader ? sqlite_store_create_reader(data_folder, err)
                     : sqlite_store_create(data_folder, err);
}

static const struct {
    const char *name;
    struct store *(*create)(const struct settings *settings, const char *data_folder,
                            bool is_reader, struct error *err);
} backends[] = {
    {"sqlite", create_sqlite},
};
enum { BACKEND_COUNT = sizeof backends / sizeof *backends };

struct store *store_setup_create(const struct settings *settings, const char *data_folder,
                                 bool is_reader, struct error *err) {
    char names[128] = "";
    for (size_t i = 0, used = 0; i < BACKEND_COUNT; i++) {
        if (strcmp(settings->vector_backend, backends[i].name) == 0)
            return backends[i].create(settings, data_folder, is_reader, err);
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? "" : ", ",
                                 backends[i].name);
    }
    error_set(err, ERROR_USAGE, "VECTOR_BACKEND is \"%.40s\"; it must be one of: %s",
              settings->vector_backend, names);
    return NULL;
}
