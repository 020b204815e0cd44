// Reading by id, and listing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/qdrant_filter.h"
#include "store/qdrant_store_private.h"

enum {
    VECTORS_A_REQUEST = 250,
    LOOK_PAGE = 1000,  // images looked at in one request for those without a vector
};

static bool set_not_found(const char *id, struct error *err) {
    return error_set(err, ERROR_NOT_FOUND, "there is no image %.40s", id);
}

bool qdrant_get_record(struct qdrant_store *self, const char *id, struct image_record *record,
                       struct error *err) {
    char point_id[POINT_ID_SIZE];
    json_t *points;
    if (!point_id_from_image(id, point_id)) return set_not_found(id, err);
    if (!qdrant_retrieve(self, self->images, qdrant_one_id(point_id), payload_selection_of_record(),
                         false, &points, err))
        return false;
    bool is_there = json_array_size(points) > 0;
    if (is_there) payload_read(json_object_get(json_array_get(points, 0), "payload"), record);
    json_decref(points);
    return is_there || set_not_found(id, err);
}

bool qdrant_get(struct store *store, const char *id, struct image_record *record,
                struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    return qdrant_begin_read(self, err) && qdrant_get_record(self, id, record, err);
}

static bool read_vectors(struct qdrant_store *self, const char *const *ids, size_t count,
                         const char *collection, float *vectors, size_t width, bool *is_there,
                         struct error *err) {
    json_t *point_ids = json_array(), *points;
    for (size_t i = 0; i < count; i++) {
        char point_id[POINT_ID_SIZE];
        if (point_id_from_image(ids[i], point_id))
            (void)json_array_append_new(point_ids, json_string(point_id));
    }
    if (!qdrant_retrieve(self, collection, point_ids, json_false(), true, &points, err))
        return false;
    bool is_done = true;
    for (size_t p = 0; p < json_array_size(points) && is_done; p++) {
        const json_t *point = json_array_get(points, p);
        char id[IMAGE_ID_SIZE];
        if (!point_id_to_image(qdrant_point_id(point), id)) continue;
        for (size_t i = 0; i < count && is_done; i++) {
            if (strcmp(ids[i], id) != 0) continue;
            is_there[i] = true;
            is_done =
                vector_from_json(json_object_get(point, "vector"), vectors + i * width, width) ||
                error_set(err, ERROR_UPSTREAM, "Qdrant's answer has no vector of %s", id);
        }
    }
    json_decref(points);
    return is_done;
}

bool qdrant_get_vectors(struct store *store, const char *const *ids, size_t count,
                        const char *embedding_model, float *vectors, size_t width, bool *is_there,
                        struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    char collection[QDRANT_COLLECTION_SIZE];
    bool has_space;
    memset(is_there, 0, count * sizeof *is_there);
    if (!qdrant_begin_read(self, err) ||
        !qdrant_space_check(self, embedding_model, width, &has_space, err))
        return false;
    qdrant_space_collection(self, embedding_model, collection);
    for (size_t i = 0; i < count && has_space; i += VECTORS_A_REQUEST) {
        size_t part = count - i < VECTORS_A_REQUEST ? count - i : VECTORS_A_REQUEST;
        if (!read_vectors(self, ids + i, part, collection, vectors + i * width, width, is_there + i,
                          err))
            return false;
    }
    return true;
}

bool qdrant_get_vector(struct store *store, const char *id, const char *embedding_model,
                       float *vector, size_t width, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    struct image_record record;
    bool is_there;
    return qdrant_begin_read(self, err) && qdrant_get_record(self, id, &record, err) &&
           qdrant_get_vectors(store, &id, 1, embedding_model, vector, width, &is_there, err) &&
           (is_there ||
            error_set(err, ERROR_NOT_FOUND, "image %s has no vector of %s", id, embedding_model));
}

// A listing is a walk by created_ms, and where that is the same, by point id: that is by the
// image's id, the greatest first (qdrant_record.h). Qdrant orders by one of them at a time, so that
// a page is put together from up to three requests: what has the time of the cursor and comes after
// its id, what is older, and all of the last time in it, whose images may have come in any order.
struct page {
    struct qdrant_store *self;
    bool needs_record;  // else only what orders it
    size_t limit;       // of points
    json_t *points;     // in their order
};

static json_t *page_payload(const struct page *page) {
    return page->needs_record ? payload_selection_of_record() : json_pack("[s]", "created_ms");
}

