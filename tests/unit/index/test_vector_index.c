// The index against the plainest thing that can be right: an array, searched by sorting.
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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

static size_t search(struct vector_index *index, const float *query, size_t k,
                     struct vector_match *matches) {
    return vector_index_search(index, &(struct vector_search){.query = query, .k = k}, matches);
}

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

static int compare_matches(const void *a, const void *b) {
    const struct vector_match *left = a;
    const struct vector_match *right = b;
    if (left->score != right->score) return left->score < right->score ? 1 : -1;
    return (left->key > right->key) - (left->key < right->key);
}

static void check_search(struct vector_index *index, const struct model *model, const float *query,
                         size_t k) {
    struct vector_match expected[MODEL_MAX];
    for (size_t i = 0; i < model->count; i++) {
        double score = 0;
        for (size_t j = 0; j < model->width; j++) score += (double)model->vectors[i][j] * query[j];
        expected[i] = (struct vector_match){.key = model->keys[i], .score = (float)score};
    }
    qsort(expected, model->count, sizeof *expected, compare_matches);
    struct vector_match *found = malloc((k + 1) * sizeof *found);
    size_t count = search(index, query, k, found);
    assert_int_equal(count, k < model->count ? k : model->count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(found[i].key, expected[i].key);
        assert_true(found[i].score == expected[i].score);
    }
    free(found);
}

static void model_clear(struct model *model) {
    while (model->count > 0) model_remove(model, model->keys[0]);
}

static void test_random_sequences(void **state) {
    (void)state;
    static const size_t widths[] = {1, 3, 16, 37, 512};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        struct model model = {.width = widths[w]};
        struct vector_index *index = vector_index_create(model.width, NULL);
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

// Several chunks: each vector finds itself, also after others have moved into holes.
static void test_many_vectors(void **state) {
    (void)state;
    enum { COUNT = 10000, WIDTH = 24 };
    struct vector_index *index = vector_index_create(WIDTH, NULL);
    float(*vectors)[WIDTH] = malloc(COUNT * sizeof *vectors);
    for (int64_t key = 0; key < COUNT; key++) {
        random_vector(vectors[key], WIDTH);
        vectors[key][0] += 0.5F;  // never all zeros
        float length = 0;
        for (size_t i = 0; i < WIDTH; i++) length += vectors[key][i] * vectors[key][i];
        for (size_t i = 0; i < WIDTH; i++) vectors[key][i] /= sqrtf(length);
        assert_true(vector_index_put(index, key, vectors[key], NULL));
    }
    for (int64_t key = 0; key < COUNT; key += 3) assert_true(vector_index_remove(index, key));
    assert_int_equal(vector_index_count(index), COUNT - (COUNT + 2) / 3);
    for (int64_t key = 0; key < COUNT; key += 97) {
        struct vector_match best;
        assert_int_equal(search(index, vectors[key], 1, &best), 1);
        if (key % 3 == 0) assert_true(best.key != key);
        if (key % 3 != 0) assert_int_equal(best.key, key);
        if (key % 3 != 0) assert_true(fabsf(best.score - 1) < 1e-5F);
    }
    free(vectors);
    vector_index_destroy(index);
}

static void test_not_a_number_never_wins(void **state) {
    (void)state;
    struct vector_index *index = vector_index_create(2, NULL);
    const float spoiled[2] = {NAN, 1};
    const float good[2] = {-1, 0};
    const float query[2] = {1, 0};
    assert_true(vector_index_put(index, 1, spoiled, NULL));
    assert_true(vector_index_put(index, 2, good, NULL));
    struct vector_match matches[2];
    assert_int_equal(search(index, query, 2, matches), 1);
    assert_int_equal(matches[0].key, 2);
    assert_int_equal(search(index, spoiled, 2, matches), 0);
    vector_index_destroy(index);
}

static void test_empty(void **state) {
    (void)state;
    struct vector_index *index = vector_index_create(4, NULL);
    const float query[4] = {1, 0, 0, 0};
    struct vector_match match;
    assert_int_equal(search(index, query, 1, &match), 0);
    assert_int_equal(search(index, query, 0, NULL), 0);
    assert_false(vector_index_remove(index, 1));
    vector_index_destroy(index);
    vector_index_destroy(NULL);
}

// Whatever allocation fails, create or put reports it and the index is what it was.
static void test_out_of_memory(void **state) {
    (void)state;
    enum { COUNT = 200, WIDTH = 8 };
    size_t failures = 0;
    for (long nth = 1; nth < 12; nth++) {
        struct model model = {.width = WIDTH};
        memory_fail_nth(nth, false);
        struct error err = {0};
        struct vector_index *index = vector_index_create(WIDTH, &err);
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
    // Two for the pool and scratch of the compute, three for a chunk, three growths of the table.
    assert_true(failures >= 7);
    memory_fail_nth(1, true);
    assert_null(vector_index_create(WIDTH, NULL));
    memory_fail_nth(0, false);
}

enum { READERS = 3, THREAD_KEYS = 300, THREAD_WIDTH = 32 };

struct shared {
    struct vector_index *index;
    atomic_bool is_stopping;
    atomic_size_t searches;
};

// Every vector of key k is all k, so a torn vector or a wrong key would show in the score.
static void fill(float *vector, int64_t key) {
    for (size_t i = 0; i < THREAD_WIDTH; i++) vector[i] = (float)key;
}

static void *search_until_stopped(void *argument) {
    struct shared *shared = argument;
    float query[THREAD_WIDTH] = {1};
    while (!atomic_load(&shared->is_stopping)) {
        struct vector_match matches[10];
        size_t count = search(shared->index, query, 10, matches);
        for (size_t i = 0; i < count; i++) {
            if (matches[i].score != (float)matches[i].key) abort();
            if (i > 0 && matches[i].key >= matches[i - 1].key) abort();
        }
        atomic_fetch_add(&shared->searches, 1);
    }
    return NULL;
}

static void test_readers_beside_a_writer(void **state) {
    (void)state;
    struct shared shared = {.index = vector_index_create(THREAD_WIDTH, NULL)};
    pthread_t readers[READERS];
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, search_until_stopped, &shared), 0);
    }
    float vector[THREAD_WIDTH];
    for (size_t step = 0; step < 6000 || atomic_load(&shared.searches) < 100; step++) {
        int64_t key = (int64_t)(random_number() % THREAD_KEYS);
        if (random_number() % 3 == 0) {
            (void)vector_index_remove(shared.index, key);
        } else {
            fill(vector, key);
            assert_true(vector_index_put(shared.index, key, vector, NULL));
        }
    }
    atomic_store(&shared.is_stopping, true);
    for (size_t i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    vector_index_destroy(shared.index);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_sequences),
        cmocka_unit_test(test_many_vectors),
        cmocka_unit_test(test_not_a_number_never_wins),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_readers_beside_a_writer),
    };
    return cmocka_run_group_tests_name("vector_index", tests, NULL, NULL);
}
