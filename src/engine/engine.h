// The only door to models: pictures and words in, captions and vectors out. The threading story
// is at the top of engine.c. All calls below may be made from any thread; they block until the
// answer is there.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "image/decode.h"

enum {
    EMBEDDING_WIDTH_MAX = 1024,  // ViT-B-32 has 512, ViT-L-14 768, the largest OpenCLIP towers 1024
    CAPTION_TOKENS_MAX = 30,     // the original service's max_new_tokens
    CAPTION_TEXT_SIZE = 1024,    // bytes with the NUL; 30 word pieces never reach it
    MODEL_NAME_SIZE = 128,
    PRECISION_TEXT_SIZE = 16,
};

struct engine_options {
    bool is_mock;                        // mocks answer; the folders are not looked at
    const char *caption_model_folder;    // NULL: no caption will be asked for
    const char *caption_model_name;      // shown to users: "blip-image-captioning-base"
    const char *embedding_model_folder;  // NULL: no vector will be asked for
    const char *embedding_model_name;
    bool is_exact;             // no scaled decoding: see square_request in image/decode_squares.h
    const char *kernel_tier;   // NULL or "auto": the best that the processor has
    const char *precision;     // "auto", "f32", "f16", "int8"; NULL: "f32"
    const char *cache_folder;  // of packed weights; NULL: they are packed at every start
    size_t threads;            // 0: all that this process may use
    size_t queue_capacity;     // of each lane
};

struct caption {
    char text[CAPTION_TEXT_SIZE];
    int32_t token_ids[CAPTION_TOKENS_MAX];  // generated ones, the closing separator included
    float token_probabilities[CAPTION_TOKENS_MAX];
    size_t token_count;
    float confidence;  // geometric mean of token_probabilities, 0..1
};

struct embedding {
    float values[EMBEDDING_WIDTH_MAX];  // unit length
    size_t width;
};

// Milliseconds of each part, 0 for parts that were not needed. The models' parts are of the whole
// batch: what a request waited for.
struct engine_timings {
    double queue_ms;
    size_t batch_size;  // requests that the models took together; 0 when none was asked of them
    double preprocess_ms;
    double caption_vision_ms;
    double caption_decode_ms;
    double embedding_ms;
    size_t text_tokens;  // that the model read of a text, start and end among them; mocks read none
};

struct description {
    struct caption caption;
    struct embedding embedding;
    float clip_score;  // cosine of picture and caption in CLIP's space
    struct engine_timings timings;
};

// What answers, for logs, /healthz and the `model` field of answers. model_source_of tells what it
// is worth. A model that is not loaded has no name.
struct engine_info {
    char caption_model[MODEL_NAME_SIZE];  // "blip-image-captioning-base", "mock"
    // "CLIP-ViT-B-32-laion2B-s34B-b79K@1a2b3c4d": the digits tell the weights apart, so this is
    // also the key of the vector space.
    char embedding_model[MODEL_NAME_SIZE];
    char precision[PRECISION_TEXT_SIZE];  // "int8"; "int8, f32": captions, search
    const char *caption_precision;        // "int8"; mocks have one too
    const char *embedding_precision;
    const char *kernel_tier;         // "avx512"
    const char *failed_kernel_tier;  // a better one that computed wrongly at the start, or NULL
    size_t threads;
    size_t embedding_width;
    float logit_scale;  // see clip_logit_scale
    size_t queue_capacity;
};

struct engine;

// Loads the models (or mocks) and starts the worker. Returns NULL with the reason: a model file
// that is wrong names the file and the tensor.
struct engine *engine_create(const struct engine_options *options, struct error *err);
// Describes a sample picture and embeds a text, so that the first upload finds weights and memory
// ready. Needs both models. Errors: those of the calls below.
bool engine_warm_up(struct engine *engine, struct error *err);
// Answers what is queued, refuses the rest, then frees everything. Takes NULL.
void engine_destroy(struct engine *engine);
// No new work from now on (ERROR_UNAVAILABLE); what is queued is still answered.
void engine_close(struct engine *engine);
const struct engine_info *engine_info(const struct engine *engine);
size_t engine_queue_depth(struct engine *engine);

// What a picture is prepared for; both is their sum.
enum image_use { IMAGE_FOR_CAPTION = 1, IMAGE_FOR_EMBEDDING = 2, IMAGE_FOR_BOTH = 3 };

// A picture as the models read it.
struct prepared_image {
    float *caption_planes;    // [3, size, size]; NULL when not asked for, and for mocks
    float *embedding_planes;  // likewise
    uint8_t hash[32];         // of the pixels, for mocks
    // See image/perceptual_hash.h; made for captions, whose picture is the whole one.
    uint64_t perceptual_hash;
    bool has_perceptual_hash;
    double decode_ms;      // from the file to pixels of the models' sizes
    double preprocess_ms;  // from those to planes
};

// From the bytes of a picture's file, on the calling thread; nothing waits for the worker. The
// caller clears *image, also after a failure. *info tells the picture's true size. Errors: those of
// image_decode_squares.
bool engine_prepare_image(struct engine *engine, const void *bytes, size_t size,
                          const struct image_limits *limits, enum image_use use,
                          struct prepared_image *image, struct image_info *info, struct error *err);
void prepared_image_clear(struct prepared_image *image);

// Errors of all four: ERROR_OVERLOADED (queue full), ERROR_UNAVAILABLE (closing),
// ERROR_INVALID (text that is not UTF-8), ERROR_INTERNAL (not finite numbers, out of memory).
// Caption, vector and their cosine in one visit; what an upload needs. The image must have been
// prepared for what is asked.
bool engine_describe_image(struct engine *engine, const struct prepared_image *image,
                           enum queue_lane lane, struct description *description,
                           struct error *err);
bool engine_caption_image(struct engine *engine, const struct prepared_image *image,
                          enum queue_lane lane, struct caption *caption,
                          struct engine_timings *timings, struct error *err);
bool engine_embed_image(struct engine *engine, const struct prepared_image *image,
                        enum queue_lane lane, struct embedding *embedding,
                        struct engine_timings *timings, struct error *err);
// *is_cut (may be NULL) tells that the text was longer than the model reads.
bool engine_embed_text(struct engine *engine, const char *text, enum queue_lane lane,
                       struct embedding *embedding, bool *is_cut, struct engine_timings *timings,
                       struct error *err);
