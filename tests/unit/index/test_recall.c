// What a search by codes finds of the exact answer, on vectors like CLIP's, and that an exact
// search and a filtered one find all of it.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/cpu_features.h"
#include "vector_world.h"

enum { COUNT = 30000, QUERIES = 60, K = 10, WORDS = (COUNT + 63) / 64, BATCH = 1000 };

static float (*pictures)[WORLD_WIDTH];
static bool is_there[COUNT];

static struct vector_index *fill_index(const char *tier) {
    static int64_t keys[BATCH];
    struct vector_index *index = vector_index_create(WORLD_WIDTH, tier, 2, NULL);
    assert_non_null(index);
    for (int64_t start = 0; start < COUNT; start += BATCH) {
        for (int64_t i = 0; i < BATCH; i++) keys[i] = start + i;
        assert_true(vector_index_put_many(index, keys, pictures[start], BATCH, NULL));
    }
    for (size_t i = 0; i < COUNT; i++) is_there[i] = true;
    assert_int_equal(vector_index_count(index), COUNT);
    return index;
}

static int draw_pictures(void **state) {
    (void)state;
    pictures = malloc(COUNT * sizeof *pictures);
    for (int64_t key = 0; key < COUNT; key++) world_picture(key, 0, pictures[key]);
    return 0;
}

static int drop_pictures(void **state) {
    (void)state;
    free(pictures);
    return 0;
}

static void draw_query(unsigned number, float *query) {
    if (number % 2 == 0)
        world_query_near((int64_t)number * 491 % COUNT, query);
    else
        world_query_text(number, query);
}

static int compare_matches(const void *a, const void *b) {
    const struct vector_match *left = a, *right = b;
    if (left->score != right->score) return left->score < right->score ? 1 : -1;
    return (left->key > right->key) - (left->key < right->key);
}

static bool allows(const struct key_filter *filter, int64_t key) {
    return filter == NULL ||
           ((size_t)key < filter->bit_count && (filter->bits[key / 64] >> key % 64 & 1) != 0);
}

// The k best by sums in doubles; returns how many.
static size_t find_best(const float *query, const struct key_filter *filter, size_t k,
                        struct vector_match *best) {
    static struct vector_match all[COUNT];
    size_t count = 0;
    for (int64_t key = 0; key < COUNT; key++) {
        if (!is_there[key] || !allows(filter, key)) continue;
        double score = 0;
        for (size_t i = 0; i < WORLD_WIDTH; i++) score += (double)pictures[key][i] * query[i];
        all[count++] = (struct vector_match){.key = key, .score = (float)score};
    }
    qsort(all, count, sizeof *all, compare_matches);
    if (count > k) count = k;
    memcpy(best, all, count * sizeof *best);
    return count;
}

// How many of the true best were found; all that is found is checked.
static size_t search(struct vector_index *index, struct vector_search search, size_t *expected) {
    static struct vector_match best[COUNT], found[COUNT];
    size_t count, hits = 0;
    struct error err = {0};
    search.read = world_read;
    *expected = find_best(search.query, search.filter, search.k, best);
    if (!vector_index_search(index, &search, found, &count, &err)) fail_msg("%s", err.text);
    assert_int_equal(count, *expected);
    for (size_t i = 0; i < count; i++) {
        assert_true(is_there[found[i].key] && allows(search.filter, found[i].key));
        double score = 0;
        for (size_t j = 0; j < WORLD_WIDTH; j++)
            score += (double)pictures[found[i].key][j] * search.query[j];
        assert_true(fabs(found[i].score - score) < 1e-5);
        assert_true(i == 0 || compare_matches(&found[i - 1], &found[i]) < 0);
        // A rounding may exchange what is as good.
        if (found[i].score >= best[count - 1].score - 1e-6F) hits++;
    }
    return hits;
}

static double recall(struct vector_index *index, struct vector_search of) {
    size_t hits = 0, all = 0;
    for (unsigned number = 0; number < QUERIES; number++) {
        float query[WORLD_WIDTH];
        size_t expected;
        draw_query(number, query);
        of.query = query;
        hits += search(index, of, &expected);
        all += expected;
    }
    return all == 0 ? 1 : (double)hits / (double)all;
}

static void assert_recall(struct vector_index *index, struct vector_search of, double least,
                          const char *what) {
    double found = recall(index, of);
    if (found < least) fail_msg("%s: recall %.4f, not %.4f", what, found, least);
}

static void test_recall_of_every_tier(void **state) {
    (void)state;
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        const char *name = kernel_tier_name((enum kernel_tier)tier);
        if (!cpu_supports((enum kernel_tier)tier)) continue;
        struct vector_index *index = fill_index(name);
        assert_recall(index, (struct vector_search){.k = K}, 0.995, name);
        assert_recall(index, (struct vector_search){.k = K, .is_exact = true}, 1, name);
        vector_index_destroy(index);
    }
}

