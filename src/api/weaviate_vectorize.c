// The inference API of Weaviate's module multi2vec-clip: POST /vectorize, GET /meta, and the probes
// it waits for at its start.
//
//   {"texts": […], "images": [base64, …]} -> {"textVectors": [[…]], "imageVectors": [[…]]}
//   errors: {"error": "…"}
#include <string.h>

#include "api/api.h"
#include "api/embedding_batch.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/json_body.h"
#include "api/served_model.h"
#include "api/vector_text.h"
#include "engine/model_source.h"

enum { ANSWER_SIZE_MAX = 64 * 1024 * 1024 };

static const char json_example[] = "{\"texts\": [\"a red car\"], \"images\": [\"/9j/4AAQ…\"]}";

struct vectorize_request {
    json_t *json;
    struct embedding_batch batch;  // texts, then pictures
    size_t text_count;
    struct problem problem;
};

// Weaviate sends null where there are none.
static bool is_list(const json_t *list) {
    return list == NULL || json_is_null(list) || json_is_array(list);
}

static bool add_all(struct vectorize_request *vectorize, const json_t *list,
                    enum embedding_kind kind) {
    const json_t *item;
    size_t i;
    json_array_foreach((json_t *)list, i, item) {
        if (!embedding_batch_add(&vectorize->batch, kind, item, &vectorize->problem.error))
            return false;
    }
    return true;
}

static bool read_request(struct vectorize_request *vectorize, const struct http_request *request) {
    struct error *err = &vectorize->problem.error;
    vectorize->json = json_body_read_long(request, json_example, &vectorize->problem);
    if (vectorize->json == NULL) return false;
    const json_t *texts = json_object_get(vectorize->json, "texts");
    const json_t *images = json_object_get(vectorize->json, "images");
    if (!json_is_object(vectorize->json) || !is_list(texts) || !is_list(images))
        return error_set(err, ERROR_INVALID, "the body must be an object such as %s", json_example);
    vectorize->text_count = json_array_size(texts);
    size_t count = vectorize->text_count + json_array_size(images);
    return count == 0 || (embedding_batch_init(&vectorize->batch, count, err) &&
                          add_all(vectorize, texts, EMBEDDING_OF_TEXT) &&
                          add_all(vectorize, images, EMBEDDING_OF_BASE64));
}

static void append_vectors(struct byte_buffer *buffer, const struct embedding_batch *batch,
                           size_t first, size_t end) {
    byte_buffer_append_text(buffer, "[");
    for (size_t i = first; i < end; i++) {
        if (i > first) byte_buffer_append_text(buffer, ",");
        vector_append_json(buffer, &batch->items[i].embedding);
    }
    byte_buffer_append_text(buffer, "]");
}

static bool answer(struct http_response *response, const struct vectorize_request *vectorize,
                   struct error *err) {
    const struct embedding_batch *batch = &vectorize->batch;
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, ANSWER_SIZE_MAX);
    byte_buffer_append_text(&buffer, "{\"textVectors\":");
    append_vectors(&buffer, batch, 0, vectorize->text_count);
    byte_buffer_append_text(&buffer, ",\"imageVectors\":");
    append_vectors(&buffer, batch, vectorize->text_count, batch->count);
    byte_buffer_append_text(&buffer, "}");
    return answer_buffer(response, "application/json", &buffer, err);
}

void weaviate_vectorize_post(struct http_request *request, struct http_response *response,
                             void *context) {
    struct api *api = context;
    struct vectorize_request vectorize = {.json = NULL};
    struct error *err = &vectorize.problem.error;
    bool is_done =
        read_request(&vectorize, request) &&
        (vectorize.batch.count == 0 || embedding_batch_run(&vectorize.batch, api, err)) &&
        answer(response, &vectorize, err);
    if (!is_done) {
        http_response_set_error(response, err);  // the status, Retry-After and the log
        answer_json(response, error_http_status(err->kind),
                    json_pack("{s:o}", "error", json_text(err->text)));
    }
    embedding_batch_clear(&vectorize.batch);
    json_decref(vectorize.json);
}

void weaviate_meta_get(struct http_request *request, struct http_response *response,
                       void *context) {
    (void)request;
    const struct api *api = context;
    const struct engine_info *info = engine_info(api->engine);
    const char *name = served_model_name(info, SERVED_EMBEDDING);
    answer_json(response, 200,
                json_pack("{s:o, s:s, s:I, s:s, s:s}",                         //
                          "model", json_text(name),                            //
                          "source", model_source_name(model_source_of(name)),  //
                          "dimensions", (json_int_t)info->embedding_width,     //
                          "precision", info->embedding_precision,              //
                          "version", api->version));
}

void weaviate_live_get(struct http_request *request, struct http_response *response,
                       void *context) {
    (void)request;
    (void)context;
    http_response_set_status(response, 204);
}

// The store is not needed for vectors.
void weaviate_ready_get(struct http_request *request, struct http_response *response,
                        void *context) {
    (void)request;
    const struct api *api = context;
    struct error err = {0};
    http_response_set_status(response, 204);
    if (!atomic_load(&api->is_stopping)) return;
    error_set(&err, ERROR_UNAVAILABLE,
              "The server is stopping: it finishes what runs, and takes nothing new.");
    http_response_set_error(response, &err);
}
