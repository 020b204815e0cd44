// The models that run, as JSON.
#pragma once

#include <jansson.h>

#include "engine/engine.h"

// {"caption": {name, source, precision}, "embedding": …}; NULL when memory is out.
json_t *models_json_create(const struct engine_info *info);
