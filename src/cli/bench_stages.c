#include "cli/bench_stages.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "cli/engine_setup.h"
#include "image/thumbnail.h"
#include "index/vector_index.h"

enum {
    DRAWN_WIDTH = 1920,  // where no picture is named
    DRAWN_HEIGHT = 1080,
    SCAN_RESULTS = 10,
};

// Nine tokens with start and end in CLIP's vocabulary: a usual search.
static const char query[] = "a dog on a beach in summer";

struct bench {
    struct engine *engine;
    struct image_limits limits;
    void *file;  // its bytes
    size_t file_size;
    struct prepared_image image;
    struct caption caption;
    size_t bulk_batch;
    struct vector_index *index;
    float *scan_vectors;  // [BENCH_SCAN_VECTORS, width]
    float scan_query[EMBEDDING_WIDTH_MAX];
};

static const struct {
    const char *name, *help;
} stages[BENCH_STAGE_COUNT] = {
    [BENCH_DECODE] = {"decode", "picture file to pixels of both models' sizes"},
    [BENCH_PREPROCESS] = {"preprocess", "those to both models' inputs"},
    [BENCH_CAPTION_VISION] = {"caption_vision", "BLIP's image tower and cross-attention keys"},
    [BENCH_CAPTION_TOKEN] = {"caption_token", "one token of BLIP's decoder"},
    [BENCH_CAPTION] = {"caption", "whole caption, from the model's input"},
    [BENCH_IMAGE_VECTOR] = {"image_vector", "CLIP's image tower"},
    [BENCH_IMAGE_BULK] = {"image_bulk", "the same, for each of 16 pictures sent at once"},
    [BENCH_TEXT_VECTOR] = {"text_vector", "CLIP's text tower, 9 tokens"},
    [BENCH_SCAN] = {"scan", "search among 100,000 vectors"},
};

const char *bench_stage_name(enum bench_stage stage) { return stages[stage].name; }

const char *bench_stage_help(enum bench_stage stage) { return stages[stage].help; }

// The file of a drawn picture; caller frees.
static void *draw_picture(size_t *size, struct error *err) {
    struct pixels pixels;
    if (!pixels_init(&pixels, DRAWN_WIDTH, DRAWN_HEIGHT, err)) return NULL;
    for (uint32_t y = 0; y < DRAWN_HEIGHT; y++)
        for (uint32_t x = 0; x < DRAWN_WIDTH; x++) {
            uint8_t *rgb = pixels.rgb + 3 * ((size_t)y * DRAWN_WIDTH + x);
            rgb[0] = (uint8_t)(x / 8);
            rgb[1] = (uint8_t)(y / 5);
            rgb[2] = (uint8_t)((x * y) >> 8);
        }
    uint8_t *jpeg = thumbnail_jpeg_create(&pixels, DRAWN_WIDTH, size, err);
    pixels_clear(&pixels);
    return jpeg;
}

// As an upload prepares its picture.
static bool prepare_image(struct bench *bench, struct error *err) {
    struct image_info info;
    prepared_image_clear(&bench->image);
    return engine_prepare_image(bench->engine, bench->file, bench->file_size, &bench->limits,
                                IMAGE_FOR_BOTH, &bench->image, &info, err);
}

struct bench *bench_create(const struct settings *settings, const char *file, struct error *err) {
    struct bench *bench = memory_alloc(sizeof *bench);
    bench->limits = picture_limits(settings);
    bench->file = file != NULL
                      ? file_read_create(file, bench->limits.max_bytes, &bench->file_size, err)
                      : draw_picture(&bench->file_size, err);
    bench->engine = bench->file != NULL ? engine_setup_create(settings, true, true, err) : NULL;
    if (bench->engine != NULL && prepare_image(bench, err)) return bench;
    bench_destroy(bench);
    return NULL;
}

void bench_destroy(struct bench *bench) {
    if (bench == NULL) return;
    vector_index_destroy(bench->index);
    memory_free(bench->scan_vectors);
    prepared_image_clear(&bench->image);
    memory_free(bench->file);
    engine_destroy(bench->engine);
    memory_free(bench);
}

const struct engine_info *bench_engine_info(const struct bench *bench) {
    return engine_info(bench->engine);
}

const struct caption *bench_caption(const struct bench *bench) { return &bench->caption; }

size_t bench_bulk_batch(const struct bench *bench) { return bench->bulk_batch; }

static bool visit_inputs(struct bench *bench, double ms[static BENCH_STAGE_COUNT],
                         struct error *err) {
    if (!prepare_image(bench, err)) return false;
    ms[BENCH_DECODE] = bench->image.decode_ms;
    ms[BENCH_PREPROCESS] = bench->image.preprocess_ms;
    return true;
}

static bool visit_caption(struct bench *bench, double ms[static BENCH_STAGE_COUNT],
                          struct error *err) {
    struct engine_timings timings;
    int64_t started = clock_monotonic_ns();
    if (!engine_caption_image(bench->engine, &bench->image, QUEUE_INTERACTIVE, &bench->caption,
                              &timings, err))
        return false;
    ms[BENCH_CAPTION] = clock_ms_since(started);
    ms[BENCH_CAPTION_VISION] = timings.caption_vision_ms;
    ms[BENCH_CAPTION_TOKEN] = timings.caption_decode_ms / (double)bench->caption.token_count;
    return true;
}

