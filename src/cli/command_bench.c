// Measures each stage with the models of the settings and prints medians. The first run warms
// caches and is not counted.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/engine_setup.h"
#include "cli/json_line.h"
#include "cli/version.h"
#include "image/thumbnail.h"
#include "kernels/cpu_features.h"

enum { PICTURE_WIDTH = 1920, PICTURE_HEIGHT = 1080 };  // drawn when no picture is named

// Nine tokens with start and end in CLIP's vocabulary: a usual search.
static const char query[] = "a dog on a beach in summer";

static const struct stage {
    const char *name;
    const char *unit_help;
} stages[] = {
    {"decode", "picture file to pixels of both models' sizes"},
    {"preprocess", "those to both models' input"},
    {"caption_vision", "BLIP's image tower and cross-attention keys"},
    {"caption_decode", "all tokens of the caption"},
    {"caption", "whole caption, from the file"},
    {"image_vector", "whole vector of a picture, from the file"},
    {"text_vector", "vector of a 9-token query"},
};
enum stage_id { DECODE, PREPROCESS, VISION, TOKENS, CAPTION, IMAGE, TEXT, STAGE_COUNT };

struct measurement {
    double *ms[STAGE_COUNT];  // [runs]
    size_t runs;
    struct caption caption;
};

struct picture_file {
    void *bytes;  // owned
    size_t size;
    struct image_limits limits;
};

static uint8_t *draw_picture(size_t *size, struct error *err) {
    struct pixels pixels;
    if (!pixels_init(&pixels, PICTURE_WIDTH, PICTURE_HEIGHT, err)) return NULL;
    for (uint32_t y = 0; y < PICTURE_HEIGHT; y++)
        for (uint32_t x = 0; x < PICTURE_WIDTH; x++) {
            uint8_t *rgb = pixels.rgb + 3 * ((size_t)y * PICTURE_WIDTH + x);
            rgb[0] = (uint8_t)(x / 8);
            rgb[1] = (uint8_t)(y / 5);
            rgb[2] = (uint8_t)((x * y) >> 8);
        }
    uint8_t *jpeg = thumbnail_jpeg_create(&pixels, PICTURE_WIDTH, size, err);
    pixels_clear(&pixels);
    return jpeg;
}

// run < 0 is the warm-up.
static void note(struct measurement *measurement, enum stage_id stage, int run, double ms) {
    if (run >= 0) measurement->ms[stage][run] = ms;
}

static bool prepare(struct engine *engine, const struct picture_file *file, enum image_use use,
                    struct prepared_image *image, struct error *err) {
    struct image_info info;
    return engine_prepare_image(engine, file->bytes, file->size, &file->limits, use, image, &info,
                                err);
}

static bool measure_caption(struct engine *engine, const struct picture_file *file,
                            struct measurement *measurement, int run, struct error *err) {
    struct prepared_image image;
    struct engine_timings timings;
    int64_t started = clock_monotonic_ns();
    bool is_done = prepare(engine, file, IMAGE_FOR_CAPTION, &image, err) &&
                   engine_caption_image(engine, &image, QUEUE_INTERACTIVE, &measurement->caption,
                                        &timings, err);
    if (is_done) {
        note(measurement, CAPTION, run, clock_ms_since(started));
        note(measurement, VISION, run, timings.caption_vision_ms);
        note(measurement, TOKENS, run, timings.caption_decode_ms);
    }
    prepared_image_clear(&image);
    return is_done;
}

static bool measure_vectors(struct engine *engine, const struct picture_file *file,
                            struct measurement *measurement, int run, struct error *err) {
    struct prepared_image image;
    struct embedding embedding;
    int64_t started = clock_monotonic_ns();
    bool is_done = prepare(engine, file, IMAGE_FOR_EMBEDDING, &image, err) &&
                   engine_embed_image(engine, &image, QUEUE_INTERACTIVE, &embedding, NULL, err);
    note(measurement, IMAGE, run, clock_ms_since(started));
    prepared_image_clear(&image);
    if (!is_done) return false;
    started = clock_monotonic_ns();
    is_done = engine_embed_text(engine, query, QUEUE_INTERACTIVE, &embedding, NULL, NULL, err);
    note(measurement, TEXT, run, clock_ms_since(started));
    return is_done;
}

