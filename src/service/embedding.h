// Vectors of texts and pictures that are not stored, by the embedding model that runs. Nothing is
// kept. Any thread.
#pragma once

#include "service/service.h"

struct embedding_result {
    struct embedding embedding;
    uint32_t width, height;  // of the picture, upright; 0 for texts
    double decode_ms;        // of the picture
    struct engine_timings engine;
};

// A text that is longer than the model reads is cut. Errors: the engine's.
bool service_embed_text(struct service *service, const char *text, enum queue_lane lane,
                        struct embedding_result *result, struct error *err);
// In the bulk lane as service_ingest_image. Errors: those of image_decode and the engine.
bool service_embed_image(struct service *service, const void *bytes, size_t size,
                         enum queue_lane lane, struct embedding_result *result, struct error *err);
// A picture from an address: fetched, then as above.
bool service_embed_url(struct service *service, const char *url, enum queue_lane lane,
                       struct embedding_result *result, struct error *err);
