// Searches by vector: of meaning in a space's collection, of perceptual hashes in that of the
// images.
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/qdrant_filter.h"
#include "store/qdrant_store_private.h"

enum {
    ASKED_MAX = 8 * STORE_SEARCH_MAX,  // points asked for at most, to find k with an image
};

// {point id: payload} of these points, taken over.
static bool read_payloads(struct qdrant_store *self, json_t *point_ids, json_t **payloads,
                          struct error *err) {
    json_t *points;
    *payloads = NULL;
    if (!qdrant_retrieve(self, self->images, point_ids, payload_selection_of_record(), false,
                         &points, err))
        return false;
    *payloads = json_object();
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        (void)json_object_set(*payloads, qdrant_point_id(point), json_object_get(point, "payload"));
    }
    json_decref(points);
    return *payloads != NULL || qdrant_out_of_memory(err);
}

bool qdrant_read_matches(struct qdrant_store *self, json_t *point_ids, const float *scores,
                         size_t k, struct store_match *matches, size_t *count, struct error *err) {
    json_t *payloads;
    *count = 0;
    if (json_array_size(point_ids) == 0) return true;
    if (!read_payloads(self, json_incref(point_ids), &payloads, err)) return false;
    for (size_t i = 0; i < json_array_size(point_ids) && *count < k; i++) {
        const json_t *payload =
            json_object_get(payloads, json_string_value(json_array_get(point_ids, i)));
        if (!json_is_object(payload)) continue;
        matches[*count].score = scores[i];
        payload_read(payload, &matches[(*count)++].record);
    }
    json_decref(payloads);
    return true;
}

// POST /points/query, or /points/search of a server before 1.10. Both are described in
// `query`, which is taken over: its "query" is the vector, "using" its name where it has one.
// *points is an array of points with "id" and "score".
static bool send_query(struct qdrant_store *self, const char *collection, json_t *query,
                       json_t **points, struct error *err) {
    char path[QDRANT_PATH_SIZE];
    json_t *result = NULL;
    struct error problem = {0};
    *points = NULL;
    (void)snprintf(path, sizeof path, "/collections/%s/points/query", collection);
    bool is_done =
        !atomic_load(&self->has_old_search) &&
        qdrant_client_send(self->client, "POST", path, json_incref(query), &result, &problem);
    if (!is_done && (problem.kind == ERROR_NONE || problem.kind == ERROR_NOT_FOUND)) {
        json_t *vector = json_incref(json_object_get(query, "query"));
        json_t *name = json_object_get(query, "using");
        if (name != NULL) vector = json_pack("{s:O, s:o}", "name", name, "vector", vector);
        (void)json_object_set_new(query, "vector", vector);
        (void)json_object_del(query, "query");
        (void)json_object_del(query, "using");
        is_done = qdrant_request(self, "POST", collection, "/points/search", json_incref(query),
                                 &result, err);
        if (is_done) atomic_store(&self->has_old_search, true);
    } else if (!is_done) {
        if (problem.kind == ERROR_UPSTREAM) qdrant_forget(self);
        error_set(err, problem.kind, "%s", problem.text);
    }
    json_decref(query);
    if (is_done) {
        json_t *found = json_is_array(result) ? result : json_object_get(result, "points");
        if (json_is_array(found)) *points = json_incref(found);
        is_done = *points != NULL ||
                  error_set(err, ERROR_UPSTREAM, "Qdrant's answer has no list of points");
    }
    json_decref(result);
    return is_done;
}

static json_t *search_parameters(bool is_exact) {
    return json_pack("{s:b, s:{s:b, s:f}}", "exact", (int)is_exact, "quantization", "rescore", 1,
                     "oversampling", 2.0);
}

// The nearest `limit`; a vector whose image is not there, which an interrupted upload left, counts.
static bool find_nearest(struct qdrant_store *self, const struct store_search *search, size_t limit,
                         json_t **points, struct error *err) {
    char collection[QDRANT_COLLECTION_SIZE];
    qdrant_space_collection(self, search->embedding_model, collection);
    json_t *query = json_pack("{s:o, s:I, s:o, s:b, s:o}", "query",
                              vector_to_json(search->query, search->width), "limit",
                              (json_int_t)limit, "filter", qdrant_filter_create(&search->filter),
                              "with_payload", 0, "params", search_parameters(search->is_exact));
    *points = NULL;
    if (query == NULL) return qdrant_out_of_memory(err);
    return send_query(self, collection, query, points, err);
}

static bool match_points(struct qdrant_store *self, const json_t *points, size_t k,
                         struct store_match *matches, size_t *count, struct error *err) {
    size_t found = json_array_size(points);
    json_t *ids = json_array();
    float *scores = memory_try_array(found + 1, sizeof *scores);
    if (scores == NULL || ids == NULL) {
        json_decref(ids);
        memory_free(scores);
        return qdrant_out_of_memory(err);
    }
    for (size_t i = 0; i < found; i++) {
        const json_t *point = json_array_get(points, i);
        scores[i] = (float)json_number_value(json_object_get(point, "score"));
        (void)json_array_append_new(ids, json_string(qdrant_point_id(point)));
    }
    bool is_done = qdrant_read_matches(self, ids, scores, k, matches, count, err);
    json_decref(ids);
    memory_free(scores);
    return is_done;
}

bool qdrant_search(struct store *store, const struct store_search *search,
                   struct store_match *matches, size_t *count, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    bool is_there, is_done = true, is_enough = false;
    *count = 0;
    if (!qdrant_begin_read(self, err) ||
        !qdrant_space_check(self, search->embedding_model, search->width, &is_there, err))
        return false;
    if (!is_there || search->k == 0) return true;
    for (size_t limit = search->k; is_done && !is_enough && limit <= ASKED_MAX; limit *= 2) {
        json_t *points = NULL;
        is_done = find_nearest(self, search, limit, &points, err) &&
                  match_points(self, points, search->k, matches, count, err);
        is_enough = *count == search->k || json_array_size(points) < limit;
        json_decref(points);
    }
    return is_done;
}

bool qdrant_search_hash(struct store *store, uint64_t perceptual_hash, unsigned distance, size_t k,
                        struct store_match *matches, size_t *count, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    json_t *points;
    *count = 0;
    if (!qdrant_begin_read(self, err)) return false;
    if (k == 0) return true;
    // The bound lies between two whole distances, so that no rounding decides.
    json_t *query =
        json_pack("{s:o, s:s, s:I, s:f, s:o, s:{s:b}}", "query", hash_to_json(perceptual_hash),
                  "using", "hash", "limit", (json_int_t)k, "score_threshold", distance + 0.5,
                  "with_payload", payload_selection_of_record(), "params", "exact", 1);
    if (query == NULL) return qdrant_out_of_memory(err);
    if (!send_query(self, self->images, query, &points, err)) return false;
    for (size_t i = 0; i < json_array_size(points) && *count < k; i++) {
        struct store_match *match = &matches[*count];
        payload_read(json_object_get(json_array_get(points, i), "payload"), &match->record);
        if (!match->record.has_perceptual_hash) continue;
        match->score = (float)__builtin_popcountll(match->record.perceptual_hash ^ perceptual_hash);
        ++*count;
    }
    json_decref(points);
    return true;
}
