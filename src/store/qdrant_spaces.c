// The collections: making them, and which vector spaces they hold.
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "store/qdrant_filter.h"
#include "store/qdrant_store_private.h"

enum {
    SPACE_PAGE = 1000,  // images looked at in one request when a space becomes the active one
    HASH_BITS = 64,
};
static const char active_point_id[] = "00000000-0000-8000-8000-000000000001";

// What filters and orders look at.
static const struct {
    const char *field;
    const char *schema;
} image_indexes[] = {{"created_ms", "integer"},     {"origin", "keyword"},
                     {"tags", "keyword"},           {"words", "keyword"},
                     {"pending", "keyword"},        {"caption_words", "keyword"},
                     {"embedding_model", "keyword"}},
  vector_indexes[] = {{"created_ms", "integer"},
                      {"origin", "keyword"},
                      {"tags", "keyword"},
                      {"words", "keyword"},
                      {"caption_words", "keyword"}};

static bool create_index(struct qdrant_store *self, const char *collection, const char *field,
                         const char *schema, struct error *err) {
    return qdrant_write(self, "PUT", collection, "/index?wait=true",
                        json_pack("{s:s, s:s}", "field_name", field, "field_schema", schema), err);
}

// *info is NULL when there is no such collection.
static bool find_collection(struct qdrant_store *self, const char *collection, json_t **info,
                            struct error *err) {
    char path[QDRANT_PATH_SIZE];
    struct error problem = {0};
    (void)snprintf(path, sizeof path, "/collections/%s", collection);
    if (qdrant_client_send(self->client, "GET", path, NULL, info, &problem)) return true;
    return problem.kind == ERROR_NOT_FOUND || error_set(err, problem.kind, "%s", problem.text);
}

// `parameters` are taken over. One that another process makes in the same moment is as good.
static bool create_collection(struct qdrant_store *self, const char *collection, json_t *parameters,
                              struct error *err) {
    char path[QDRANT_PATH_SIZE];
    struct error problem = {0};
    (void)snprintf(path, sizeof path, "/collections/%s", collection);
    return qdrant_client_send(self->client, "PUT", path, parameters, NULL, &problem) ||
           problem.kind == ERROR_CONFLICT || error_set(err, problem.kind, "%s", problem.text);
}

static bool delete_collection(struct qdrant_store *self, const char *collection,
                              struct error *err) {
    char path[QDRANT_PATH_SIZE];
    struct error problem = {0};
    (void)snprintf(path, sizeof path, "/collections/%s", collection);
    return qdrant_client_send(self->client, "DELETE", path, NULL, NULL, &problem) ||
           problem.kind == ERROR_NOT_FOUND || error_set(err, problem.kind, "%s", problem.text);
}

// No graph (m 0): hashes are compared with all, and spaces are few.
static bool prepare_images(struct qdrant_store *self, struct error *err) {
    json_t *parameters = json_pack("{s:{s:{s:i, s:s, s:s}}, s:{s:i, s:i}}", "vectors", "hash",
                                   "size", HASH_BITS, "distance", "Manhattan", "datatype", "uint8",
                                   "hnsw_config", "m", 0, "payload_m", 0);
    bool is_done = create_collection(self, self->images, parameters, err);
    for (size_t i = 0; i < sizeof image_indexes / sizeof *image_indexes && is_done; i++)
        is_done =
            create_index(self, self->images, image_indexes[i].field, image_indexes[i].schema, err);
    return is_done;
}

static bool prepare_spaces(struct qdrant_store *self, struct error *err) {
    return create_collection(self, self->spaces,
                             json_pack("{s:{s:i, s:s}, s:{s:i, s:i}}", "vectors", "size", 1,
                                       "distance", "Dot", "hnsw_config", "m", 0, "payload_m", 0),
                             err);
}

// The collection of spaces is made last: with it all is there.
static bool prepare_all(struct qdrant_store *self, struct error *err) {
    json_t *images = NULL, *spaces = NULL;
    bool is_done = find_collection(self, self->images, &images, err) &&
                   find_collection(self, self->spaces, &spaces, err);
    bool is_there = images != NULL && spaces != NULL;
    json_decref(images);
    json_decref(spaces);
    if (!is_done || is_there) return is_done;
    if (self->is_reader)
        return error_set(err, ERROR_NOT_FOUND,
                         "the store (Qdrant) has no images yet: there is no collection %s",
                         self->images);
    return prepare_images(self, err) && prepare_spaces(self, err);
}

