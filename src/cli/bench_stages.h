// What `bench` measures. A visit runs some part of the program once, as an upload or a search
// would, and tells how long each stage of it took; bench_visits lists them all.
#pragma once

#include "cli/settings.h"
#include "engine/engine.h"

enum bench_stage {
    BENCH_DECODE,
    BENCH_PREPROCESS,
    BENCH_CAPTION_VISION,
    BENCH_CAPTION_TOKEN,
    BENCH_CAPTION,
    BENCH_IMAGE_VECTOR,
    BENCH_IMAGE_BULK,
    BENCH_TEXT_VECTOR,
    BENCH_SCAN,
    BENCH_STAGE_COUNT
};

enum {
    BENCH_BULK_PICTURES = 16,
    BENCH_SCAN_VECTORS = 100000,  // some years of a busy photographer
};

const char *bench_stage_name(enum bench_stage stage);  // "caption_token"
const char *bench_stage_help(enum bench_stage stage);

struct bench;

// file NULL: a picture is drawn. One thread at a time.
struct bench *bench_create(const struct settings *settings, const char *file, struct error *err);
void bench_destroy(struct bench *bench);
const struct engine_info *bench_engine_info(const struct bench *bench);
// The caption made last.
const struct caption *bench_caption(const struct bench *bench);
// The largest batch that pictures sent at once got last.
size_t bench_bulk_batch(const struct bench *bench);

struct bench_visit {
    const char *name;
    // Writes the milliseconds of the stages it passes and leaves the others alone.
    bool (*run)(struct bench *bench, double ms[static BENCH_STAGE_COUNT], struct error *err);
};

enum { BENCH_VISIT_COUNT = 6 };
extern const struct bench_visit bench_visits[BENCH_VISIT_COUNT];
