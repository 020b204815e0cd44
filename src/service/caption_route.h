// Captioning a picture: who does it is decided (route/policy.h), it is done, and the receipt says
// how it came about. The local models are the floor: whatever becomes of a provider, a caption
// comes. The picture's vector is always made here, by the model that runs.
#pragma once

#include "engine/engine.h"
#include "route/policy.h"
#include "service/experiment.h"
#include "store/store.h"

struct service;

struct caption_subject {
    const void *bytes;  // of the picture's file
    size_t size;
    uint32_t width, height;  // upright, of the file
    const char *sha256;
    const struct prepared_image *image;  // for both models
    enum queue_lane lane;
    enum route_quality quality;
    // Whose way it goes; NULL: the image's own of the experiment, and without one the settings'.
    const struct experiment_variant *variant;
    bool is_shadow;  // paid from the experiment's own purse
};

struct routed_caption {
    struct embedding embedding;
    char text[STORE_CAPTION_SIZE];
    char origin[STORE_ORIGIN_SIZE];
    char model[STORE_MODEL_SIZE];
    char tags[STORE_TAGS_SIZE];  // of a provider that tells labels; empty: none
    // Of the local model, where it was asked, else the provider's; -1: nobody told one.
    double confidence;
    double clip_score;
    struct receipt receipt;
    struct engine_timings timings;
    size_t local_tokens;      // that the local model generated
    double local_confidence;  // its own; -1: it was not asked
    double total_ms;
    // Of the experiment; NULL: there is none, or it is no new caption.
    const struct experiment_variant *variant;
};

// In the bulk lane the caller holds a bulk slot (service_private.h), which is given back here as
// soon as the local models are done, so that who waits for a provider keeps nobody from them.
// Errors: the engine's.
bool caption_route(struct service *service, const struct caption_subject *subject,
                   struct routed_caption *caption, struct error *err);
// The cosine of a picture's vector and a caption's; 0 when the models are too busy to say.
double caption_clip_score(struct engine *engine, const char *caption,
                          const struct embedding *picture, enum queue_lane lane);
