// JSON bodies of uploads from strangers: whatever the bytes, either an address comes out or a
// sentence that says what is wrong. The request is a stand-in, linked in place of the http room's.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "api/batch_body.h"
#include "api/json_answer.h"
#include "api/picture_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct http_request {
    const uint8_t *body;
    size_t size;
};

const unsigned char *http_request_body(const struct http_request *request, size_t *size) {
    *size = request->size;
    return request->body;
}
const char *http_request_media_type(const struct http_request *request) {
    (void)request;
    return "application/json";
}
const char *http_request_query(const struct http_request *request, const char *name) {
    (void)request;
    (void)name;
    return NULL;
}
const struct http_part *http_request_parts(struct http_request *request, size_t *count,
                                           struct error *err) {
    (void)request;
    (void)count;
    (void)err;
    return NULL;
}

static void read_batch(struct http_request *request) {
    struct batch batch;
    struct problem problem = {0};
    if (batch_body_read(&batch, request, &problem)) {
        assert(batch.count > 0 && batch.count <= BATCH_PICTURES_MAX);
        for (size_t i = 0; i < batch.count; i++) {
            const struct batch_item *item = &batch.items[i];
            assert((item->body.url[0] != '\0') == (item->problem.error.kind == ERROR_NONE));
        }
        batch_clear(&batch);
    } else {
        assert(problem.error.kind != ERROR_NONE && problem.error.text[0] != '\0');
        assert(batch.items == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct http_request request = {data, size};
    read_batch(&request);
    struct picture_body body = {0};
    struct problem problem = {0};
    if (picture_body_read(&body, &request, &problem)) {
        assert(body.url[0] != '\0' && strlen(body.url) < sizeof body.url);
        assert(body.bytes == NULL);
        json_t *shown = json_text(body.url);
        assert(shown != NULL);
        json_decref(shown);
    } else {
        assert(problem.error.kind != ERROR_NONE && problem.error.text[0] != '\0');
    }
    return 0;
}
