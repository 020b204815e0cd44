// What an answer says of how a caption came about.
#pragma once

#include <jansson.h>

#include "store/store.h"

// null where nobody told one.
json_t *confidence_json(double confidence);
// null for an image without a receipt. NULL when memory is out.
json_t *receipt_json_create(const struct image_record *record);
