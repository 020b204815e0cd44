// Where the database and the pictures are.
#pragma once

#include "base/error.h"
#include "cli/settings.h"

enum { DATA_PATH_SIZE = 4096 };

// --data, else $XDG_DATA_HOME/imgrouter, else ~/.local/share/imgrouter.
bool data_folder_path(const struct settings *settings, char path[static DATA_PATH_SIZE],
                      struct error *err);
