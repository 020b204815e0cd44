#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/check.h"
#include "cli/engine_setup.h"
#include "engine/sample_pictures.h"
#include "image/thumbnail.h"

enum { RUNS = 3 };

static int compare(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double values[static RUNS]) {
    qsort(values, RUNS, sizeof *values, compare);
    return values[RUNS / 2];
}

// From the file to the answer, as an upload has it.
static bool time_run(struct engine *engine, const uint8_t *file, size_t size, double *caption_ms,
                     double *picture_ms, double *text_ms, struct error *err) {
    struct prepared_image image = {0};
    struct image_info info;
    struct caption caption;
    struct embedding embedding;
    struct engine_timings timings;
    int64_t started = clock_monotonic_ns();
    bool is_done = engine_prepare_image(engine, file, size, &image_limits_default,
                                        IMAGE_FOR_CAPTION, &image, &info, err) &&
                   engine_caption_image(engine, &image, QUEUE_INTERACTIVE, &caption, &timings, err);
    prepared_image_clear(&image);
    *caption_ms = clock_ms_since(started);
    started = clock_monotonic_ns();
    is_done = is_done &&
              engine_prepare_image(engine, file, size, &image_limits_default, IMAGE_FOR_EMBEDDING,
                                   &image, &info, err) &&
              engine_embed_image(engine, &image, QUEUE_INTERACTIVE, &embedding, &timings, err);
    prepared_image_clear(&image);
    *picture_ms = clock_ms_since(started);
    started = clock_monotonic_ns();
    is_done = is_done && engine_embed_text(engine, "a dog on a beach in summer", QUEUE_INTERACTIVE,
                                           &embedding, NULL, &timings, err);
    *text_ms = clock_ms_since(started);
    return is_done;
}

static bool time_engine(struct engine *engine, const uint8_t *file, size_t size,
                        struct check_times *times, struct error *err) {
    double caption[RUNS], picture[RUNS], text[RUNS];
    const struct engine_info *info = engine_info(engine);
    if (!engine_warm_up(engine, err)) return false;
    for (int i = 0; i < RUNS; i++)
        if (!time_run(engine, file, size, &caption[i], &picture[i], &text[i], err)) return false;
    (void)snprintf(times->caption_model, sizeof times->caption_model, "%s", info->caption_model);
    (void)snprintf(times->embedding_model, sizeof times->embedding_model, "%s",
                   info->embedding_model);
    times->caption_ms = median(caption);
    times->picture_ms = median(picture);
    times->text_ms = median(text);
    return true;
}

bool check_time_models(const struct settings *settings, bool is_mock, struct check_times *times,
                       struct error *err) {
    struct settings own = *settings;
    struct pixels pixels = {0};
    uint8_t *file = NULL;
    size_t size;
    if (is_mock) own.use_mock_models = "true";
    struct engine *engine = engine_setup_create(&own, true, true, err);
    bool is_done = engine != NULL && sample_picture_draw(0, &pixels, err) &&
                   (file = thumbnail_jpeg_create(&pixels, pixels.width, &size, err)) != NULL &&
                   time_engine(engine, file, size, times, err);
    pixels_clear(&pixels);
    memory_free(file);
    engine_destroy(engine);
    return is_done;
}
