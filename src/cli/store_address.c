#include "cli/store_address.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/store_setup.h"

static bool is_sqlite(const struct store_address *address) {
    return strcmp(address->backend, "sqlite") == 0;
}

bool store_address_read(struct store_address *address, const char *option, const char *text,
                        const struct settings *settings, struct error *err) {
    *address = (struct store_address){.settings = *settings};
    if (text == NULL)
        return error_set(err, ERROR_USAGE,
                         "name both stores: imgrouter migrate --from sqlite --to sqlite:FOLDER");
    size_t length = strcspn(text, ":");
    if (length == 0 || length >= sizeof address->backend)
        return error_set(err, ERROR_USAGE, "--%s must be the name of a store, as sqlite:FOLDER",
                         option);
    (void)snprintf(address->backend, sizeof address->backend, "%.*s", (int)length, text);
    address->settings.vector_backend = address->backend;
    const char *place = text[length] == ':' ? text + length + 1 : NULL;
    if (place != NULL && !is_sqlite(address))
        return error_set(err, ERROR_USAGE,
                         "--%s %s takes no place; its own settings tell where it is", option,
                         address->backend);
    if (place != NULL) address->settings.data = place;
    if (!data_folder_path(&address->settings, address->folder, err))
        return error_wrap(err, "--%s", option);
    (void)snprintf(address->shown, sizeof address->shown, "%s%s%s", address->backend,
                   is_sqlite(address) ? ":" : "", is_sqlite(address) ? address->folder : "");
    return true;
}

bool store_address_has_same_folder(const struct store_address *a, const struct store_address *b) {
    struct stat first, second;
    if (strcmp(a->folder, b->folder) == 0) return true;
    return stat(a->folder, &first) == 0 && stat(b->folder, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

bool store_address_is_same(const struct store_address *a, const struct store_address *b) {
    return strcmp(a->backend, b->backend) == 0 &&
           (!is_sqlite(a) || store_address_has_same_folder(a, b));
}

struct store *store_address_open(const struct store_address *address, bool is_reader,
                                 struct error *err) {
    return store_setup_create(&address->settings, address->folder, is_reader, err);
}
