// Batches on the small random models: what a job gets among others is what it gets alone, and a
// failure stays with the job that has it.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "engine/batch.h"
#include "prepared_picture.h"

// More rows let linear() take sums of f32 weights in another order; nothing else may differ.
static const double least_cosine = 0.9999995;

static struct models *models;
static struct prepared_image pictures[BATCH_JOBS_MAX];

static const char *const texts[BATCH_JOBS_MAX] = {"a dog",    "a red car on a beach",
                                                  "snow",     "two birds in a tree",
                                                  "x",        "a b c",
                                                  "a house",  "",
                                                  "red blue", "a clock 12:30",
                                                  "bridge",   "the night sky",
                                                  "café",     "a boat, a cup",
                                                  "horse",    "a train in a field"};

// A job with room for all that it may ask.
struct asking {
    struct job job;  // first: answers are told by it
    struct caption caption;
    struct embedding embedding;
    float clip_score;
    int answers;
};

static struct asking members[BATCH_JOBS_MAX];
static struct job *answered[BATCH_JOBS_MAX];  // in this order
static size_t answered_count;

static void take_answer(struct job *job) {
    ((struct asking *)job)->answers++;
    answered[answered_count++] = job;
}

enum wish { DESCRIPTION, CAPTION, VECTOR, TEXT };

static void ask(struct asking *asking, enum wish wish, size_t number) {
    *asking = (struct asking){.answers = 0};
    if (wish == TEXT) asking->job.text = texts[number];
    if (wish != TEXT) asking->job.image = &pictures[number];
    if (wish == DESCRIPTION || wish == CAPTION) asking->job.caption = &asking->caption;
    if (wish != CAPTION) asking->job.embedding = &asking->embedding;
    if (wish == DESCRIPTION) asking->job.clip_score = &asking->clip_score;
}

static void run_together(const enum wish *wishes, size_t count) {
    struct job *jobs[BATCH_JOBS_MAX];
    size_t weight = 0;
    for (size_t i = 0; i < count; i++) {
        ask(&members[i], wishes[i], i);
        jobs[i] = &members[i].job;
        weight += job_weight(jobs[i]);
    }
    assert_in_range(weight, count, BATCH_WEIGHT_MAX);
    answered_count = 0;
    batch_run(models, jobs, count, take_answer);
    assert_int_equal(answered_count, count);
}

static double cosine(const struct embedding *a, const struct embedding *b) {
    double sum = 0;
    assert_int_equal(a->width, b->width);
    for (size_t i = 0; i < a->width; i++) sum += (double)a->values[i] * (double)b->values[i];
    return sum;
}

// Asks the same alone and compares.
static void assert_as_alone(size_t i, enum wish wish) {
    struct asking alone, *member = &members[i];
    struct job *job = &alone.job;
    ask(&alone, wish, i);
    answered_count = 0;
    batch_run(models, &job, 1, take_answer);
    assert_int_equal(alone.job.timings.batch_size, 1);
    assert_int_equal(member->answers, 1);
    assert_int_equal(member->job.error.kind, alone.job.error.kind);
    assert_string_equal(member->job.error.text, alone.job.error.text);
    if (alone.job.error.kind != ERROR_NONE) return;
    if (alone.job.caption != NULL) {
        assert_string_equal(member->caption.text, alone.caption.text);
        assert_int_equal(member->caption.token_count, alone.caption.token_count);
        assert_true(fabsf(member->caption.confidence - alone.caption.confidence) < 1e-5f);
        assert_true(member->job.timings.caption_vision_ms > 0);
        assert_true(member->job.timings.caption_decode_ms > 0);
    }
    if (alone.job.embedding != NULL) {
        assert_true(cosine(&member->embedding, &alone.embedding) >= least_cosine);
        assert_true(member->job.timings.embedding_ms > 0);
    }
    assert_true(fabsf(member->clip_score - alone.clip_score) < 1e-5f);
}

static const struct {
    size_t count;
    enum wish wishes[BATCH_JOBS_MAX];
} batches[] = {
    {2, {DESCRIPTION, DESCRIPTION}},
    {2, {CAPTION, DESCRIPTION}},
    {9, {TEXT, VECTOR, DESCRIPTION, VECTOR, TEXT, TEXT, VECTOR, TEXT, VECTOR}},
    {16,
     {VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR,
      VECTOR, VECTOR, VECTOR, VECTOR, VECTOR}},
    {16,
     {TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT,
      TEXT}},
};
enum { BATCH_COUNT = sizeof batches / sizeof *batches };

