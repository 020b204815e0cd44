// The three tiers of an image's duplicates as JSON.
#pragma once

#include <jansson.h>

#include "service/duplicates.h"

// `same_bytes`: the id of the image that had these bytes before, or NULL. NULL when memory is out.
json_t *duplicates_json_create(const struct duplicates *duplicates, const char *same_bytes);
