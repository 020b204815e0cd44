// From struct store_filter to Qdrant's filters over the payload of qdrant_record.h.
#pragma once

#include <jansson.h>

#include "store/store.h"

// {"must": […], "must_not": […]}. NULL when out of memory; the caller releases it. A word of
// several parts ("t-shirt") asks for all of them, in any order.
json_t *qdrant_filter_create(const struct store_filter *filter);
// Adds a condition, which is taken over, to the filter's "must" or "must_not".
bool qdrant_filter_add(json_t *filter, const char *clause, json_t *condition);
// Adds a point's id to an array of them, unless it is there: Qdrant takes each once.
bool point_ids_add(json_t *ids, const char *point_id);
// Conditions; NULL when out of memory.
json_t *condition_match(const char *key, const char *value);
json_t *condition_has_id(const char *const *ids,
                         size_t count);  // images' ids; others match nothing
