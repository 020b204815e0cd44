#include "cli/store_address.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/store_setup.h"

// The setting of each store that says where it is, which what follows the colon takes the place of.
static const struct place {
    const char *backend;
    size_t offset;  // in struct settings
} places[] = {
    {"sqlite", offsetof(struct settings, data)},
    {"pgvector", offsetof(struct settings, database_url)},
    {"qdrant", offsetof(struct settings, qdrant_url)},
};

static const struct place *find_place(const char *backend) {
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i].backend, backend) == 0) return &places[i];
    return NULL;
}

static const char **place_of(struct settings *settings, const struct place *place) {
    return (const char **)((char *)settings + place->offset);
}

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
    (void)snprintf(address->backend, sizeof address->backend, "%.*s", (int)length, text);
    const struct place *place = find_place(address->backend);
    if (place == NULL)
        return error_set(err, ERROR_USAGE,
                         "--%s must be the name of a store that VECTOR_BACKEND may have, as "
                         "sqlite:FOLDER, not \"%s\"",
                         option, address->backend);
    if (text[length] == ':') *place_of(&address->settings, place) = text + length + 1;
    address->settings.vector_backend = address->backend;
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

bool store_address_is_same(struct store_address *a, struct store_address *b) {
    if (strcmp(a->backend, b->backend) != 0) return false;
    if (is_sqlite(a)) return store_address_has_same_folder(a, b);
    const struct place *place = find_place(a->backend);
    const char *first = *place_of(&a->settings, place), *second = *place_of(&b->settings, place);
    return first == second || (first != NULL && second != NULL && strcmp(first, second) == 0);
}

struct store *store_address_open(const struct store_address *address, bool is_reader,
                                 struct error *err) {
    return store_setup_create(&address->settings, address->folder, is_reader, err);
}
