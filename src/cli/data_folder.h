// Where the database and the pictures are, and where what can be made again is kept.
#pragma once

#include "base/error.h"
#include "cli/settings.h"

enum { DATA_PATH_SIZE = 4096 };

// --data, else $XDG_DATA_HOME/imgrouter, else ~/.local/share/imgrouter.
bool data_folder_path(const struct settings *settings, char path[static DATA_PATH_SIZE],
                      struct error *err);
// --cache-dir, else $XDG_CACHE_HOME/imgrouter, else ~/.cache/imgrouter; false where none of these
// can be told: then nothing is kept.
bool cache_folder_path(const struct settings *settings, char path[static DATA_PATH_SIZE]);