static void test_together_as_alone(void **state) {
    (void)state;
    for (size_t b = 0; b < BATCH_COUNT; b++) {
        run_together(batches[b].wishes, batches[b].count);
        for (size_t i = 0; i < batches[b].count; i++)
            assert_int_equal(members[i].job.timings.batch_size, batches[b].count);
        for (size_t i = 0; i < batches[b].count; i++) assert_as_alone(i, batches[b].wishes[i]);
    }
}

static void test_captions_are_answered_last(void **state) {
    (void)state;
    run_together(batches[2].wishes, batches[2].count);
    assert_ptr_equal(answered[batches[2].count - 1], &members[2].job);
}

static void test_no_numbers_fail_one_picture(void **state) {
    (void)state;
    static const enum wish wishes[] = {VECTOR, VECTOR, VECTOR, DESCRIPTION, TEXT};
    float *damaged = &pictures[1].embedding_planes[17], kept = *damaged;
    *damaged = NAN;
    run_together(wishes, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(members[i].job.error.kind, i == 1 ? ERROR_INTERNAL : ERROR_NONE);
        assert_as_alone(i, wishes[i]);
    }
    *damaged = kept;
}

static void test_no_numbers_fail_one_caption(void **state) {
    (void)state;
    static const enum wish wishes[] = {DESCRIPTION, DESCRIPTION};
    for (size_t bad = 0; bad < 2; bad++) {
        float *damaged = &pictures[bad].caption_planes[17], kept = *damaged;
        *damaged = NAN;
        run_together(wishes, 2);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(members[i].job.error.kind, i == bad ? ERROR_INTERNAL : ERROR_NONE);
            assert_as_alone(i, wishes[i]);
        }
        *damaged = kept;
    }
}

static void test_no_text_fails_one_text(void **state) {
    (void)state;
    struct job *jobs[3];
    for (size_t i = 0; i < 3; i++) {
        ask(&members[i], TEXT, i);
        jobs[i] = &members[i].job;
    }
    jobs[1]->text = "\xff\xfe";
    answered_count = 0;
    batch_run(models, jobs, 3, take_answer);
    assert_int_equal(jobs[1]->error.kind, ERROR_INVALID);
    assert_int_equal(answered_count, 3);
    assert_as_alone(0, TEXT);
    assert_as_alone(2, TEXT);
}

static int load(void **state) {
    (void)state;
    char captions[1024], embeddings[1024];
    const char *data = getenv("IMGROUTER_TEST_DATA");
    if (data == NULL) data = "tests";
    (void)snprintf(captions, sizeof captions, "%s/golden/models/plain/blip-image-captioning-base",
                   data);
    (void)snprintf(embeddings, sizeof embeddings,
                   "%s/golden/models/plain/CLIP-ViT-B-32-laion2B-s34B-b79K", data);
    struct engine_info info;
    struct error err = {0};
    models = models_load(&(struct engine_options){.caption_model_folder = captions,
                                                  .caption_model_name = "captions",
                                                  .embedding_model_folder = embeddings,
                                                  .embedding_model_name = "vectors",
                                                  .threads = 2},
                         &info, &err);
    for (unsigned i = 0; models != NULL && i < BATCH_JOBS_MAX; i++) {
        struct image_info size_info;
        size_t size;
        uint8_t *file = picture_file_of(i, &size);
        assert_true(models_prepare_image(models, file, size, &image_limits_default, IMAGE_FOR_BOTH,
                                         &pictures[i], &size_info, NULL));
        memory_free(file);
    }
    return models != NULL ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    for (size_t i = 0; i < BATCH_JOBS_MAX; i++) prepared_image_clear(&pictures[i]);
    models_destroy(models);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_together_as_alone),
        cmocka_unit_test(test_captions_are_answered_last),
        cmocka_unit_test(test_no_numbers_fail_one_picture),
        cmocka_unit_test(test_no_numbers_fail_one_caption),
        cmocka_unit_test(test_no_text_fails_one_text),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