static int64_t point_created_ms(const json_t *point) {
    return json_integer_value(json_object_get(json_object_get(point, "payload"), "created_ms"));
}

// Appends what has this time, beginning with the point `from` (NULL: the first), `from` left out.
static bool append_time(struct page *page, int64_t created_ms, const char *from,
                        struct error *err) {
    json_t *found;
    json_int_t room = (json_int_t)(page->limit - json_array_size(page->points));
    json_t *body = json_pack("{s:I, s:{s:[{s:s, s:{s:I}}]}, s:o, s:s*}", "limit",
                             from == NULL ? room : room + 1, "filter", "must", "key", "created_ms",
                             "match", "value", (json_int_t)created_ms, "with_payload",
                             page_payload(page), "offset", from);
    if (!qdrant_scroll(page->self, page->self->images, body, &found, NULL, err)) return false;
    bool is_done = true;
    for (size_t i = 0; i < json_array_size(found); i++) {
        json_t *point = json_array_get(found, i);
        if (from != NULL && strcmp(qdrant_point_id(point), from) == 0) continue;
        if (json_array_size(page->points) < page->limit)
            is_done = json_array_append(page->points, point) == 0 && is_done;
    }
    json_decref(found);
    return is_done || qdrant_out_of_memory(err);
}

static json_t *older_than(bool has_bound, int64_t created_ms) {
    return has_bound ? json_pack("{s:[{s:s, s:{s:I}}]}", "must", "key", "created_ms", "range", "lt",
                                 (json_int_t)created_ms)
                     : json_object();
}

static int compare_points(const void *a, const void *b) {
    const json_t *left = *(json_t *const *)a, *right = *(json_t *const *)b;
    int64_t left_ms = point_created_ms(left), right_ms = point_created_ms(right);
    if (left_ms != right_ms) return left_ms > right_ms ? -1 : 1;
    return strcmp(qdrant_point_id(left), qdrant_point_id(right));
}

// Puts points that came newest first into their order and appends them; those of the last time only
// if it `is_whole`, else that time is asked for by itself.
static bool append_sorted(struct page *page, const json_t *found, bool is_whole,
                          struct error *err) {
    size_t count = json_array_size(found);
    json_t **sorted = memory_try_array(count, sizeof(json_t *));
    if (count == 0 || sorted == NULL) {
        memory_free(sorted);
        return count == 0 || qdrant_out_of_memory(err);
    }
    for (size_t i = 0; i < count; i++) sorted[i] = json_array_get(found, i);
    qsort(sorted, count, sizeof(json_t *), compare_points);
    int64_t last_ms = point_created_ms(sorted[count - 1]);
    bool is_done = true;
    for (size_t i = 0; i < count && is_done; i++) {
        if (!is_whole && point_created_ms(sorted[i]) == last_ms) break;
        is_done = json_array_append(page->points, sorted[i]) == 0 || qdrant_out_of_memory(err);
    }
    memory_free(sorted);
    return is_done && (is_whole || append_time(page, last_ms, NULL, err));
}

// Appends what is older than *bound_ms, or everything without a bound, which is moved to the last
// time that was looked at. *is_last: nothing is older than that.
static bool append_older(struct page *page, bool has_bound, int64_t *bound_ms, bool *is_last,
                         struct error *err) {
    json_t *found;
    size_t room = page->limit - json_array_size(page->points);
    json_t *body = json_pack("{s:I, s:o, s:o, s:{s:s, s:s}}", "limit", (json_int_t)room, "filter",
                             older_than(has_bound, *bound_ms), "with_payload", page_payload(page),
                             "order_by", "key", "created_ms", "direction", "desc");
    if (!qdrant_scroll(page->self, page->self->images, body, &found, NULL, err)) return false;
    size_t count = json_array_size(found);
    *is_last = count < room;
    if (count > 0) *bound_ms = point_created_ms(json_array_get(found, count - 1));
    bool is_done = append_sorted(page, found, *is_last, err);
    json_decref(found);
    return is_done;
}