bool qdrant_recount(struct qdrant_store *self, struct error *err) {
    size_t count;
    if (!qdrant_count(self, self->images, json_object(), &count, err)) return false;
    atomic_store(&self->image_count, count);
    return true;
}

static bool set_prepared(struct qdrant_store *self, bool is_prepared) {
    (void)pthread_mutex_lock(&self->state_mutex);
    self->is_prepared = is_prepared;
    (void)pthread_mutex_unlock(&self->state_mutex);
    return is_prepared;
}

static bool is_prepared(struct qdrant_store *self) {
    (void)pthread_mutex_lock(&self->state_mutex);
    bool is_done = self->is_prepared;
    (void)pthread_mutex_unlock(&self->state_mutex);
    return is_done;
}

bool qdrant_prepare(struct qdrant_store *self, struct error *err) {
    if (is_prepared(self)) return true;
    (void)pthread_mutex_lock(&self->prepare_mutex);
    bool is_done = is_prepared(self) ||
                   set_prepared(self, prepare_all(self, err) && qdrant_recount(self, err));
    (void)pthread_mutex_unlock(&self->prepare_mutex);
    return is_done;
}

static void forget_spaces(struct qdrant_store *self) {
    (void)pthread_mutex_lock(&self->state_mutex);
    self->known_count = 0;
    (void)pthread_mutex_unlock(&self->state_mutex);
}

void qdrant_forget(struct qdrant_store *self) {
    forget_spaces(self);
    (void)set_prepared(self, false);
}

// 16 hex digits that follow from a space's name, as an image's id does from its bytes.
static void space_digits(const char *embedding_model, char digits[static IMAGE_ID_SIZE]) {
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    sha256(embedding_model, strlen(embedding_model), digest);
    sha256_hex(digest, hex);
    (void)snprintf(digits, IMAGE_ID_SIZE, "%.16s", hex);
}

static void space_point_id(const char *embedding_model, char point_id[static POINT_ID_SIZE]) {
    char digits[IMAGE_ID_SIZE];
    space_digits(embedding_model, digits);
    (void)point_id_from_image(digits, point_id);
}

void qdrant_space_collection(const struct qdrant_store *self, const char *embedding_model,
                             char collection[static QDRANT_COLLECTION_SIZE]) {
    char digits[IMAGE_ID_SIZE];
    space_digits(embedding_model, digits);
    (void)snprintf(collection, QDRANT_COLLECTION_SIZE, "%s_vectors_%s", self->name, digits);
}

static bool read_space(const json_t *point, struct qdrant_space *space) {
    const json_t *payload = json_object_get(point, "payload");
    const char *name = json_string_value(json_object_get(payload, "embedding_model"));
    json_int_t width = json_integer_value(json_object_get(payload, "width"));
    if (name == NULL || width <= 0) return false;
    (void)snprintf(space->embedding_model, sizeof space->embedding_model, "%s", name);
    space->width = (size_t)width;
    return true;
}

static void remember_space(struct qdrant_store *self, const struct qdrant_space *space) {
    (void)pthread_mutex_lock(&self->state_mutex);
    if (self->known_count < STORE_SPACES_MAX) self->known[self->known_count++] = *space;
    (void)pthread_mutex_unlock(&self->state_mutex);
}

static size_t known_width(struct qdrant_store *self, const char *embedding_model) {
    size_t width = 0;
    (void)pthread_mutex_lock(&self->state_mutex);
    for (size_t i = 0; i < self->known_count && width == 0; i++)
        if (strcmp(self->known[i].embedding_model, embedding_model) == 0)
            width = self->known[i].width;
    (void)pthread_mutex_unlock(&self->state_mutex);
    return width;
}

bool qdrant_space_find(struct qdrant_store *self, const char *embedding_model, size_t *width,
                       struct error *err) {
    *width = known_width(self, embedding_model);
    if (*width != 0) return true;
    char point_id[POINT_ID_SIZE];
    json_t *points;
    struct qdrant_space space;
    space_point_id(embedding_model, point_id);
    if (!qdrant_retrieve(self, self->spaces, qdrant_one_id(point_id), json_true(), false, &points,
                         err))
        return false;
    bool is_there = read_space(json_array_get(points, 0), &space) &&
                    strcmp(space.embedding_model, embedding_model) == 0;
    json_decref(points);
    if (!is_there) return true;
    remember_space(self, &space);
    *width = space.width;
    return true;
}