static bool measure_once(struct engine *engine, const struct picture_file *file,
                         struct measurement *measurement, int run, struct error *err) {
    struct prepared_image image;
    bool is_done = prepare(engine, file, IMAGE_FOR_BOTH, &image, err);
    note(measurement, DECODE, run, image.decode_ms);
    note(measurement, PREPROCESS, run, image.preprocess_ms);
    prepared_image_clear(&image);
    return is_done && measure_caption(engine, file, measurement, run, err) &&
           measure_vectors(engine, file, measurement, run, err);
}

static int compare(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void print_results(const struct engine *engine, const char *name,
                          struct measurement *measurement, bool is_json) {
    const struct engine_info *info = engine_info(engine);
    json_t *object = NULL;
    if (is_json)
        object = json_pack("{s:s, s:s, s:s, s:I, s:s, s:i, s:I, s:s, s:s, s:i}", "version",
                           IMGROUTER_VERSION, "processor", cpu_name(), "kernels", info->kernel_tier,
                           "threads", (json_int_t)info->threads, "precision", info->precision,
                           "batch", 1, "runs", (json_int_t)measurement->runs, "caption_model",
                           info->caption_model, "embedding_model", info->embedding_model,
                           "caption_tokens", (int)measurement->caption.token_count);
    else
        (void)printf(
            "processor  %s\nkernels    %s, %zu threads, %s, batch 1\nmodels     %s, %s\n"
            "picture    %s\ncaption    \"%s\" (%zu tokens)\nmedian of %zu runs:\n",
            cpu_name(), info->kernel_tier, info->threads, info->precision, info->caption_model,
            info->embedding_model, name == NULL ? "drawn, 1920 x 1080" : name,
            measurement->caption.text, measurement->caption.token_count, measurement->runs);
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        double ms = median(measurement->ms[stage], measurement->runs);
        if (is_json) {
            char key[64];
            (void)snprintf(key, sizeof key, "%s_ms", stages[stage].name);
            (void)json_object_set_new(object, key, json_real(ms));
        } else {
            (void)printf("  %-15s %9.2f ms   %s\n", stages[stage].name, ms,
                         stages[stage].unit_help);
        }
    }
    if (is_json) json_line_print(object);
}

int command_bench(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    const char *name = input->word_count > 0 ? input->words[0] : NULL;
    struct picture_file file = {.limits = picture_limits(settings)};
    if (input->word_count > 1) {
        error_set(&err, ERROR_USAGE, "bench takes one picture at most");
        return command_fail(&err);
    }
    file.bytes = name != NULL
                     ? (void *)file_read_create(name, file.limits.max_bytes, &file.size, &err)
                     : draw_picture(&file.size, &err);
    if (file.bytes == NULL) return command_fail(&err);
    struct engine *engine = engine_setup_create(settings, true, true, &err);
    if (engine == NULL) {
        memory_free(file.bytes);
        return command_fail(&err);
    }
    struct measurement measurement = {.runs = (size_t)settings->runs};
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        measurement.ms[stage] = memory_alloc(measurement.runs * sizeof(double));
    bool is_done = true;
    for (int run = -1; run < (int)measurement.runs && is_done; run++)
        is_done = measure_once(engine, &file, &measurement, run, &err);
    if (is_done) print_results(engine, name, &measurement, settings->is_json);
    for (int stage = 0; stage < STAGE_COUNT; stage++) memory_free(measurement.ms[stage]);
    engine_destroy(engine);
    memory_free(file.bytes);
    return is_done ? 0 : command_fail(&err);
}
