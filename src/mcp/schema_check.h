// Checks arguments against a tool's JSON Schema, so that the schema clients see is the truth. Knows
// what our own schemas use: type, enum, properties, required, additionalProperties: false, items,
// minimum, maximum, minLength, maxLength, maxItems.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

// `name` is what sentences call the value. ERROR_INVALID says what is wrong, and where.
bool schema_check(const json_t *schema, const json_t *value, const char *name, struct error *err);
