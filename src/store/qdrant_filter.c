#include "store/qdrant_filter.h"

#include <string.h>

#include "store/qdrant_record.h"
#include "store/words.h"

bool qdrant_filter_add(json_t *filter, const char *clause, json_t *condition) {
    return json_array_append_new(json_object_get(filter, clause), condition) == 0;
}

json_t *condition_match(const char *key, const char *value) {
    return json_pack("{s:s, s:{s:s}}", "key", key, "match", "value", value);
}

bool point_ids_add(json_t *ids, const char *point_id) {
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (strcmp(json_string_value(json_array_get(ids, i)), point_id) == 0) return true;
    return json_array_append_new(ids, json_string(point_id)) == 0;
}

json_t *condition_has_id(const char *const *ids, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < count; i++) {
        char point_id[POINT_ID_SIZE];
        if (!point_id_from_image(ids[i], point_id)) continue;
        if (!point_ids_add(array, point_id)) {
            json_decref(array);
            return NULL;
        }
    }
    return json_pack("{s:o}", "has_id", array);
}

static json_t *created_condition(const struct store_filter *filter) {
    json_t *range = json_object();
    bool is_done = range != NULL;
    if (filter->created_from_ms != 0)
        is_done = json_object_set_new(range, "gte", json_integer(filter->created_from_ms)) == 0;
    if (is_done && filter->created_until_ms != 0)
        is_done = json_object_set_new(range, "lt", json_integer(filter->created_until_ms)) == 0;
    if (is_done) return json_pack("{s:s, s:o}", "key", "created_ms", "range", range);
    json_decref(range);
    return NULL;
}

// All parts of a word occur; *condition is NULL for a word without letters and digits.
static bool word_condition(const char *key, const char *word, json_t **condition) {
    struct word_list parts = {0};
    json_t *must = NULL;
    bool is_done = word_list_add(&parts, word);
    *condition = NULL;
    if (is_done && parts.count > 0) {
        must = json_array();
        is_done = must != NULL;
        for (size_t i = 0; i < parts.count && is_done; i++)
            is_done = json_array_append_new(must, condition_match(key, parts.words[i])) == 0;
        *condition = is_done ? json_pack("{s:O}", "must", must) : NULL;
        is_done = *condition != NULL;
    }
    json_decref(must);
    word_list_clear(&parts);
    return is_done;
}

static bool add_words(json_t *filter, const char *clause, const char *key, const char *const *words,
                      size_t count) {
    for (size_t i = 0; i < count; i++) {
        json_t *condition;
        if (!word_condition(key, words[i], &condition)) return false;
        if (condition != NULL && !qdrant_filter_add(filter, clause, condition)) return false;
    }
    return true;
}

static bool add_all(json_t *json, const struct store_filter *filter) {
    if (filter->ids != NULL &&
        !qdrant_filter_add(json, "must", condition_has_id(filter->ids, filter->id_count)))
        return false;
    if ((filter->created_from_ms != 0 || filter->created_until_ms != 0) &&
        !qdrant_filter_add(json, "must", created_condition(filter)))
        return false;
    if (filter->origin != NULL &&
        !qdrant_filter_add(json, "must", condition_match("origin", filter->origin)))
        return false;
    for (size_t i = 0; i < filter->tag_count; i++)
        if (!qdrant_filter_add(json, "must", condition_match("tags", filter->tags[i])))
            return false;
    return add_words(json, "must", "caption_words", filter->caption_words,
                     filter->caption_word_count) &&
           add_words(json, "must_not", "words", filter->without_words, filter->without_word_count);
}

json_t *qdrant_filter_create(const struct store_filter *filter) {
    json_t *json = json_pack("{s:[], s:[]}", "must", "must_not");
    if (json != NULL && add_all(json, filter)) return json;
    json_decref(json);
    return NULL;
}