bool qdrant_space_check(struct qdrant_store *self, const char *embedding_model, size_t width,
                        bool *is_there, struct error *err) {
    size_t stored;
    if (!qdrant_space_find(self, embedding_model, &stored, err)) return false;
    *is_there = stored != 0;
    return !*is_there || stored == width ||
           error_set(err, ERROR_CONFLICT,
                     "the stored vectors of the model %s have %zu numbers and this one has %zu: "
                     "another model took its name; start with the former model, or with another "
                     "QDRANT_COLLECTION",
                     embedding_model, stored, width);
}

static json_t *vector_parameters(size_t width) {
    return json_pack("{s:{s:I, s:s}, s:{s:{s:s, s:f, s:b}}, s:b}", "vectors", "size",
                     (json_int_t)width, "distance", "Cosine", "quantization_config", "scalar",
                     "type", "int8", "quantile", 0.99, "always_ram", 1, "on_disk_payload", 1);
}

// The collection without its point in NAME_spaces is what a removal, or another making of the same,
// left half done: whatever it holds goes.
static bool create_space(struct qdrant_store *self, const char *embedding_model, size_t width,
                         struct error *err) {
    char collection[QDRANT_COLLECTION_SIZE], point_id[POINT_ID_SIZE];
    struct qdrant_space spaces[STORE_SPACES_MAX];
    size_t count;
    if (!qdrant_space_read_all(self, spaces, &count, err)) return false;
    if (count == STORE_SPACES_MAX)
        return error_set(err, ERROR_CONFLICT,
                         "there are vectors of %d models already; drop those of one that is not "
                         "used any more",
                         STORE_SPACES_MAX);
    qdrant_space_collection(self, embedding_model, collection);
    space_point_id(embedding_model, point_id);
    bool is_done = delete_collection(self, collection, err) &&
                   create_collection(self, collection, vector_parameters(width), err);
    for (size_t i = 0; i < sizeof vector_indexes / sizeof *vector_indexes && is_done; i++)
        is_done =
            create_index(self, collection, vector_indexes[i].field, vector_indexes[i].schema, err);
    return is_done && qdrant_write(self, "PUT", self->spaces, "/points?wait=true",
                                   json_pack("{s:[{s:s, s:[f], s:{s:s, s:I}}]}", "points", "id",
                                             point_id, "vector", 1.0, "payload", "embedding_model",
                                             embedding_model, "width", (json_int_t)width),
                                   err);
}

bool qdrant_space_ensure(struct qdrant_store *self, const char *embedding_model, size_t width,
                         struct error *err) {
    bool is_there;
    if (width == 0) return error_set(err, ERROR_INTERNAL, "a picture without a vector");
    return qdrant_space_check(self, embedding_model, width, &is_there, err) &&
           (is_there || create_space(self, embedding_model, width, err));
}

bool qdrant_space_read_all(struct qdrant_store *self,
                           struct qdrant_space spaces[static STORE_SPACES_MAX], size_t *count,
                           struct error *err) {
    json_t *points;
    *count = 0;
    // One more: the point of the active space.
    if (!qdrant_scroll(self, self->spaces,
                       json_pack("{s:i, s:b}", "limit", STORE_SPACES_MAX + 1, "with_payload", 1),
                       &points, NULL, err))
        return false;
    for (size_t i = 0; i < json_array_size(points) && *count < STORE_SPACES_MAX; i++)
        if (read_space(json_array_get(points, i), &spaces[*count])) ++*count;
    json_decref(points);
    return true;
}

bool qdrant_list_spaces(struct store *store, struct store_space spaces[static STORE_SPACES_MAX],
                        size_t *count, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    struct qdrant_space found[STORE_SPACES_MAX];
    size_t found_count;
    *count = 0;
    if (!qdrant_begin_read(self, err) || !qdrant_space_read_all(self, found, &found_count, err))
        return false;
    for (size_t i = 0; i < found_count; i++) {
        char collection[QDRANT_COLLECTION_SIZE];
        struct store_space *space = &spaces[*count];
        qdrant_space_collection(self, found[i].embedding_model, collection);
        memcpy(space->embedding_model, found[i].embedding_model, sizeof space->embedding_model);
        space->width = found[i].width;
        if (!qdrant_count(self, collection, json_object(), &space->count, err)) return false;
        if (space->count > 0) ++*count;
    }
    return true;
}

