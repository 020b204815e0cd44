// GET /images, GET /images/{id} and DELETE /images/{id}.
#include "api/api.h"
#include "api/handlers.h"
#include "api/image_answer.h"
#include "api/image_cursor.h"
#include "api/json_answer.h"
#include "api/parameter.h"
#include "base/memory.h"

static json_t *cursor_json(const struct store_cursor *cursor) {
    char text[IMAGE_CURSOR_SIZE];
    image_cursor_write(cursor, text);
    return json_string(text);
}

static bool cursor_read(const struct http_request *request, struct store_cursor *cursor,
                        struct problem *problem) {
    const char *text = http_request_query(request, parameter_cursor.name);
    if (text == NULL || text[0] == '\0' || image_cursor_read(text, cursor)) return true;
    return problem_set_field(problem, "query", parameter_cursor.name, "value_error", "Not a cursor",
                             "The cursor is not one that this server gave; take next_cursor of "
                             "the page before, or leave it out to begin.");
}

static json_t *page_json(const struct image_record *records, size_t count,
                         const struct store_cursor *next) {
    json_t *images = json_array();
    enum model_source captions = MODEL_FULL, vectors = MODEL_FULL;  // the worst of them
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(images, image_json_create(&records[i]));
        enum model_source caption = model_source_of(records[i].caption_model);
        enum model_source vector = model_source_of(records[i].embedding_model);
        if (caption > captions) captions = caption;
        if (vector > vectors) vectors = vector;
    }
    json_t *page = json_pack("{s:o, s:o}", "images", images, "next_cursor",
                             next != NULL ? cursor_json(next) : json_null());
    notice_add(page, captions, vectors, false);
    return page;
}

void images_list(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    struct store_cursor cursor = {0};
    struct image_record *records = NULL;
    size_t count = 0;
    bool has_more = false;
    long limit = 0;
    if (!parameter_read_integer(request, &parameter_limit, &limit, &problem)) goto out;
    if (!cursor_read(request, &cursor, &problem)) goto out;
    records = memory_try_array((size_t)limit, sizeof *records);
    if (records == NULL) {
        error_set(&problem.error, ERROR_INTERNAL,
                  "The server has no memory for a page of %ld images; ask for fewer.", limit);
        goto out;
    }
    if (!service_list_images(api->service, &cursor, (size_t)limit, records, &count, &has_more,
                             &problem.error))
        goto out;
    answer_json(response, 200, page_json(records, count, has_more ? &cursor : NULL));
out:
    if (problem.error.kind != ERROR_NONE) problem_answer(&problem, response);
    memory_free(records);
}

void image_get(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    struct image_record record;
    const char *id = image_id_read(request, &problem);
    if (id == NULL || !service_get_image(api->service, id, &record, &problem.error)) {
        problem_answer(&problem, response);
        return;
    }
    json_t *json = image_json_create(&record);
    record_notice_add(json, &record);
    answer_json(response, 200, json);
}

void image_delete(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    const char *id = image_id_read(request, &problem);
    if (id == NULL || !service_delete_image(api->service, id, &problem.error)) {
        problem_answer(&problem, response);
        return;
    }
    http_response_set_status(response, 204);
}
