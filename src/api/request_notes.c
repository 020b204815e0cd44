#include "api/request_notes.h"

#include <stdio.h>

#include "api/api.h"

_Static_assert(sizeof(struct request_notes) <= API_NOTES_SIZE, "too many notes");

// What a known picture's caption cost was paid before.
static int64_t cost_of(const struct ingest_result *result) {
    return result->was_known ? 0 : result->record.receipt.cost_nano_usd;
}

void request_note_upload(struct http_request *request, const struct ingest_result *result) {
    struct request_notes *notes = http_request_notes(request);
    const struct image_record *record = &result->record;
    struct upload_notes *upload = &notes->upload;
    notes->kind = REQUEST_UPLOAD;
    (void)snprintf(upload->image_id, sizeof upload->image_id, "%s", record->id);
    (void)snprintf(upload->origin, sizeof upload->origin, "%s", record->origin);
    (void)snprintf(upload->reason, sizeof upload->reason, "%s", record->receipt.reason);
    (void)snprintf(upload->provider, sizeof upload->provider, "%s", record->receipt.provider);
    upload->cost_nano_usd = cost_of(result);
    upload->was_known = result->was_known;
    upload->cloud_ms = result->was_known ? 0 : record->receipt.cloud_ms;
    upload->timings = result->timings;
}

void request_note_batch(struct http_request *request, const struct batch *batch) {
    struct request_notes *notes = http_request_notes(request);
    notes->kind = REQUEST_BATCH;
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        if (item->problem.error.kind != ERROR_NONE) {
            notes->batch.failed++;
            continue;
        }
        notes->batch.stored += !item->result.was_known;
        notes->batch.known += item->result.was_known;
        notes->batch.cost_nano_usd += cost_of(&item->result);
    }
}

void request_note_search(struct http_request *request, enum search_mode mode,
                         const struct search_answer *answer) {
    struct request_notes *notes = http_request_notes(request);
    notes->kind = REQUEST_SEARCH;
    notes->search =
        (struct search_notes){.mode = mode, .results = answer->count, .timings = answer->timings};
}
