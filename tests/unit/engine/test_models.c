// The engine on a small random model of the true architecture (tests/golden/models/plain). What
// it answers is compared with PyTorch elsewhere (tests/unit/model, tests/parity); here is what the
// engine adds: threads, timings, refusals.
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "engine/engine.h"
#include "prepared_picture.h"

enum { PATH_SIZE = 1024 };

static char caption_folder[PATH_SIZE], embedding_folder[PATH_SIZE];

static int find_models(void **state) {
    (void)state;
    const char *data = getenv("IMGROUTER_TEST_DATA");
    if (data == NULL) data = "tests";
    (void)snprintf(caption_folder, PATH_SIZE, "%s/golden/models/plain/blip-image-captioning-base",
                   data);
    (void)snprintf(embedding_folder, PATH_SIZE,
                   "%s/golden/models/plain/CLIP-ViT-B-32-laion2B-s34B-b79K", data);
    return 0;
}

static struct engine *engine_with(const char *captions, const char *embeddings, struct error *err) {
    return engine_create(&(struct engine_options){.caption_model_folder = captions,
                                                  .caption_model_name = "captions",
                                                  .embedding_model_folder = embeddings,
                                                  .embedding_model_name = "vectors",
                                                  .threads = 2,
                                                  .queue_capacity = 64},
                         err);
}

static void test_a_description_has_all_its_parts(void **state) {
    (void)state;
    struct error err = {0};
    struct engine *engine = engine_with(caption_folder, embedding_folder, &err);
    if (engine == NULL) fail_msg("%s", err.text);
    const struct engine_info *info = engine_info(engine);
    assert_string_equal(info->caption_model, "captions");
    assert_memory_equal(info->embedding_model, "vectors@", 8);
    assert_int_equal(strlen(info->embedding_model), 16);

    struct prepared_image picture = prepared_picture_of(engine, 1);
    struct description description;
    assert_true(engine_describe_image(engine, &picture, QUEUE_INTERACTIVE, &description, NULL));
    const struct caption *caption = &description.caption;
    assert_in_range(caption->token_count, 1, CAPTION_TOKENS_MAX);
    double sum = 0;
    for (size_t i = 0; i < caption->token_count; i++)
        sum += log((double)caption->token_probabilities[i]);
    assert_true(fabs(exp(sum / (double)caption->token_count) - (double)caption->confidence) < 1e-6);
    assert_int_equal(description.embedding.width, info->embedding_width);
    assert_true(description.clip_score >= -1.001f && description.clip_score <= 1.001f);
    assert_true(description.timings.caption_vision_ms > 0);
    assert_true(description.timings.caption_decode_ms > 0);
    assert_true(description.timings.embedding_ms > 0);
    assert_true(description.timings.preprocess_ms > 0);
    prepared_image_clear(&picture);
    engine_destroy(engine);
}

static double cosine(const struct embedding *a, const struct embedding *b) {
    double sum = 0;
    for (size_t i = 0; i < a->width; i++) sum += (double)a->values[i] * (double)b->values[i];
    return sum;
}

struct caller {
    struct engine *engine;
    struct description wanted;
    int wrong;
};

static void *ask(void *argument) {
    struct caller *caller = argument;
    struct prepared_image picture = prepared_picture_of(caller->engine, 7);
    for (int i = 0; i < 5; i++) {
        struct description got;
        // In batches of another size f32 vectors may differ by rounding (test_batch.c).
        if (!engine_describe_image(caller->engine, &picture, QUEUE_INTERACTIVE, &got, NULL) ||
            strcmp(got.caption.text, caller->wanted.caption.text) != 0 ||
            cosine(&got.embedding, &caller->wanted.embedding) < 0.9999995 ||
            got.timings.batch_size < 1)
            caller->wrong++;
    }
    prepared_image_clear(&picture);
    return NULL;
}

static void test_many_callers_get_the_same_answer(void **state) {
    (void)state;
    struct engine *engine = engine_with(caption_folder, embedding_folder, NULL);
    struct prepared_image picture = prepared_picture_of(engine, 7);
    struct caller callers[6];
    pthread_t threads[6];
    struct description wanted;
    assert_true(engine_describe_image(engine, &picture, QUEUE_BULK, &wanted, NULL));
    for (int i = 0; i < 6; i++) {
        callers[i] = (struct caller){.engine = engine, .wanted = wanted};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &callers[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].wrong, 0);
    }
    prepared_image_clear(&picture);
    engine_destroy(engine);
}