static void test_many_results(void **state) {
    (void)state;
    struct vector_index *index = fill_index(NULL);
    assert_recall(index, (struct vector_search){.k = 1}, 0.98, "the best");
    assert_recall(index, (struct vector_search){.k = 1000}, 0.99, "a thousand");
    assert_recall(index, (struct vector_search){.k = 1000, .is_exact = true}, 1, "exactly");
    vector_index_destroy(index);
}

// From all to none: by the scan, by looking the keys up, keys that are not there among them.
static void test_filters(void **state) {
    (void)state;
    static uint64_t bits[WORDS + 10];
    struct vector_index *index = fill_index(NULL);
    static const int64_t every[] = {1, 2, 10, 40, 500, 29999};
    for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
        memset(bits, 0, sizeof bits);
        for (int64_t key = 0; key < COUNT + 600; key += every[i])
            bits[key / 64] |= UINT64_C(1) << key % 64;
        struct key_filter filter = {.bits = bits, .bit_count = COUNT + 600};
        assert_recall(index, (struct vector_search){.k = K, .filter = &filter}, 0.995, "filtered");
        assert_recall(index, (struct vector_search){.k = K, .filter = &filter, .is_exact = true}, 1,
                      "filtered exactly");
        // Bits behind the last are no keys.
        filter.bit_count = 1 + (size_t)every[i];
        assert_recall(index, (struct vector_search){.k = K, .filter = &filter}, 1, "few keys");
    }
    struct key_filter none = {.bits = bits, .bit_count = 0};
    assert_recall(index, (struct vector_search){.k = K, .filter = &none}, 1, "no key");
    vector_index_destroy(index);
}

// Slots are used again; what was removed is never found, what is put instead is.
static void test_removing_and_putting_again(void **state) {
    (void)state;
    struct vector_index *index = fill_index(NULL);
    size_t memory = vector_index_memory_bytes(index), left = COUNT;
    for (int64_t key = 0; key < COUNT; key += key % 5 == 0 ? 1 : 2) {
        assert_true(vector_index_remove(index, key));
        assert_false(vector_index_remove(index, key));
        is_there[key] = false;
        left--;
    }
    assert_int_equal(vector_index_count(index), left);
    assert_recall(index, (struct vector_search){.k = K}, 0.995, "after removing");
    assert_recall(index, (struct vector_search){.k = K, .is_exact = true}, 1, "after removing");
    for (int64_t key = COUNT - 1; key >= 0; key--) {
        if (is_there[key]) continue;
        assert_true(vector_index_put(index, key, pictures[key], NULL));
        is_there[key] = true;
    }
    assert_int_equal(vector_index_memory_bytes(index), memory);
    assert_recall(index, (struct vector_search){.k = K}, 0.995, "put again");
    vector_index_destroy(index);
}

// Other vectors came first, so that the means fit none of those that stay.
static void test_means_that_do_not_fit(void **state) {
    (void)state;
    struct vector_index *index = vector_index_create(WORLD_WIDTH, NULL, 2, NULL);
    float vector[WORLD_WIDTH];
    for (int64_t key = 0; key < COUNT; key++) {
        world_query_text((unsigned)key, vector);
        assert_true(vector_index_put(index, key, vector, NULL));
        is_there[key] = true;
    }
    for (int64_t key = 0; key < COUNT; key++)
        assert_true(vector_index_put(index, key, pictures[key], NULL));
    assert_recall(index, (struct vector_search){.k = K}, 0.995, "means that do not fit");
    assert_recall(index, (struct vector_search){.k = K, .is_exact = true}, 1, "exactly");
    vector_index_destroy(index);
}

// The order in which threads met the rows shows in no answer.
static void test_same_answers(void **state) {
    (void)state;
    struct vector_index *index = fill_index(NULL);
    for (unsigned number = 0; number < QUERIES; number++) {
        float query[WORLD_WIDTH];
        struct vector_match first[100], again[100];
        size_t first_count, again_count;
        draw_query(number, query);
        struct vector_search search = {.query = query, .k = 100, .read = world_read};
        assert_true(vector_index_search(index, &search, first, &first_count, NULL));
        for (int i = 0; i < 3; i++) {
            assert_true(vector_index_search(index, &search, again, &again_count, NULL));
            assert_int_equal(again_count, first_count);
            for (size_t j = 0; j < first_count; j++) assert_int_equal(again[j].key, first[j].key);
        }
    }
    vector_index_destroy(index);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recall_of_every_tier),
        cmocka_unit_test(test_many_results),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_removing_and_putting_again),
        cmocka_unit_test(test_means_that_do_not_fit),
        cmocka_unit_test(test_same_answers),
    };
    return cmocka_run_group_tests_name("recall", tests, draw_pictures, drop_pictures);
}
