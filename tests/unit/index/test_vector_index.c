// The index against the plainest thing that can be right: an array, searched by sorting. It is the
// owner of the vectors, too.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "index/vector_index.h"

enum { MODEL_MAX = 512 };

struct model {
    size_t width;
    size_t count;
    int64_t keys[MODEL_MAX];
    float *vectors[MODEL_MAX];
};

static unsigned random_state = 7;
static unsigned random_number(void) {
    random_state = random_state * 1664525U + 1013904223U;  // Numerical Recipes' generator
    return random_state >> 8;
}

// Multiples of 1/8, so that all sums are exact and equal scores are common.
static void random_vector(float *vector, size_t width) {
    for (size_t i = 0; i < width; i++) vector[i] = (float)(random_number() % 17) / 8.0F - 1.0F;
}

static size_t model_find(const struct model *model, int64_t key) {
    size_t i = 0;
    while (i < model->count && model->keys[i] != key) i++;
    return i;
}

static void model_put(struct model *model, int64_t key, const float *vector) {
    size_t i = model_find(model, key);
    if (i == model->count) {
        model->vectors[i] = malloc(model->width * sizeof(float));
        model->keys[i] = key;
        model->count++;
    }
    memcpy(model->vectors[i], vector, model->width * sizeof(float));
}

static bool model_remove(struct model *model, int64_t key) {
    size_t i = model_find(model, key);
    if (i == model->count) return false;
    free(model->vectors[i]);
    model->count--;
    model->keys[i] = model->keys[model->count];
    model->vectors[i] = model->vectors[model->count];
    return true;
}

static bool read_model(void *context, const int64_t *keys, size_t count, float *vectors,
                       bool *is_there, struct error *err) {
    const struct model *model = context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        size_t place = model_find(model, keys[i]);
        is_there[i] = place < model->count;
        if (is_there[i])
            memcpy(vectors + i * model->width, model->vectors[place], model->width * sizeof(float));
    }
    return true;
}

static int compare_matches(const void *a, const void *b) {
    const struct vector_match *left = a;
    const struct vector_match *right = b;
    if (left->score != right->score) return left->score < right->score ? 1 : -1;
    return (left->key > right->key) - (left->key < right->key);
}

static void check_search(struct vector_index *index, struct model *model, const float *query,
                         size_t k) {
    struct vector_match expected[MODEL_MAX];
    for (size_t i = 0; i < model->count; i++) {
        double score = 0;
        for (size_t j = 0; j < model->width; j++) score += (double)model->vectors[i][j] * query[j];
        expected[i] = (struct vector_match){.key = model->keys[i], .score = (float)score};
    }
    qsort(expected, model->count, sizeof *expected, compare_matches);
    struct vector_match *found = malloc((k + 1) * sizeof *found);
    struct vector_search search = {
        .query = query, .k = k, .read = read_model, .read_context = model};
    size_t count;
    assert_true(vector_index_search(index, &search, found, &count, NULL));
    assert_int_equal(count, k < model->count ? k : model->count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(found[i].key, expected[i].key);
        assert_true(found[i].score == expected[i].score);
    }
    free(found);
}

static void check_finds(struct vector_index *index, struct model *model, const float *query,
                        int64_t key) {
    struct vector_search search = {
        .query = query, .k = 1, .read = read_model, .read_context = model};
    struct vector_match match;
    size_t count;
    assert_true(vector_index_search(index, &search, &match, &count, NULL));
    assert_int_equal(count, 1);
    assert_int_equal(match.key, key);
}

static void model_clear(struct model *model) {
    while (model->count > 0) model_remove(model, model->keys[0]);
}

static void test_random_sequences(void **state) {
    (void)state;
    static const size_t widths[] = {1, 3, 16, 37, 512};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        struct model model = {.width = widths[w]};
        struct vector_index *index = vector_index_create(model.width, NULL, 2, NULL);
        assert_int_equal(vector_index_width(index), model.width);
        float *vector = malloc(model.width * sizeof *vector);
        for (size_t step = 0; step < 3000; step++) {
            // Few keys, negative ones too, so that replacing and removing are common. The index
            // grows in the first half and shrinks in the second.
            int64_t key = (int64_t)(random_number() % 400) * 1000003 - 200000000;
            bool is_putting = random_number() % 10 < (step < 1500 ? 7U : 3U);
            random_vector(vector, model.width);
            if (is_putting) {
                assert_true(vector_index_put(index, key, vector, NULL));
                model_put(&model, key, vector);
            } else {
                assert_int_equal(vector_index_remove(index, key), model_remove(&model, key));
            }
            assert_int_equal(vector_index_count(index), model.count);
            if (step % 10 == 0) {
                random_vector(vector, model.width);
                check_search(index, &model, vector, step % 13);
                check_search(index, &model, vector, 1000);  // more than there are
            }
        }
        free(vector);
        model_clear(&model);
        vector_index_destroy(index);
    }
}

static void test_not_a_number_never_wins(void **state) {
    (void)state;
    struct model model = {.width = 2};
    struct vector_index *index = vector_index_create(2, NULL, 1, NULL);
    const float spoiled[2] = {NAN, 1}, infinite[2] = {-INFINITY, 0}, good[2] = {-1, 0};
    const float query[2] = {1, 0};
    for (int64_t key = 0; key < 12; key++) {
        const float *vector = key % 3 == 0 ? spoiled : key % 3 == 1 ? infinite : good;
        assert_true(vector_index_put(index, key, vector, NULL));
        model_put(&model, key, vector);
    }
    struct vector_search search = {
        .query = query, .k = 20, .read = read_model, .read_context = &model};
    struct vector_match matches[20];
    size_t count;
    assert_true(vector_index_search(index, &search, matches, &count, NULL));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) assert_int_equal(matches[i].key, 3 * i + 2);
    search.query = spoiled;
    assert_true(vector_index_search(index, &search, matches, &count, NULL));
    assert_int_equal(count, 0);
    // A good one in its place is found, and the other way round.
    assert_true(vector_index_put(index, 0, query, NULL));
    assert_true(vector_index_put(index, 2, spoiled, NULL));
    model_put(&model, 0, query);
    model_put(&model, 2, spoiled);
    check_finds(index, &model, query, 0);
    model_clear(&model);
    vector_index_destroy(index);
}