static bool visit_image_vector(struct bench *bench, double ms[static BENCH_STAGE_COUNT],
                               struct error *err) {
    struct embedding embedding;
    int64_t started = clock_monotonic_ns();
    if (!engine_embed_image(bench->engine, &bench->image, QUEUE_INTERACTIVE, &embedding, NULL, err))
        return false;
    ms[BENCH_IMAGE_VECTOR] = clock_ms_since(started);
    return true;
}

struct bulk_request {
    struct bench *bench;
    pthread_t thread;
    bool is_started, is_done;
    struct engine_timings timings;
    struct error error;
};

static void *send_bulk_picture(void *argument) {
    struct bulk_request *request = argument;
    struct embedding embedding;
    request->is_done =
        engine_embed_image(request->bench->engine, &request->bench->image, QUEUE_BULK, &embedding,
                           &request->timings, &request->error);
    return NULL;
}

static bool visit_image_bulk(struct bench *bench, double ms[static BENCH_STAGE_COUNT],
                             struct error *err) {
    struct bulk_request requests[BENCH_BULK_PICTURES] = {0};
    bool is_done = true;
    bench->bulk_batch = 0;
    int64_t started = clock_monotonic_ns();
    for (int i = 0; i < BENCH_BULK_PICTURES; i++) {
        requests[i].bench = bench;
        requests[i].is_started =
            pthread_create(&requests[i].thread, NULL, send_bulk_picture, &requests[i]) == 0;
        if (!requests[i].is_started)
            error_set(&requests[i].error, ERROR_INTERNAL, "cannot start a thread for a picture");
    }
    for (int i = 0; i < BENCH_BULK_PICTURES; i++) {
        if (requests[i].is_started) pthread_join(requests[i].thread, NULL);
        if (requests[i].timings.batch_size > bench->bulk_batch)
            bench->bulk_batch = requests[i].timings.batch_size;
        if (!requests[i].is_done)
            is_done = error_set(err, requests[i].error.kind, "%s", requests[i].error.text);
    }
    ms[BENCH_IMAGE_BULK] = clock_ms_since(started) / BENCH_BULK_PICTURES;
    return is_done;
}

static bool visit_text_vector(struct bench *bench, double ms[static BENCH_STAGE_COUNT],
                              struct error *err) {
    struct embedding embedding;
    int64_t started = clock_monotonic_ns();
    if (!engine_embed_text(bench->engine, query, QUEUE_INTERACTIVE, &embedding, NULL, NULL, err))
        return false;
    ms[BENCH_TEXT_VECTOR] = clock_ms_since(started);
    return true;
}

// Not unit vectors; what they are does not matter to the time a scan takes.
static void draw_vector(float *vector, size_t width, uint32_t *state) {
    for (size_t i = 0; i < width; i++) {
        *state = *state * 1664525u + 1013904223u;  // Numerical Recipes' generator
        vector[i] = (float)(*state >> 8) / (float)(1u << 24) - 0.5f;
    }
}

static bool fill_index(struct bench *bench, struct error *err) {
    size_t width = engine_info(bench->engine)->embedding_width;
    uint32_t state = 1;
    bench->index = vector_index_create(width, NULL, 0, err);
    if (bench->index == NULL) return false;
    bench->scan_vectors = memory_try_array(BENCH_SCAN_VECTORS, width * sizeof(float));
    if (bench->scan_vectors == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for the vectors to search");
    for (int64_t key = 0; key < BENCH_SCAN_VECTORS; key++) {
        draw_vector(bench->scan_query, width, &state);
        memcpy(bench->scan_vectors + (size_t)key * width, bench->scan_query, width * sizeof(float));
        if (!vector_index_put(bench->index, key, bench->scan_query, err)) return false;
    }
    return true;
}

static bool read_scan_vectors(void *context, const int64_t *keys, size_t count, float *vectors,
                              bool *is_there, struct error *err) {
    const struct bench *bench = context;
    size_t width = vector_index_width(bench->index);
    (void)err;
    for (size_t i = 0; i < count; i++) {
        memcpy(vectors + i * width, bench->scan_vectors + (size_t)keys[i] * width,
               width * sizeof *vectors);
        is_there[i] = true;
    }
    return true;
}

static bool visit_scan(struct bench *bench, double ms[static BENCH_STAGE_COUNT],
                       struct error *err) {
    struct vector_match matches[SCAN_RESULTS];
    if (bench->index == NULL && !fill_index(bench, err)) return false;
    struct vector_search search = {.query = bench->scan_query,
                                   .k = SCAN_RESULTS,
                                   .read = read_scan_vectors,
                                   .read_context = bench};
    size_t count;
    int64_t started = clock_monotonic_ns();
    if (!vector_index_search(bench->index, &search, matches, &count, err)) return false;
    ms[BENCH_SCAN] = clock_ms_since(started);
    return true;
}

const struct bench_visit bench_visits[BENCH_VISIT_COUNT] = {
    {"inputs", visit_inputs},
    {"caption", visit_caption},
    {"image_vector", visit_image_vector},
    {"image_bulk", visit_image_bulk},
    {"text_vector", visit_text_vector},
    {"scan", visit_scan},
};