static bool read_active(struct qdrant_store *self, char embedding_model[static STORE_MODEL_SIZE],
                        struct error *err) {
    json_t *points;
    if (!qdrant_retrieve(self, self->spaces, qdrant_one_id(active_point_id), json_true(), false,
                         &points, err))
        return false;
    const json_t *payload = json_object_get(json_array_get(points, 0), "payload");
    const char *name = json_string_value(json_object_get(payload, "active"));
    (void)snprintf(embedding_model, STORE_MODEL_SIZE, "%s", name == NULL ? "" : name);
    json_decref(points);
    return true;
}

bool qdrant_get_active_space(struct store *store, char embedding_model[static STORE_MODEL_SIZE],
                             struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    embedding_model[0] = '\0';
    return qdrant_begin_read(self, err) && read_active(self, embedding_model, err);
}

// Of these images those that have a vector in the space get its name.
static bool rename_page(struct qdrant_store *self, const char *collection,
                        const char *embedding_model, const json_t *page, struct error *err) {
    json_t *ids = json_array(), *found = NULL, *there = json_array();
    for (size_t i = 0; i < json_array_size(page); i++)
        (void)json_array_append(ids, json_object_get(json_array_get(page, i), "id"));
    bool is_done = qdrant_retrieve(self, collection, ids, json_false(), false, &found, err);
    for (size_t i = 0; i < json_array_size(found); i++)
        (void)json_array_append(there, json_object_get(json_array_get(found, i), "id"));
    if (is_done && json_array_size(there) > 0)
        is_done = qdrant_set_payload(self, self->images, json_incref(there),
                                     json_pack("{s:s}", "embedding_model", embedding_model), err);
    json_decref(there);
    json_decref(found);
    return is_done;
}

static bool rename_all(struct qdrant_store *self, const char *embedding_model, struct error *err) {
    char collection[QDRANT_COLLECTION_SIZE];
    json_t *offset = NULL;
    bool is_done = true;
    qdrant_space_collection(self, embedding_model, collection);
    do {
        json_t *page = NULL;
        json_t *body = json_pack("{s:i, s:{s:[o]}, s:b, s:o*}", "limit", SPACE_PAGE, "filter",
                                 "must_not", condition_match("embedding_model", embedding_model),
                                 "with_payload", 0, "offset", offset);
        is_done = qdrant_scroll(self, self->images, body, &page, &offset, err) &&
                  (json_array_size(page) == 0 ||
                   rename_page(self, collection, embedding_model, page, err));
        json_decref(page);
    } while (is_done && offset != NULL);
    json_decref(offset);
    return is_done;
}

bool qdrant_set_active_space(struct store *store, const char *embedding_model, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    size_t width;
    if (!qdrant_begin_write(self, err)) return false;
    return qdrant_end_write(
        self,
        qdrant_space_find(self, embedding_model, &width, err) &&
            (width == 0 || rename_all(self, embedding_model, err)) &&
            qdrant_write(self, "PUT", self->spaces, "/points?wait=true",
                         json_pack("{s:[{s:s, s:[f], s:{s:s}}]}", "points", "id", active_point_id,
                                   "vector", 1.0, "payload", "active", embedding_model),
                         err));
}

static bool drop_space(struct qdrant_store *self, const char *embedding_model, struct error *err) {
    char active[STORE_MODEL_SIZE], collection[QDRANT_COLLECTION_SIZE], point_id[POINT_ID_SIZE];
    if (!read_active(self, active, err)) return false;
    if (strcmp(active, embedding_model) == 0)
        return error_set(err, ERROR_CONFLICT,
                         "the vectors of %s are those that searches use; choose another space "
                         "before they are dropped",
                         embedding_model);
    qdrant_space_collection(self, embedding_model, collection);
    space_point_id(embedding_model, point_id);
    forget_spaces(self);
    return qdrant_delete(self, self->spaces, qdrant_one_id(point_id), err) &&
           delete_collection(self, collection, err);
}

bool qdrant_remove_space(struct store *store, const char *embedding_model, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    return qdrant_begin_write(self, err) &&
           qdrant_end_write(self, drop_space(self, embedding_model, err));
}
