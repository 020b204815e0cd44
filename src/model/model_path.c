#include "model/model_path.h"

#include <stdio.h>

bool model_path_join(char path[static PATH_MAX], const char *folder, const char *name,
                     struct error *err) {
    int length = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return (length >= 0 && length < PATH_MAX) ||
           error_set(err, ERROR_INVALID, "the path of the model folder %.80s… is too long", folder);
}
