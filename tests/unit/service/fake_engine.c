#include "fake_engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct fake_engine fake_engine, fake_former_engine;
atomic_int fake_engines_destroyed;

struct engine *fake_former(void) {
    return (struct engine *)&fake_former_engine;
}

struct engine *fake_engine_reset(void) {
    fake_former_engine = (struct fake_engine){
        .info = {.caption_model = "captioner",
                 .embedding_model = "former@1",
                 .embedding_width = FAKE_FORMER_WIDTH,
                 .precision = "f32",
                 .kernel_tier = "scalar",
                 .queue_capacity = 32},
    };
    atomic_store(&fake_engines_destroyed, 0);
    fake_engine = (struct fake_engine){
        .confidence = 0.75F,
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

static void normalize(float *vector, int width) {
    float square = 0;
    for (int i = 0; i < width; i++) square += vector[i] * vector[i];
    for (int i = 0; i < width; i++) vector[i] /= sqrtf(square);
}

void fake_engine_vector(int red, int green, int blue, float vector[static FAKE_WIDTH]) {
    // The last number keeps black from being no direction at all.
    const float colour[FAKE_WIDTH] = {(float)red, (float)green, (float)blue, 8};
    memcpy(vector, colour, sizeof colour);
    normalize(vector, FAKE_WIDTH);
}

void fake_former_vector(int red, int green, int blue, float vector[static FAKE_FORMER_WIDTH]) {
    const float colour[FAKE_FORMER_WIDTH] = {200, 8, (float)blue, (float)red, (float)green};
    memcpy(vector, colour, sizeof colour);
    normalize(vector, FAKE_FORMER_WIDTH);
}

static struct fake_engine *as_fake(struct engine *engine) { return (struct fake_engine *)engine; }

static bool fails(const struct fake_engine *self, struct error *err) {
    if (self->failure.kind == ERROR_NONE) return false;
    error_set(err, self->failure.kind, "%s", self->failure.text);
    return true;
}

static void enter(atomic_int *inside, atomic_int *most) {
    int now = atomic_fetch_add(inside, 1) + 1;
    if (now > atomic_load(most)) atomic_store(most, now);
}

static void embed(const struct fake_engine *self, int red, int green, int blue,
                  struct embedding *embedding) {
    embedding->width = self->info.embedding_width;
    if (self == &fake_former_engine)
        fake_former_vector(red, green, blue, embedding->values);
    else
        fake_engine_vector(red, green, blue, embedding->values);
}

const struct engine_info *engine_info(const struct engine *engine) {
    return &((const struct fake_engine *)engine)->info;
}

void engine_destroy(struct engine *engine) {
    if (engine != NULL) atomic_fetch_add(&fake_engines_destroyed, 1);
}

bool engine_prepare_image(struct engine *engine, const void *bytes, size_t size,
                          const struct image_limits *limits, enum image_use use,
                          struct prepared_image *image, struct image_info *info,
                          struct error *err) {
    (void)engine, (void)use;
    struct pixels pixels;
    enter(&fake_engine.preparing, &fake_engine.most_preparing);
    *image = (struct prepared_image){0};
    bool is_done = image_decode(bytes, size, limits, &pixels, info, err);
    if (is_done) {
        memcpy(image->hash, pixels.rgb, 3);
        image->has_perceptual_hash = pixels.rgb[2] != 77;
        image->perceptual_hash =
            (uint64_t)pixels.rgb[0] << 32 | (uint64_t)pixels.rgb[1] << 16 | pixels.rgb[2];
    }
    image->decode_ms = 0.25;
    pixels_clear(&pixels);
    pause_a_moment();
    atomic_fetch_sub(&fake_engine.preparing, 1);
    return is_done;
}

void prepared_image_clear(struct prepared_image *image) { *image = (struct prepared_image){0}; }

static void caption_colour(const struct fake_engine *self, const struct prepared_image *image,
                           struct caption *caption) {
    (void)snprintf(caption->text, sizeof caption->text, "a picture of %d %d %d", image->hash[0],
                   image->hash[1], image->hash[2]);
    if (self->caption != NULL)
        (void)snprintf(caption->text, sizeof caption->text, "%s", self->caption);
    caption->confidence = self->confidence;
    caption->token_count = 5;
}

bool engine_caption_image(struct engine *engine, const struct prepared_image *image,
                          enum queue_lane lane, struct caption *caption,
                          struct engine_timings *timings, struct error *err) {
    struct fake_engine *self = as_fake(engine);
    (void)lane;
    atomic_fetch_add(&self->caption_calls, 1);
    if (fails(self, err)) return false;
    *caption = (struct caption){.token_count = 0};
    caption_colour(self, image, caption);
    *timings = (struct engine_timings){.queue_ms = 1, .batch_size = 1, .caption_decode_ms = 20};
    return true;
}

size_t engine_queue_depth(struct engine *engine) {
    return atomic_load(&as_fake(engine)->queue_depth);
}

bool engine_describe_image(struct engine *engine, const struct prepared_image *image,
                           enum queue_lane lane, struct description *description,
                           struct error *err) {
    struct fake_engine *self = as_fake(engine);
    atomic_fetch_add(&self->describe_calls, 1);
    atomic_store(&self->lane, (int)lane);
    if (atomic_fetch_sub(&self->refusals_left, 1) > 0)
        return error_set(err, ERROR_OVERLOADED, "queue full");
    enter(&self->describing, &self->most_describing);
    while (atomic_load(&self->is_blocked)) pause_a_moment();
    atomic_fetch_sub(&self->describing, 1);
    if (fails(self, err)) return false;
    memset(description, 0, sizeof *description);
    caption_colour(self, image, &description->caption);
    description->clip_score = 0.25F;
    description->timings =
        (struct engine_timings){.queue_ms = 1, .batch_size = 2, .caption_decode_ms = 20};
    embed(self, image->hash[0], image->hash[1], image->hash[2], &description->embedding);
    return true;
}

bool engine_embed_image(struct engine *engine, const struct prepared_image *image,
                        enum queue_lane lane, struct embedding *embedding,
                        struct engine_timings *timings, struct error *err) {
    struct fake_engine *self = as_fake(engine);
    atomic_fetch_add(&self->embed_calls, 1);
    while (lane == QUEUE_BULK && atomic_load(&self->is_blocked)) pause_a_moment();
    if (atomic_fetch_sub(&self->refused_embeds, 1) > 0)
        return error_set(err, ERROR_OVERLOADED, "queue full");
    if (fails(self, err)) return false;
    embed(self, image->hash[0], image->hash[1], image->hash[2], embedding);
    if (timings != NULL) *timings = (struct engine_timings){.batch_size = 1, .embedding_ms = 3};
    return true;
}

bool engine_embed_text(struct engine *engine, const char *text, enum queue_lane lane,
                       struct embedding *embedding, bool *is_cut, struct engine_timings *timings,
                       struct error *err) {
    (void)lane;
    struct fake_engine *self = as_fake(engine);
    atomic_fetch_add(&self->embed_calls, 1);
    if (fails(self, err)) return false;
    embed(self, 255 * (strstr(text, "red") != NULL), 255 * (strstr(text, "green") != NULL),
          255 * (strstr(text, "blue") != NULL), embedding);
    if (is_cut != NULL) *is_cut = self->is_cut;
    *timings = (struct engine_timings){.batch_size = 5, .embedding_ms = 2};
    return true;
}
