// What a handler tells of its request for the log line at its end (request_log.h), kept with the
// request. Zeros: a request that needs no more than what HTTP knows of it.
#pragma once

#include "api/batch_body.h"
#include "service/search.h"
#include "service/service.h"

struct span;

enum request_kind { REQUEST_PLAIN, REQUEST_UPLOAD, REQUEST_BATCH, REQUEST_SEARCH };

struct request_notes {
    struct span *span;       // of the request; NULL: it has none yet, or none at all
    enum request_kind kind;  // which of the structs below is filled
    struct upload_notes {
        char image_id[IMAGE_ID_SIZE];  // empty: captioned and not stored
        char origin[STORE_ORIGIN_SIZE];
        char reason[RECEIPT_REASON_SIZE];  // empty: the image has no receipt
        char provider[RECEIPT_NAME_SIZE];
        int64_t cost_nano_usd;  // of this request
        bool was_known;
        double cloud_ms;
        struct ingest_timings timings;
    } upload;
    struct batch_notes {
        size_t stored, known, failed;
        int64_t cost_nano_usd;
    } batch;
    struct search_notes {
        enum search_mode mode;
        size_t results;
        struct search_timings timings;
    } search;
};

void request_note_upload(struct http_request *request, const struct ingest_result *result);
void request_note_batch(struct http_request *request, const struct batch *batch);
void request_note_search(struct http_request *request, enum search_mode mode,
                         const struct search_answer *answer);