static void test_empty(void **state) {
    (void)state;
    struct vector_index *index = vector_index_create(4, NULL, 1, NULL);
    const float query[4] = {1, 0, 0, 0};
    struct vector_search search = {.query = query, .k = 1};
    struct vector_match match;
    size_t count = 7;
    assert_true(vector_index_search(index, &search, &match, &count, NULL));
    assert_int_equal(count, 0);
    search.k = 0;
    assert_true(vector_index_search(index, &search, NULL, &count, NULL));
    assert_false(vector_index_remove(index, 1));
    vector_index_destroy(index);
    vector_index_destroy(NULL);
}

static void test_widths(void **state) {
    (void)state;
    struct error err = {0};
    assert_null(vector_index_create(0, NULL, 1, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    err = (struct error){0};
    assert_null(vector_index_create(8193, NULL, 1, &err));
    assert_non_null(strstr(err.text, "8193"));
    err = (struct error){0};
    assert_null(vector_index_create(8, "mmx", 1, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
}

static bool read_nothing(void *context, const int64_t *keys, size_t count, float *vectors,
                         bool *is_there, struct error *err) {
    (void)keys;
    (void)count;
    (void)vectors;
    (void)is_there;
    if (context == NULL) return error_set(err, ERROR_STORAGE, "the disk is gone");
    for (size_t i = 0; i < count; i++) is_there[i] = false;
    return true;
}

// The owner may know keys no more, or fail.
static void test_readers_answers(void **state) {
    (void)state;
    struct vector_index *index = vector_index_create(4, NULL, 1, NULL);
    const float vector[4] = {1, 0, 0, 0};
    assert_true(vector_index_put(index, 5, vector, NULL));
    int something;
    struct vector_search search = {
        .query = vector, .k = 3, .read = read_nothing, .read_context = &something};
    struct vector_match matches[3];
    struct error err = {0};
    size_t count;
    assert_true(vector_index_search(index, &search, matches, &count, &err));
    assert_int_equal(count, 0);
    search.read_context = NULL;
    assert_false(vector_index_search(index, &search, matches, &count, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    assert_int_equal(count, 0);
    vector_index_destroy(index);
}

// Whatever allocation fails, create, put or search reports it and the index is what it was.
static void test_out_of_memory(void **state) {
    (void)state;
    enum { COUNT = 200, WIDTH = 8 };
    size_t failures = 0;
    for (long nth = 1; nth < 24; nth++) {
        struct model model = {.width = WIDTH};
        memory_fail_nth(nth, false);
        struct error err = {0};
        struct vector_index *index = vector_index_create(WIDTH, NULL, 2, &err);
        if (index == NULL) {
            failures++;
            assert_int_equal(err.kind, ERROR_INTERNAL);
            memory_fail_nth(0, false);
            continue;
        }
        for (int64_t key = 0; key < COUNT; key++) {
            float vector[WIDTH];
            random_vector(vector, WIDTH);
            err = (struct error){0};
            if (vector_index_put(index, key, vector, &err)) {
                model_put(&model, key, vector);
                continue;
            }
            failures++;
            assert_int_equal(err.kind, ERROR_INTERNAL);
            assert_true(strlen(err.text) > 0);
        }
        memory_fail_nth(0, false);
        assert_int_equal(vector_index_count(index), model.count);
        float query[WIDTH];
        random_vector(query, WIDTH);
        check_search(index, &model, query, COUNT);
        model_clear(&model);
        vector_index_destroy(index);
    }
    // Six in create, five for a chunk, three growths of the table.
    assert_true(failures >= 14);
    memory_fail_nth(1, true);
    assert_null(vector_index_create(WIDTH, NULL, 1, NULL));
    memory_fail_nth(0, false);
}

static void test_search_out_of_memory(void **state) {
    (void)state;
    enum { COUNT = 100, WIDTH = 8 };
    struct model model = {.width = WIDTH};
    struct vector_index *index = vector_index_create(WIDTH, NULL, 2, NULL);
    float vector[WIDTH];
    for (int64_t key = 0; key < COUNT; key++) {
        random_vector(vector, WIDTH);
        assert_true(vector_index_put(index, key, vector, NULL));
        model_put(&model, key, vector);
    }
    struct vector_search search = {
        .query = vector, .k = COUNT, .read = read_model, .read_context = &model};
    struct vector_match matches[COUNT];
    size_t failures = 0, count = 0;
    for (long nth = 1; count == 0; nth++) {
        struct error err = {0};
        memory_fail_nth(nth, false);
        if (!vector_index_search(index, &search, matches, &count, &err)) {
            failures++;
            assert_int_equal(err.kind, ERROR_INTERNAL);
        }
        memory_fail_nth(0, false);
    }
    assert_int_equal(count, COUNT);
    assert_true(failures >= 8);
    model_clear(&model);
    vector_index_destroy(index);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_sequences),
        cmocka_unit_test(test_not_a_number_never_wins),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_readers_answers),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_search_out_of_memory),
    };
    return cmocka_run_group_tests_name("vector_index", tests, NULL, NULL);
}
