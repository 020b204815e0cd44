// The path of a file in a model's folder.
#pragma once

#include <limits.h>

#include "base/error.h"

bool model_path_join(char path[static PATH_MAX], const char *folder, const char *name,
                     struct error *err);
