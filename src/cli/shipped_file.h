// Files that ship with the program and may be replaced by a setting: the prices of the cloud's
// models and the tags of pictures.
#pragma once

#include "base/error.h"

enum { SHIPPED_PATH_SIZE = 4096 };

struct shipped_file {
    const char *place;    // within the source tree, and within share/imgrouter as installed
    const char *what;     // "the prices of the cloud's models", for messages
    const char *setting;  // "--prices or IMGROUTER_PRICES"
};

extern const struct shipped_file shipped_prices, shipped_tags;

// `chosen` by the user, else (NULL) the one in the source tree, else the installed one.
// ERROR_NOT_FOUND says where it looked.
bool shipped_file_path(const struct shipped_file *file, const char *chosen,
                       char path[static SHIPPED_PATH_SIZE], struct error *err);