static void test_one_model_alone_is_enough_for_its_job(void **state) {
    (void)state;
    struct embedding embedding;
    struct engine_timings timings, timings_of_cut;
    bool is_cut;
    struct engine *engine = engine_with(NULL, embedding_folder, NULL);
    assert_string_equal(engine_info(engine)->caption_model, "");
    assert_true(engine_embed_text(engine, "a red car", QUEUE_INTERACTIVE, &embedding, &is_cut,
                                  &timings, NULL));
    assert_false(is_cut);
    char *long_text = memory_alloc(10000);
    for (size_t i = 0; i + 4 < 10000; i += 4) memcpy(long_text + i, "red ", 4);
    assert_true(engine_embed_text(engine, long_text, QUEUE_INTERACTIVE, &embedding, &is_cut,
                                  &timings_of_cut, NULL));
    assert_true(is_cut);
    assert_true(timings.text_tokens >= 5 && timings.text_tokens < timings_of_cut.text_tokens);
    memory_free(long_text);
    struct error err = {0};
    assert_false(
        engine_embed_text(engine, "\xff\xfe", QUEUE_INTERACTIVE, &embedding, NULL, NULL, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    engine_destroy(engine);
}

static void test_a_damaged_model_is_an_error(void **state) {
    (void)state;
    char folder[] = "/tmp/imgrouter-engine-XXXXXX", path[PATH_SIZE];
    assert_non_null(mkdtemp(folder));
    struct error err = {0};
    assert_null(engine_with(folder, embedding_folder, &err));
    assert_true(err.kind != ERROR_NONE);
    (void)snprintf(path, sizeof path, "%s/vocab.txt", folder);
    assert_true(file_write_atomic(path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n", 33, NULL));
    error_clear(&err);
    assert_null(engine_with(folder, embedding_folder, &err));
    assert_non_null(strstr(err.text, "config.json"));
    (void)remove(path);
    (void)remove(folder);
}

static bool describe_file(struct engine *engine, const uint8_t *file, size_t size,
                          struct description *description, struct error *err) {
    struct prepared_image image;
    struct image_info info;
    bool is_done = engine_prepare_image(engine, file, size, &image_limits_default, IMAGE_FOR_BOTH,
                                        &image, &info, err) &&
                   engine_describe_image(engine, &image, QUEUE_BULK, description, err);
    prepared_image_clear(&image);
    return is_done;
}

static void assert_precision(const char *kernels, const char *asked_for, const char *expected) {
    struct error err = {0};
    struct engine *engine =
        engine_create(&(struct engine_options){.caption_model_folder = caption_folder,
                                               .caption_model_name = "captions",
                                               .kernel_tier = kernels,
                                               .precision = asked_for,
                                               .threads = 1,
                                               .queue_capacity = 1},
                      &err);
    if (engine == NULL) fail_msg("%s", err.text);
    assert_string_equal(engine_info(engine)->precision, expected);
    engine_destroy(engine);
}

// The scalar kernels gain nothing by 8 bits.
static void test_auto_is_f32_where_8_bits_are_not_faster(void **state) {
    (void)state;
    assert_precision("scalar", "auto", "f32");
    assert_precision("scalar", "int8", "int8");
    assert_precision("auto", NULL, "f32");
}

static void test_no_memory_for_a_picture_is_told(void **state) {
    (void)state;
    struct engine *engine = engine_with(caption_folder, embedding_folder, NULL);
    size_t size;
    uint8_t *file = picture_file_of(3, &size);
    struct description description;
    int failures = 0;
    for (long nth = 1; nth < 100; nth++) {
        struct error err = {0};
        memory_fail_nth(nth, false);
        bool is_done = describe_file(engine, file, size, &description, &err);
        memory_fail_nth(0, false);
        if (is_done) break;
        assert_int_equal(err.kind, ERROR_INTERNAL);
        failures++;
    }
    assert_true(failures >= 2);
    assert_true(describe_file(engine, file, size, &description, NULL));
    memory_free(file);
    engine_destroy(engine);
}

static void test_warming_up_tries_both_models(void **state) {
    (void)state;
    struct error err = {0};
    struct engine *engine = engine_with(caption_folder, embedding_folder, NULL);
    if (!engine_warm_up(engine, &err)) fail_msg("%s", err.text);
    bool is_done = false;
    for (long nth = 1; !is_done && nth < 100; nth++) {
        err = (struct error){0};
        memory_fail_nth(nth, false);
        is_done = engine_warm_up(engine, &err);
        memory_fail_nth(0, false);
        assert_int_equal(err.kind, is_done ? ERROR_NONE : ERROR_INTERNAL);
    }
    assert_true(is_done);
    engine_close(engine);
    err = (struct error){0};
    assert_false(engine_warm_up(engine, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    engine_destroy(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_description_has_all_its_parts),
        cmocka_unit_test(test_many_callers_get_the_same_answer),
        cmocka_unit_test(test_one_model_alone_is_enough_for_its_job),
        cmocka_unit_test(test_a_damaged_model_is_an_error),
        cmocka_unit_test(test_auto_is_f32_where_8_bits_are_not_faster),
        cmocka_unit_test(test_no_memory_for_a_picture_is_told),
        cmocka_unit_test(test_warming_up_tries_both_models),
    };
    return cmocka_run_group_tests(tests, find_models, NULL);
}
