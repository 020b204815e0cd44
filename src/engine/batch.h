// What callers ask of the models, and running several of them together.
#pragma once

#include "engine/engine.h"
#include "engine/models.h"

struct job {
    const struct prepared_image *image;  // NULL for a text
    const char *text;                    // NULL for a picture
    struct caption *caption;             // wanted when not NULL
    struct embedding *embedding;         // wanted when not NULL; always of a text
    float *clip_score;                   // wanted when not NULL, with both of the above
    bool is_cut;                         // the text was longer than the model reads
    struct engine_timings timings;       // but for queue_ms
    struct error error;                  // of kind ERROR_NONE: answered
};

// How long a batch may be is how long an interactive job may have to wait for one. With full-size
// models 16 vectors take 120 ms at int8 and 330 at f32, two captions 290 and 780
// (docs/speed-log.md).
enum {
    BATCH_JOBS_MAX = 16,
    // Their pictures go through the tower one after the other, only the writing is shared. Four
    // would take twice as long to spare 6 % of a caption's time at f32, and nothing measurable at
    // int8.
    BATCH_CAPTIONS_MAX = 2,
    BATCH_WEIGHT_MAX = BATCH_JOBS_MAX,
};

// What a job counts of a batch's BATCH_WEIGHT_MAX: about how long it takes.
size_t job_weight(const struct job *job);

// Worker only. Jobs of at most BATCH_WEIGHT_MAX together. Calls `answer` once for each, as soon as
// its answer is there; the job is not looked at again. A job's failure is its own.
void batch_run(struct models *models, struct job **jobs, size_t count,
               void (*answer)(struct job *job));
