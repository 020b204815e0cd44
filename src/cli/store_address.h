// The name of a store on the command line: sqlite[:FOLDER], and in the same way the other stores
// that VECTOR_BACKEND may have. Without a place its own settings say where it is.
#pragma once

#include "cli/data_folder.h"
#include "store/store.h"

struct store_address {
    struct settings settings;  // those of the command, for this store
    char backend[32];
    char folder[DATA_PATH_SIZE];      // of its pictures, and of its database
    char shown[DATA_PATH_SIZE + 16];  // for people; without secrets
};

// `option` is what the user gave the text to. ERROR_USAGE.
bool store_address_read(struct store_address *address, const char *option, const char *text,
                        const struct settings *settings, struct error *err);
bool store_address_is_same(struct store_address *a, struct store_address *b);
// Are the pictures of both in one folder?
bool store_address_has_same_folder(const struct store_address *a, const struct store_address *b);
struct store *store_address_open(const struct store_address *address, bool is_reader,
                                 struct error *err);
