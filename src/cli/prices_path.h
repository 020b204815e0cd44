// Where the prices of the cloud's models are.
#pragma once

#include "base/error.h"
#include "cli/settings.h"

enum { PRICES_PATH_SIZE = 4096 };

// --prices, else costs/providers.yaml in the source tree, else in share/imgrouter as installed.
// ERROR_NOT_FOUND says where it looked.
bool prices_path(const struct settings *settings, char path[static PRICES_PATH_SIZE],
                 struct error *err);
