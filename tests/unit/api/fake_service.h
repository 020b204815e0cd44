// A service, an engine and a store that answer from memory, linked in place of the real ones, so
// that the API is tested alone. What the API asked for is kept for the tests to look at.
#pragma once

#include <stdatomic.h>

#include "service/service.h"

struct fake_service {
    struct error failure;  // when set, every call fails with it
    // When not NULL, only uploads of a picture that begins with this, or of an address that ends
    // with it, fail.
    const char *failing_upload;
    struct image_record record;
    bool was_known;
    bool is_cut;
    bool has_more;
    bool finds_nothing;
    size_t list_count;  // records the list answers
    struct engine_info engine;
    struct reindex_progress progress;
    struct ledger_status status;
    struct store_figures figures;
    bool is_relevance_ready;
    struct ledger_costs costs[2];
    struct ledger_summary summary;

    // What was asked.
    atomic_int upload_calls;
    atomic_int embed_calls;
    enum queue_lane lane;  // of the last upload
    enum route_quality quality;
    char called[32];
    char file_name[STORE_NAME_SIZE];
    char url[STORE_URL_SIZE];
    char query[256];
    char id[IMAGE_ID_SIZE];
    unsigned char bytes[64];  // the first of the picture
    size_t size;
    size_t k;
    struct search_request search;  // with copies of the filter's texts below
    char filter[512];              // "ids=a,b tags=c words=d origin=e"
    size_t limit;
    uint32_t max_side;
    struct store_cursor cursor;
    int64_t from_day;
};

extern struct fake_service fake;
extern struct store fake_store;
extern struct ledger fake_ledger;

void fake_service_reset(void);
