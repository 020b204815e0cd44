// What the product does, without HTTP: take a picture in, find pictures, give them back, delete
// them. Owns nothing it is given. All functions may be called from any thread.
#pragma once

#include "base/error.h"
#include "cloud/cloud.h"
#include "engine/engine.h"
#include "fetch/fetch.h"
#include "image/decode.h"
#include "observe/metrics.h"
#include "route/policy.h"
#include "service/duplicates.h"
#include "service/experiment.h"
#include "service/reindex.h"
#include "service/relevance.h"
#include "service/search.h"
#include "store/blob_folder.h"
#include "store/store.h"

struct service_options {
    struct engine *engine;
    struct store *store;
    struct blob_folder *blobs;
    struct metrics *metrics;      // NULL: nothing is counted
    struct relevance *relevance;  // NULL: search results have none
    struct cloud *cloud;          // NULL: every caption is local
    struct route_policy policy;
    const struct experiment *experiment;  // that runs; NULL: none
    struct ledger *ledger;                // where it is written down; else not needed
    // Opens the model that made this space's vectors, to search them while pictures get new ones;
    // the service destroys it. NULL: that model is not on this machine. May be NULL itself.
    struct engine *(*open_former)(const void *context, const char *embedding_model);
    const void *open_former_context;
    struct image_limits image_limits;
    struct fetch_limits fetch_limits;
    size_t decode_threads;  // pictures decoded at once
};

struct service;

// What became of an image, for those who follow: "stored" (new, or described anew), "changed",
// "deleted". Called on the thread that did it, after it is durable; must not wait.
typedef void image_observer(void *context, const char *id, const char *change);

struct service *service_create(const struct service_options *options, struct error *err);
void service_destroy(struct service *service);
// Before other threads use the service.
void service_observe_images(struct service *service, image_observer *observer, void *context);

struct ingest_timings {
    double decode_ms;
    struct engine_timings engine;
    double store_ms;
    double total_ms;
};

struct ingest_result {
    struct image_record record;
    struct duplicates duplicates;  // empty where they could not be found out
    bool was_known;                // the same bytes were here already; nothing was computed
    struct ingest_timings timings;
    size_t local_tokens;      // that the local caption model generated
    double local_confidence;  // its own; -1: it was not asked
};

struct ingest_options {
    const char *file_name;  // NULL: none
    enum queue_lane lane;
    enum route_quality quality;
    // Told what is being done, on the calling thread: "fetch", "decode", "caption", "store", each a
    // literal, in this order; known pictures skip what they do not need. NULL: nobody is told.
    void (*note_stage)(void *context, const char *stage);
    void *stage_context;
};

// A picture as bytes. Answers only when everything is durable. The same bytes uploaded at the
// same time are computed once. In the bulk lane a full model queue is waited for, and only so many
// pictures are at work at once that interactive ones find a place. Who captions it, the local
// models or a cloud provider, is route/policy.h's decision; no provider's failure is an error here.
// Known bytes are captioned anew when QUALITY_HIGH asks for it and their caption is local. Errors:
// those of image_decode, the engine, the store.
bool service_ingest_image(struct service *service, const void *bytes, size_t size,
                          const struct ingest_options *options, struct ingest_result *result,
                          struct error *err);
// A picture from an address: fetched, then as above; the file name is the address's.
bool service_ingest_url(struct service *service, const char *url,
                        const struct ingest_options *options, struct ingest_result *result,
                        struct error *err);

bool service_get_image(struct service *service, const char *id, struct image_record *record,
                       struct error *err);
bool service_list_images(struct service *service, struct store_cursor *cursor, size_t limit,
                         struct image_record *records, size_t *count, bool *has_more,
                         struct error *err);
// *updated is the record afterwards. Errors: the store's, ERROR_INVALID (a caption of blanks).
bool service_change_image(struct service *service, const char *id,
                          const struct image_change *change, struct image_record *updated,
                          struct error *err);
bool service_delete_image(struct service *service, const char *id, struct error *err);
// Original bytes; caller frees with memory_free.
char *service_image_content(struct service *service, const char *id, struct image_record *record,
                            size_t *size, struct error *err);
// JPEG of at most max_side; caller frees with memory_free.
char *service_image_thumbnail(struct service *service, const char *id, uint32_t max_side,
                              size_t *size, struct error *err);

// No further captions of an experiment's shadow; what is under way ends by itself. Does not wait.
void service_stop_shadow(struct service *service);

// Everything a request needs is there: the store answers. The engine is there as long as we are.
bool service_is_ready(struct service *service, struct error *err);
