// POST /images/batch: many pictures in one request. Each goes the way of an upload, in the bulk
// lane of the engine, and has its own answer or its own problem.
#include <stdatomic.h>

#include "api/api.h"
#include "api/batch_body.h"
#include "api/batch_threads.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/request_notes.h"
#include "api/upload.h"
#include "observe/trace.h"

struct batch_work {
    struct api *api;
    struct batch *batch;
};

static void ingest(const struct api *api, struct batch_item *item, size_t index) {
    struct error *err = &item->problem.error;
    struct span *span = span_begin("picture", SPAN_INTERNAL);
    span_set_integer(span, "imgrouter.batch.index", (int64_t)index);
    // A picture that is no good is no failure of the server.
    if (!upload_ingest(api->service, &item->body, QUEUE_BULK, &item->result, err) &&
        error_http_status(err->kind) >= 500)
        span_set_error(span, error_kind_name(err->kind));
    span_end(span);
}

static void work_on(void *context, size_t index) {
    const struct batch_work *work = context;
    struct batch_item *item = &work->batch->items[index];
    struct error *err = &item->problem.error;
    if (err->kind != ERROR_NONE) return;
    item->body.quality = work->batch->quality;
    if (atomic_load(&work->api->is_stopping))
        error_set(err, ERROR_UNAVAILABLE, "the server is stopping; send this picture again");
    else
        ingest(work->api, item, index);
}

static json_t *item_json_create(const struct batch_item *item, size_t index) {
    const struct picture_body *body = &item->body;
    bool is_failed = item->problem.error.kind != ERROR_NONE;
    json_t *json = is_failed ? json_object() : upload_json_create(&item->result);
    json_object_set_new(json, "index", json_integer((json_int_t)index));
    json_object_set_new(json, body->url[0] != '\0' ? "url" : "filename",
                        json_text(body->url[0] != '\0' ? body->url : body->file_name));
    if (is_failed) json_object_set_new(json, "problem", problem_json_create(&item->problem.error));
    return json;
}

static json_t *batch_json_create(const struct batch *batch) {
    json_int_t known = 0, failed = 0;
    json_t *results = json_array();
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        bool is_failed = item->problem.error.kind != ERROR_NONE;
        failed += is_failed;
        known += !is_failed && item->result.was_known;
        json_array_append_new(results, item_json_create(item, i));
    }
    return json_pack("{s:o, s:I, s:I, s:I}", "results", results, "stored",
                     (json_int_t)batch->count - known - failed, "known", known, "failed", failed);
}

void images_batch_post(struct http_request *request, struct http_response *response,
                       void *context) {
    struct api *api = context;
    struct problem problem = {0};
    struct batch batch;
    bool has_place = batch_enter(api, &problem.error);
    if (has_place && batch_body_read(&batch, request, &problem)) {
        batch_threads_run(api, batch.count, work_on,
                          &(struct batch_work){.api = api, .batch = &batch});
        request_note_batch(request, &batch);
        answer_json(response, 200, batch_json_create(&batch));
        batch_clear(&batch);
    } else {
        problem_answer(&problem, response);
    }
    if (has_place) batch_leave(api);
}
