// Texts and pictures' vectors come first, since those who want no more need not wait for captions;
// then the captions, then the vectors of their words.
#include "engine/batch.h"

#include <assert.h>

#include "base/clock.h"
#include "model/blip.h"
#include "model/clip.h"

_Static_assert((int)BATCH_JOBS_MAX <= (int)CLIP_TEXTS_MAX, "all texts go through together");
_Static_assert((int)BATCH_CAPTIONS_MAX <= (int)BLIP_CAPTIONS_MAX, "captions likewise");

size_t job_weight(const struct job *job) {
    return job->caption != NULL ? BATCH_WEIGHT_MAX / BATCH_CAPTIONS_MAX : 1;
}

static bool has_failed(const struct job *job) { return job->error.kind != ERROR_NONE; }

static void embed_texts(struct models *models, struct job **jobs, size_t count) {
    struct text_member members[BATCH_JOBS_MAX];
    struct job *asking[BATCH_JOBS_MAX];
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->text == NULL) continue;
        members[found] =
            (struct text_member){.text = jobs[i]->text, .embedding = jobs[i]->embedding};
        asking[found++] = jobs[i];
    }
    if (found == 0) return;
    int64_t started = clock_monotonic_ns();
    models_embed_texts(models, members, found);
    double ms = clock_ms_since(started);
    for (size_t i = 0; i < found; i++) {
        asking[i]->is_cut = members[i].is_cut;
        asking[i]->timings.text_tokens = members[i].token_count;
        asking[i]->error = members[i].error;
        asking[i]->timings.embedding_ms = ms;
    }
}

static void embed_pictures(struct models *models, struct job **jobs, size_t count) {
    struct picture_member members[BATCH_JOBS_MAX];
    struct job *asking[BATCH_JOBS_MAX];
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->image == NULL || jobs[i]->embedding == NULL) continue;
        members[found] =
            (struct picture_member){.image = jobs[i]->image, .embedding = jobs[i]->embedding};
        asking[found++] = jobs[i];
    }
    if (found == 0) return;
    int64_t started = clock_monotonic_ns();
    models_embed_pictures(models, members, found);
    double ms = clock_ms_since(started);
    for (size_t i = 0; i < found; i++) {
        asking[i]->error = members[i].error;
        asking[i]->timings.embedding_ms = ms;
    }
}

static void write_captions(struct models *models, struct job **jobs, size_t count) {
    struct caption_member members[BATCH_CAPTIONS_MAX];
    struct engine_timings timings = {0};
    for (size_t i = 0; i < count; i++)
        members[i] = (struct caption_member){.image = jobs[i]->image, .caption = jobs[i]->caption};
    models_write_captions(models, members, count, &timings);
    for (size_t i = 0; i < count; i++) {
        jobs[i]->error = members[i].error;
        jobs[i]->timings.caption_vision_ms = timings.caption_vision_ms;
        jobs[i]->timings.caption_decode_ms = timings.caption_decode_ms;
    }
}

static void score_captions(struct models *models, struct job **jobs, size_t count) {
    struct text_member members[BATCH_CAPTIONS_MAX];
    struct embedding words[BATCH_CAPTIONS_MAX];
    struct job *asking[BATCH_CAPTIONS_MAX];
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->clip_score == NULL || has_failed(jobs[i])) continue;
        members[found] =
            (struct text_member){.text = jobs[i]->caption->text, .embedding = &words[found]};
        asking[found++] = jobs[i];
    }
    if (found == 0) return;
    int64_t started = clock_monotonic_ns();
    models_embed_texts(models, members, found);
    double ms = clock_ms_since(started);
    for (size_t i = 0; i < found; i++) {
        // A caption may come out empty; then there is nothing to compare.
        *asking[i]->clip_score = members[i].error.kind == ERROR_NONE
                                     ? models_similarity(models, asking[i]->embedding, &words[i])
                                     : 0.0f;
        asking[i]->timings.embedding_ms += ms;
    }
}

void batch_run(struct models *models, struct job **jobs, size_t count,
               void (*answer)(struct job *job)) {
    struct job *captioned[BATCH_CAPTIONS_MAX];
    size_t captions = 0;
    assert(count <= BATCH_JOBS_MAX);
    for (size_t i = 0; i < count; i++) jobs[i]->timings.batch_size = count;
    embed_texts(models, jobs, count);
    embed_pictures(models, jobs, count);
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->caption == NULL || has_failed(jobs[i])) {
            answer(jobs[i]);
            continue;
        }
        assert(captions < BATCH_CAPTIONS_MAX);
        captioned[captions++] = jobs[i];
    }
    if (captions == 0) return;
    write_captions(models, captioned, captions);
    score_captions(models, captioned, captions);
    for (size_t i = 0; i < captions; i++) answer(captioned[i]);
}
