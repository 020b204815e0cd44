#include "fake_engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct fake_engine fake_engine;

struct engine *fake_engine_reset(void) {
    fake_engine = (struct fake_engine){
        .info = {.caption_model = "captioner",
                 .embedding_model = "space@1",
                 .embedding_width = FAKE_WIDTH,
                 .logit_scale = 100,
                 .queue_capacity = 32,
                 .precision = "f32",
                 .kernel_tier = "scalar"},
    };
    return (struct engine *)&fake_engine;  // opaque: only the functions below look at it
}

static void pause_a_moment(void) { (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL); }

void fake_engine_await_describes(int count) {
    while (atomic_load(&fake_engine.describe_calls) < count) pause_a_moment();
}

void fake_engine_vector(int red, int green, int blue, float vector[static FAKE_WIDTH]) {
    // The last number keeps black from being no direction at all.
    const float colour[FAKE_WIDTH] = {(float)red, (float)green, (float)blue, 8};
    float length = sqrtf(colour[0] * colour[0] + colour[1] * colour[1] + colour[2] * colour[2] +
                         colour[3] * colour[3]);
    for (int i = 0; i < FAKE_WIDTH; i++) vector[i] = colour[i] / length;
}

static bool fails(struct error *err) {
    if (fake_engine.failure.kind == ERROR_NONE) return false;
    error_set(err, fake_engine.failure.kind, "%s", fake_engine.failure.text);
    return true;
}

static void embed(const struct prepared_image *image, struct embedding *embedding) {
    embedding->width = FAKE_WIDTH;
    fake_engine_vector(image->hash[0], image->hash[1], image->hash[2], embedding->values);
}

const struct engine_info *engine_info(const struct engine *engine) {
    (void)engine;
    return &fake_engine.info;
}

bool engine_prepare_image(struct engine *engine, const void *bytes, size_t size,
                          const struct image_limits *limits, enum image_use use,
                          struct prepared_image *image, struct image_info *info,
                          struct error *err) {
    (void)engine, (void)use;
    struct pixels pixels;
    int preparing = atomic_fetch_add(&fake_engine.preparing, 1) + 1;
    if (preparing > atomic_load(&fake_engine.most_preparing))
        atomic_store(&fake_engine.most_preparing, preparing);
    *image = (struct prepared_image){0};
    bool is_done = image_decode(bytes, size, limits, &pixels, info, err);
    if (is_done) memcpy(image->hash, pixels.rgb, 3);
    image->decode_ms = 0.25;
    pixels_clear(&pixels);
    pause_a_moment();
    atomic_fetch_sub(&fake_engine.preparing, 1);
    return is_done;
}

void prepared_image_clear(struct prepared_image *image) { *image = (struct prepared_image){0}; }

bool engine_describe_image(struct engine *engine, const struct prepared_image *image,
                           enum queue_lane lane, struct description *description,
                           struct error *err) {
    (void)engine;
    atomic_fetch_add(&fake_engine.describe_calls, 1);
    while (atomic_load(&fake_engine.is_blocked)) pause_a_moment();
    if (fails(err)) return false;
    if (lane != QUEUE_INTERACTIVE) return error_set(err, ERROR_INTERNAL, "the wrong lane");
    memset(description, 0, sizeof *description);
    (void)snprintf(description->caption.text, sizeof description->caption.text,
                   "a picture of %d %d %d", image->hash[0], image->hash[1], image->hash[2]);
    description->caption.confidence = 0.75F;
    description->clip_score = 0.25F;
    description->timings =
        (struct engine_timings){.queue_ms = 1, .batch_size = 2, .caption_decode_ms = 20};
    embed(image, &description->embedding);
    return true;
}

bool engine_embed_image(struct engine *engine, const struct prepared_image *image,
                        enum queue_lane lane, struct embedding *embedding,
                        struct engine_timings *timings, struct error *err) {
    (void)engine, (void)lane;
    atomic_fetch_add(&fake_engine.embed_calls, 1);
    if (fails(err)) return false;
    embed(image, embedding);
    *timings = (struct engine_timings){.batch_size = 1, .embedding_ms = 3};
    return true;
}

bool engine_embed_text(struct engine *engine, const char *text, enum queue_lane lane,
                       struct embedding *embedding, bool *is_cut, struct engine_timings *timings,
                       struct error *err) {
    (void)engine, (void)lane;
    atomic_fetch_add(&fake_engine.embed_calls, 1);
    if (fails(err)) return false;
    embedding->width = FAKE_WIDTH;
    fake_engine_vector(255 * (strstr(text, "red") != NULL), 255 * (strstr(text, "green") != NULL),
                       255 * (strstr(text, "blue") != NULL), embedding->values);
    *is_cut = fake_engine.is_cut;
    *timings = (struct engine_timings){.batch_size = 5, .embedding_ms = 2};
    return true;
}
