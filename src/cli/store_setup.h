// From settings to an open store: one table of the stores that VECTOR_BACKEND may name.
#pragma once

#include "cli/settings.h"
#include "store/store.h"

// `data_folder` is what data_folder_path found. A reader only looks, beside a server that writes.
// Errors: ERROR_USAGE when there is no such store or it lacks a setting, and those of its own
// create function.
struct store *store_setup_create(const struct settings *settings, const char *data_folder,
                                 bool is_reader, struct error *err);
