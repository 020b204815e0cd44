// The marks that make writes over several collections end, whatever comes between their steps.
// `pending` of an image's point is "write" while what filters look at may differ between the point
// and the image's vectors, and "remove" from the beginning of its removal to its end.
#include <string.h>

#include "base/log.h"
#include "store/qdrant_store_private.h"

enum { REPAIR_PAGE = 100 };

bool qdrant_finish_remove(struct qdrant_store *self, const char *point_id, struct error *err) {
    struct qdrant_space spaces[STORE_SPACES_MAX];
    size_t count;
    if (!qdrant_space_read_all(self, spaces, &count, err)) return false;
    for (size_t i = 0; i < count; i++) {
        char collection[QDRANT_COLLECTION_SIZE];
        qdrant_space_collection(self, spaces[i].embedding_model, collection);
        if (!qdrant_delete(self, collection, qdrant_one_id(point_id), err)) return false;
    }
    return qdrant_delete(self, self->images, qdrant_one_id(point_id), err);
}

bool qdrant_finish_write(struct qdrant_store *self, const char *point_id,
                         const struct image_record *record, struct error *err) {
    struct qdrant_space spaces[STORE_SPACES_MAX];
    size_t count;
    if (!qdrant_space_read_all(self, spaces, &count, err)) return false;
    for (size_t i = 0; i < count; i++) {
        char collection[QDRANT_COLLECTION_SIZE];
        qdrant_space_collection(self, spaces[i].embedding_model, collection);
        if (!qdrant_set_payload(self, collection, qdrant_one_id(point_id),
                                payload_create_filterable(record), err))
            return false;
    }
    return qdrant_clear_pending(self, qdrant_one_id(point_id), err);
}

bool qdrant_clear_pending(struct qdrant_store *self, json_t *point_ids, struct error *err) {
    return qdrant_write(self, "POST", self->images, "/points/payload/delete?wait=true",
                        json_pack("{s:[s], s:{s:[{s:o}]}}", "keys", "pending", "filter", "must",
                                  "has_id", point_ids),
                        err);
}

static bool repair_point(struct qdrant_store *self, const json_t *point, struct error *err) {
    const json_t *payload = json_object_get(point, "payload");
    const char *pending = json_string_value(json_object_get(payload, "pending"));
    struct image_record record;
    payload_read(payload, &record);
    log_warning("ending a change of image %s that an interruption left half done", record.id);
    return pending != NULL && strcmp(pending, "remove") == 0
               ? qdrant_finish_remove(self, qdrant_point_id(point), err)
               : qdrant_finish_write(self, qdrant_point_id(point), &record, err);
}

bool qdrant_repair(struct qdrant_store *self, struct error *err) {
    bool is_done = true;
    size_t found = REPAIR_PAGE;
    while (is_done && found == REPAIR_PAGE) {
        json_t *points = NULL;
        json_t *body = json_pack("{s:i, s:{s:[{s:s, s:{s:[s, s]}}]}, s:b}", "limit", REPAIR_PAGE,
                                 "filter", "must", "key", "pending", "match", "any", "write",
                                 "remove", "with_payload", 1);
        is_done = qdrant_scroll(self, self->images, body, &points, NULL, err);
        found = json_array_size(points);
        for (size_t i = 0; i < found && is_done; i++)
            is_done = repair_point(self, json_array_get(points, i), err);
        json_decref(points);
    }
    return is_done;
}
