// The requests of which the Qdrant store's operations are made.
#include <stdio.h>
#include <string.h>

#include "store/qdrant_store_private.h"

bool qdrant_out_of_memory(struct error *err) {
    return error_set(err, ERROR_INTERNAL, "out of memory for a request to Qdrant");
}

bool qdrant_request(struct qdrant_store *self, const char *method, const char *collection,
                    const char *rest, json_t *body, json_t **result, struct error *err) {
    char path[QDRANT_PATH_SIZE];
    struct error problem = {0};
    (void)snprintf(path, sizeof path, "/collections/%s%s", collection, rest);
    if (qdrant_client_send(self->client, method, path, body, result, &problem)) return true;
    if (problem.kind == ERROR_NOT_FOUND || problem.kind == ERROR_UPSTREAM) qdrant_forget(self);
    if (problem.kind == ERROR_NOT_FOUND)
        return error_set(err, ERROR_UNAVAILABLE,
                         "the collection %s of the store (Qdrant) is not there any more; try again",
                         collection);
    // What these requests ask for contradicts nothing; an image that does is found out before.
    if (problem.kind == ERROR_CONFLICT) problem.kind = ERROR_UPSTREAM;
    return error_set(err, problem.kind, "%s", problem.text);
}

bool qdrant_write(struct qdrant_store *self, const char *method, const char *collection,
                  const char *rest, json_t *body, struct error *err) {
    json_t *result = NULL;
    if (!qdrant_request(self, method, collection, rest, body, &result, err)) return false;
    const char *status = json_string_value(json_object_get(result, "status"));
    bool is_done = status != NULL && strcmp(status, "completed") == 0;
    json_decref(result);
    return is_done || error_set(err, ERROR_UNAVAILABLE,
                                "the store (Qdrant) has not finished writing in time; try again");
}

// An array out of an answer; ERROR_UPSTREAM when it is none.
static bool take_array(const json_t *array, json_t **points, struct error *err) {
    if (!json_is_array(array))
        return error_set(err, ERROR_UPSTREAM, "Qdrant's answer has no list of points");
    *points = json_incref((json_t *)array);
    return true;
}

bool qdrant_retrieve(struct qdrant_store *self, const char *collection, json_t *point_ids,
                     json_t *with_payload, bool with_vector, json_t **points, struct error *err) {
    json_t *result = NULL;
    json_t *body = json_pack("{s:o, s:o, s:b}", "ids", point_ids, "with_payload", with_payload,
                             "with_vector", (int)with_vector);
    *points = NULL;
    bool is_done = qdrant_request(self, "POST", collection, "/points", body, &result, err) &&
                   take_array(result, points, err);
    json_decref(result);
    return is_done;
}

bool qdrant_scroll(struct qdrant_store *self, const char *collection, json_t *body, json_t **points,
                   json_t **next, struct error *err) {
    json_t *result = NULL;
    *points = NULL;
    if (next != NULL) *next = NULL;
    bool is_done = qdrant_request(self, "POST", collection, "/points/scroll", body, &result, err) &&
                   take_array(json_object_get(result, "points"), points, err);
    json_t *offset = json_object_get(result, "next_page_offset");
    if (is_done && next != NULL && json_is_string(offset)) *next = json_incref(offset);
    json_decref(result);
    return is_done;
}

bool qdrant_count(struct qdrant_store *self, const char *collection, json_t *filter, size_t *count,
                  struct error *err) {
    json_t *result = NULL;
    json_t *body = json_pack("{s:o, s:b}", "filter", filter, "exact", 1);
    *count = 0;
    if (!qdrant_request(self, "POST", collection, "/points/count", body, &result, err))
        return false;
    json_int_t number = json_integer_value(json_object_get(result, "count"));
    bool is_number = json_is_integer(json_object_get(result, "count")) && number >= 0;
    json_decref(result);
    if (!is_number) return error_set(err, ERROR_UPSTREAM, "Qdrant's answer has no count");
    *count = (size_t)number;
    return true;
}

bool qdrant_delete(struct qdrant_store *self, const char *collection, json_t *point_ids,
                   struct error *err) {
    return qdrant_write(self, "POST", collection, "/points/delete?wait=true",
                        json_pack("{s:o}", "points", point_ids), err);
}

// By a filter: of ids that are not there Qdrant makes an error.
bool qdrant_set_payload(struct qdrant_store *self, const char *collection, json_t *point_ids,
                        json_t *payload, struct error *err) {
    return qdrant_write(self, "POST", collection, "/points/payload?wait=true",
                        json_pack("{s:o, s:{s:[{s:o}]}}", "payload", payload, "filter", "must",
                                  "has_id", point_ids),
                        err);
}

json_t *qdrant_one_id(const char *point_id) { return json_pack("[s]", point_id); }

const char *qdrant_point_id(const json_t *point) {
    const char *id = json_string_value(json_object_get(point, "id"));
    return id == NULL ? "" : id;
}
