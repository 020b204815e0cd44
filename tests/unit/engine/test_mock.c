#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "engine/model_source.h"
#include "prepared_picture.h"

static struct engine *mock_engine(size_t queue_capacity) {
    struct error err = {0};
    struct engine *engine = engine_create(
        &(struct engine_options){.is_mock = true, .threads = 1, .queue_capacity = queue_capacity},
        &err);
    if (engine == NULL) fail_msg("%s", err.text);
    return engine;
}

static double cosine(const struct embedding *a, const struct embedding *b) {
    double sum = 0;
    for (size_t i = 0; i < a->width; i++) sum += (double)a->values[i] * (double)b->values[i];
    return sum;
}

static void test_answers_follow_from_the_picture(void **state) {
    (void)state;
    struct engine *engine = mock_engine(4);
    struct prepared_image one = prepared_picture_of(engine, 1);
    struct prepared_image two = prepared_picture_of(engine, 2);
    struct description first, again, other;
    assert_true(engine_describe_image(engine, &one, QUEUE_INTERACTIVE, &first, NULL));
    assert_true(engine_describe_image(engine, &one, QUEUE_BULK, &again, NULL));
    assert_true(engine_describe_image(engine, &two, QUEUE_INTERACTIVE, &other, NULL));
    assert_string_equal(first.caption.text, again.caption.text);
    assert_int_equal(first.embedding.width, 512);
    assert_memory_equal(first.embedding.values, again.embedding.values, 512 * sizeof(float));
    assert_true(fabs(cosine(&first.embedding, &first.embedding) - 1) < 1e-5);
    assert_true(cosine(&first.embedding, &other.embedding) < 0.99);
    assert_in_range((int)(first.caption.confidence * 1000), 500, 1000);
    assert_memory_equal(first.caption.text, "mock: ", 6);
    prepared_image_clear(&one);
    prepared_image_clear(&two);
    engine_destroy(engine);
}

static void test_the_words_of_a_caption_find_its_picture(void **state) {
    (void)state;
    struct engine *engine = mock_engine(4);
    struct embedding words, wrong;
    struct description description;
    for (int value = 0; value < 30; value++) {
        struct prepared_image picture = prepared_picture_of(engine, (unsigned)value);
        assert_true(engine_describe_image(engine, &picture, QUEUE_BULK, &description, NULL));
        assert_true(engine_embed_text(engine, description.caption.text, QUEUE_INTERACTIVE, &words,
                                      NULL, NULL, NULL));
        assert_true(engine_embed_text(engine, "quantum sandwich", QUEUE_INTERACTIVE, &wrong, NULL,
                                      NULL, NULL));
        assert_true(cosine(&description.embedding, &words) > 0.8);
        assert_true(cosine(&description.embedding, &wrong) < 0.4);
        assert_true(fabs((double)description.clip_score - cosine(&description.embedding, &words)) <
                    1e-5);
        prepared_image_clear(&picture);
    }
    engine_destroy(engine);
}

static void test_a_text_without_words_is_refused(void **state) {
    (void)state;
    struct engine *engine = mock_engine(4);
    struct embedding embedding;
    struct error err = {0};
    assert_false(
        engine_embed_text(engine, " ,.! ", QUEUE_INTERACTIVE, &embedding, NULL, NULL, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    engine_destroy(engine);
}

static void test_mocks_are_called_so(void **state) {
    (void)state;
    struct engine *engine = mock_engine(4);
    assert_string_equal(engine_info(engine)->caption_model, MOCK_MODEL_NAME);
    assert_string_equal(engine_info(engine)->embedding_model, MOCK_MODEL_NAME);
    engine_destroy(engine);
}

static void test_a_closed_engine_refuses(void **state) {
    (void)state;
    struct engine *engine = mock_engine(4);
    struct embedding embedding;
    struct error err = {0};
    engine_close(engine);
    assert_false(
        engine_embed_text(engine, "a dog", QUEUE_INTERACTIVE, &embedding, NULL, NULL, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    engine_destroy(engine);
}

enum { CALLERS = 8, CALLS = 50 };

struct crowd {
    struct engine *engine;
    int answered, refused, wrong;
};

static void *call_often(void *argument) {
    struct crowd *crowd = argument;
    for (int i = 0; i < CALLS; i++) {
        struct prepared_image picture = prepared_picture_of(crowd->engine, (unsigned)i);
        struct description description;
        struct error err = {0};
        if (engine_describe_image(crowd->engine, &picture, i % 2 ? QUEUE_BULK : QUEUE_INTERACTIVE,
                                  &description, &err))
            crowd->answered++;
        else if (err.kind == ERROR_OVERLOADED)
            crowd->refused++;
        else
            crowd->wrong++;
        prepared_image_clear(&picture);
    }
    return NULL;
}

static void test_a_crowd_is_answered_or_told_to_come_back(void **state) {
    (void)state;
    struct engine *engine = mock_engine(2);
    pthread_t threads[CALLERS];
    struct crowd crowds[CALLERS] = {0};
    int answered = 0;
    for (int i = 0; i < CALLERS; i++) {
        crowds[i].engine = engine;
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &crowds[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(crowds[i].wrong, 0);
        assert_int_equal(crowds[i].answered + crowds[i].refused, CALLS);
        answered += crowds[i].answered;
    }
    assert_true(answered > 0);
    assert_int_equal(engine_queue_depth(engine), 0);
    engine_destroy(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_follow_from_the_picture),
        cmocka_unit_test(test_the_words_of_a_caption_find_its_picture),
        cmocka_unit_test(test_a_text_without_words_is_refused),
        cmocka_unit_test(test_mocks_are_called_so),
        cmocka_unit_test(test_a_closed_engine_refuses),
        cmocka_unit_test(test_a_crowd_is_answered_or_told_to_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