// Up to `limit` points after the cursor; fewer only at the end, also when images are removed
// between the requests. The caller releases page->points, also after a failure.
static bool read_page(struct page *page, const struct store_cursor *cursor, struct error *err) {
    char point_id[POINT_ID_SIZE];
    bool has_bound = cursor->id[0] != '\0', is_last = false;
    int64_t bound_ms = cursor->created_ms;
    page->points = json_array();
    if (has_bound && !point_id_from_image(cursor->id, point_id))
        return error_set(err, ERROR_INVALID, "the position in the listing is none");
    bool is_done = !has_bound || append_time(page, bound_ms, point_id, err);
    while (is_done && !is_last && json_array_size(page->points) < page->limit) {
        is_done = append_older(page, has_bound, &bound_ms, &is_last, err);
        has_bound = true;
    }
    return is_done;
}

static void move_cursor(struct store_cursor *cursor, const json_t *point) {
    cursor->created_ms = point_created_ms(point);
    (void)point_id_to_image(qdrant_point_id(point), cursor->id);
}

bool qdrant_list(struct store *store, struct store_cursor *cursor, size_t limit,
                 struct image_record *records, size_t *count, bool *has_more, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    struct page page = {.self = self, .needs_record = true, .limit = limit + 1};
    *count = 0;
    *has_more = false;
    bool is_done = qdrant_begin_read(self, err) && read_page(&page, cursor, err);
    size_t found = is_done ? json_array_size(page.points) : 0;
    for (; *count < found && *count < limit; ++*count) {
        const json_t *point = json_array_get(page.points, *count);
        payload_read(json_object_get(point, "payload"), &records[*count]);
        move_cursor(cursor, point);
    }
    *has_more = found > limit;
    json_decref(page.points);
    return is_done;
}

// The ids of a page's points.
static json_t *page_ids(const struct page *page) {
    json_t *ids = json_array();
    for (size_t i = 0; i < json_array_size(page->points); i++)
        (void)json_array_append(ids, json_object_get(json_array_get(page->points, i), "id"));
    return ids;
}

static bool contains_point(const json_t *set, const json_t *point) {
    return json_object_get(set, qdrant_point_id(point)) != NULL;
}

// The ids of the page's points that have a vector, as the keys of an object.
static bool find_with_vector(const struct page *page, const char *collection, json_t **set,
                             struct error *err) {
    json_t *points;
    *set = NULL;
    if (!qdrant_retrieve(page->self, collection, page_ids(page), json_false(), false, &points, err))
        return false;
    *set = json_object();
    for (size_t i = 0; i < json_array_size(points); i++)
        (void)json_object_set_new(*set, qdrant_point_id(json_array_get(points, i)), json_true());
    json_decref(points);
    return true;
}

// The images without a vector of a page of all: those go into records, up to `limit`.
static bool pick_page(const struct page *page, const json_t *with_vector,
                      struct store_cursor *cursor, size_t limit, struct image_record *records,
                      size_t *count, bool *has_more, struct error *err) {
    for (size_t i = 0; i < json_array_size(page->points); i++) {
        const json_t *point = json_array_get(page->points, i);
        char id[IMAGE_ID_SIZE];
        if (!contains_point(with_vector, point) && point_id_to_image(qdrant_point_id(point), id)) {
            struct error problem = {0};
            *has_more = *count == limit;
            if (*has_more) return true;
            if (qdrant_get_record(page->self, id, &records[*count], &problem))
                ++*count;
            else if (problem.kind != ERROR_NOT_FOUND)  // not removed in this moment
                return error_set(err, problem.kind, "%s", problem.text);
        }
        move_cursor(cursor, point);
    }
    return true;
}

bool qdrant_list_without_vector(struct store *store, const char *embedding_model,
                                struct store_cursor *cursor, size_t limit,
                                struct image_record *records, size_t *count, bool *has_more,
                                struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    char collection[QDRANT_COLLECTION_SIZE];
    size_t width;
    *count = 0;
    *has_more = false;
    if (!qdrant_begin_read(self, err) || !qdrant_space_find(self, embedding_model, &width, err))
        return false;
    if (width == 0) return qdrant_list(store, cursor, limit, records, count, has_more, err);
    qdrant_space_collection(self, embedding_model, collection);
    bool is_done = true, is_last = false;
    while (is_done && !is_last && !*has_more) {
        struct page page = {.self = self, .limit = LOOK_PAGE};
        json_t *with_vector = NULL;
        is_done = read_page(&page, cursor, err) &&
                  find_with_vector(&page, collection, &with_vector, err) &&
                  pick_page(&page, with_vector, cursor, limit, records, count, has_more, err);
        is_last = json_array_size(page.points) < LOOK_PAGE;
        json_decref(with_vector);
        json_decref(page.points);
    }
    return is_done;
}
