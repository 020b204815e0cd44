// An engine without models, linked in place of the real one: answers follow from the colour of the
// first pixel, and tests can make it fail, wait or count. Set everything but the atomics before
// the first call.
#pragma once

#include <stdatomic.h>

#include "engine/engine.h"

enum { FAKE_WIDTH = 4, FAKE_FORMER_WIDTH = 5 };

struct fake_engine {
    struct engine_info info;
    struct error failure;       // every call fails with it while it is set
    bool is_cut;                // what engine_embed_text reports
    float confidence;           // of captions
    const char *caption;        // NULL: from the colour
    atomic_size_t queue_depth;  // what engine_queue_depth tells
    atomic_int caption_calls;   // of captions without a vector
    atomic_bool is_blocked;     // describe, and embed in the bulk lane, wait until it is false
    atomic_int refusals_left;   // so many describes find the queue full
    atomic_int lane;            // of the last describe
    atomic_int describe_calls;  // begun
    atomic_int embed_calls;
    atomic_int refused_embeds;  // so many embeds of pictures find the queue full
    atomic_int preparing;       // pictures in engine_prepare_image; the most at once
    atomic_int most_preparing;
    atomic_int describing;  // pictures in engine_describe_image; the most at once
    atomic_int most_describing;
};

extern struct fake_engine fake_engine;
// Another model's, "former@1": its vectors have a number more, and nothing to do with the others.
extern struct fake_engine fake_former_engine;
extern atomic_int fake_engines_destroyed;

struct engine *fake_engine_reset(void);  // resets both; the one to hand to service_create
struct engine *fake_former(void);
// Waits until that many pictures have reached engine_describe_image.
void fake_engine_await_describes(int count);
// The vector of a colour, as pictures of it have; "red", "green" and "blue" as texts.
void fake_engine_vector(int red, int green, int blue, float vector[static FAKE_WIDTH]);
void fake_former_vector(int red, int green, int blue, float vector[static FAKE_FORMER_WIDTH]);
