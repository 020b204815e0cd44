// Threads that search beside one that writes: whatever they find was there, under its key, once,
// and what stays all the while is never missed.
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vector_world.h"

enum {
    READERS = 3,
    START = 9000,  // more than are searched exactly
    KEYS = 10000,
    STEPS = 4000,
    K = 10,
    STAYING = 500,  // keys from 0 on that nobody touches
};

struct shared {
    struct vector_index *index;
    atomic_bool is_stopping;
    atomic_size_t searches;
    atomic_uint reader;
};

static void check(bool is_right, const char *what) {
    if (is_right) return;
    (void)fprintf(stderr, "%s\n", what);
    abort();
}

static void check_matches(const float *query, const struct vector_match *matches, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float vector[WORLD_WIDTH], score = 0;
        check(matches[i].key >= 0 && matches[i].key < KEYS, "no such key");
        world_picture(matches[i].key, 0, vector);
        for (size_t j = 0; j < WORLD_WIDTH; j++) score += vector[j] * query[j];
        check(fabsf(score - matches[i].score) < 1e-5F, "not its score");
        for (size_t j = 0; j < i; j++) check(matches[j].key != matches[i].key, "found twice");
        check(i == 0 || matches[i - 1].score >= matches[i].score, "not in order");
    }
}

static void *search_until_stopped(void *argument) {
    struct shared *shared = argument;
    unsigned reader = atomic_fetch_add(&shared->reader, 1);
    static const uint64_t staying[(STAYING + 63) / 64] = {[0 ...(STAYING - 1) / 64] = UINT64_MAX};
    const struct key_filter filter = {.bits = staying, .bit_count = STAYING};
    for (unsigned i = reader; !atomic_load(&shared->is_stopping); i += READERS) {
        struct vector_match matches[K];
        float query[WORLD_WIDTH];
        int64_t key = i % STAYING;
        size_t count;
        world_picture(key, 0, query);
        struct vector_search search = {.query = query,
                                       .k = K,
                                       .is_exact = i / READERS % 8 == 1,
                                       .filter = i / READERS % 4 == 2 ? &filter : NULL,
                                       .read = world_read};
        check(vector_index_search(shared->index, &search, matches, &count, NULL), "no answer");
        check(count == K, "too few");
        check(matches[0].key == key, "one that stays is missed");
        check_matches(query, matches, count);
        atomic_fetch_add(&shared->searches, 1);
    }
    return NULL;
}

static unsigned random_state = 7;
static unsigned random_number(void) {
    random_state = random_state * 1664525U + 1013904223U;  // Numerical Recipes' generator
    return random_state >> 8;
}

static void test_readers_beside_a_writer(void **state) {
    (void)state;
    struct shared shared = {.index = vector_index_create(WORLD_WIDTH, NULL, 2, NULL)};
    float vector[WORLD_WIDTH];
    for (int64_t key = 0; key < START; key++) {
        world_picture(key, 0, vector);
        assert_true(vector_index_put(shared.index, key, vector, NULL));
    }
    pthread_t readers[READERS];
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, search_until_stopped, &shared), 0);
    for (size_t step = 0; step < STEPS || atomic_load(&shared.searches) < 100; step++) {
        int64_t key = STAYING + (int64_t)(random_number() % (KEYS - STAYING));
        if (random_number() % 3 == 0) {
            (void)vector_index_remove(shared.index, key);
        } else {
            world_picture(key, 0, vector);
            assert_true(vector_index_put(shared.index, key, vector, NULL));
        }
    }
    atomic_store(&shared.is_stopping, true);
    for (size_t i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    vector_index_destroy(shared.index);
}

// From nothing on, while the first chunk is centred anew again and again.
static void test_readers_of_a_growing_index(void **state) {
    (void)state;
    struct shared shared = {.index = vector_index_create(WORLD_WIDTH, NULL, 2, NULL)};
    float vector[WORLD_WIDTH];
    pthread_t readers[READERS];
    for (int64_t key = 0; key < STAYING; key++) {
        world_picture(key, 0, vector);
        assert_true(vector_index_put(shared.index, key, vector, NULL));
    }
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, search_until_stopped, &shared), 0);
    for (int64_t key = STAYING; key < KEYS; key++) {
        world_picture(key, 0, vector);
        assert_true(vector_index_put(shared.index, key, vector, NULL));
    }
    atomic_store(&shared.is_stopping, true);
    for (size_t i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    assert_int_equal(vector_index_count(shared.index), KEYS);
    vector_index_destroy(shared.index);
}

enum { SHARED_ROWS = 270000, DRAWN = 1000, SHARED_BATCH = 1000, SHARED_QUERIES = 12 };

static float drawn[DRAWN][WORLD_WIDTH];

// Many vectors that are quickly drawn.
static void draw_variation(int64_t key, float *vector) {
    memcpy(vector, drawn[key % DRAWN], sizeof drawn[0]);
    vector[key / DRAWN % WORLD_WIDTH] += (float)(1 + key / DRAWN / WORLD_WIDTH) / 4;
}

static bool read_variations(void *context, const int64_t *keys, size_t count, float *vectors,
                            bool *is_there, struct error *err) {
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        draw_variation(keys[i], vectors + i * WORLD_WIDTH);
        is_there[i] = true;
    }
    return true;
}

static void *search_variations(void *argument) {
    size_t hits = 0;
    for (int64_t number = 0; number < SHARED_QUERIES; number++) {
        float query[WORLD_WIDTH];
        struct vector_match found[K], best[K];
        size_t count, best_count;
        world_query_near(number * 83, query);
        struct vector_search search = {.query = query, .k = K, .read = read_variations};
        check(vector_index_search(argument, &search, found, &count, NULL), "no answer");
        search.is_exact = true;
        check(vector_index_search(argument, &search, best, &best_count, NULL), "no answer");
        check(count == K && best_count == K, "too few");
        for (size_t i = 0; i < K; i++) hits += found[i].score >= best[K - 1].score ? 1 : 0;
    }
    check(hits >= (size_t)SHARED_QUERIES * K * 99 / 100, "too much is missed");
    return NULL;
}

// So many that a search has all threads; another beside it does without.
static void test_threads_share_a_scan(void **state) {
    (void)state;
    struct vector_index *index = vector_index_create(WORLD_WIDTH, NULL, 2, NULL);
    static float vectors[SHARED_BATCH][WORLD_WIDTH];
    static int64_t keys[SHARED_BATCH];
    for (int64_t i = 0; i < DRAWN; i++) world_picture(i, 0, drawn[i]);
    for (int64_t start = 0; start < SHARED_ROWS; start += SHARED_BATCH) {
        for (int64_t i = 0; i < SHARED_BATCH; i++) {
            keys[i] = start + i;
            draw_variation(start + i, vectors[i]);
        }
        assert_true(vector_index_put_many(index, keys, vectors[0], SHARED_BATCH, NULL));
    }
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, search_variations, index), 0);
    (void)search_variations(index);
    pthread_join(other, NULL);
    vector_index_destroy(index);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_beside_a_writer),
        cmocka_unit_test(test_readers_of_a_growing_index),
        cmocka_unit_test(test_threads_share_a_scan),
    };
    return cmocka_run_group_tests_name("readers", tests, NULL, NULL);
}
