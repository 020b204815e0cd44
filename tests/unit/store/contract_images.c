// The contract of store.h: images, one by one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "contract.h"

enum { MANY = 10000, PAGE = 7 };

static void put_then_get_gives_every_field(void **state) {
    struct contract_fixture *fixture = *state;
    for (unsigned i = 0; i < 4; i++) assert_true(put_sample(fixture->store, i));
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 4; i++) {
            struct image_record found, expected = sample_record(i);
            struct error err = {0};
            assert_true(fixture->store->operations->get(fixture->store, expected.id, &found, &err));
            assert_same_record(&found, &expected);
        }
        contract_restart(fixture);
    }
}

static void longest_texts_survive(void **state) {
    struct contract_fixture *fixture = *state;
    struct image_record record = sample_record(1), found;
    memset(record.caption, 'c', sizeof record.caption - 1);
    memset(record.url, 'u', sizeof record.url - 1);
    memset(record.file_name, 'f', sizeof record.file_name - 1);
    memset(record.origin, 'o', sizeof record.origin - 1);
    memset(record.embedding_model, 'e', sizeof record.embedding_model - 1);
    float vector[SAMPLE_WIDTH];
    bool was_new;
    sample_vector(1, vector);
    const struct store_operations *operations = fixture->store->operations;
    assert_true(operations->put(fixture->store, &record, vector, SAMPLE_WIDTH, &was_new, NULL));
    assert_true(operations->get(fixture->store, record.id, &found, NULL));
    assert_same_record(&found, &record);
    struct store_match match;
    size_t count;
    assert_true(search_nearest(fixture->store, record.embedding_model, vector, SAMPLE_WIDTH, 1,
                               &match, &count, NULL));
    assert_int_equal(count, 1);
}

static void unknown_id_is_not_found(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    struct image_record record;
    float vector[SAMPLE_WIDTH];
    const char *ids[] = {"", "0123456789abcdef", "' OR 1=1 --",
                         "a very long id, longer than ids are"};
    put_sample(store, 1);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct error err = {0};
        assert_false(store->operations->get(store, ids[i], &record, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        error_clear(&err);
        assert_false(store->operations->remove(store, ids[i], &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        error_clear(&err);
        assert_false(
            store->operations->get_vector(store, ids[i], "space", vector, SAMPLE_WIDTH, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
    }
}

static void same_bytes_are_one_image(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    assert_true(put_sample(store, 3));
    struct image_record again = sample_record(3), found;
    (void)snprintf(again.caption, sizeof again.caption, "another caption");
    float vector[SAMPLE_WIDTH];
    sample_vector(99, vector);
    bool was_new = true;
    assert_true(store->operations->put(store, &again, vector, SAMPLE_WIDTH, &was_new, NULL));
    assert_false(was_new);
    assert_true(store->operations->get(store, again.id, &found, NULL));
    struct image_record first = sample_record(3);
    assert_same_record(&found, &first);
    float kept[SAMPLE_WIDTH], expected[SAMPLE_WIDTH];
    sample_vector(3, expected);
    assert_true(store->operations->get_vector(store, again.id, "space", kept, SAMPLE_WIDTH, NULL));
    assert_memory_equal(kept, expected, sizeof kept);
    size_t count;
    assert_true(store->operations->count(store, &count, NULL));
    assert_int_equal(count, 1);
}

static void same_id_of_other_bytes_is_a_conflict(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    put_sample(store, 3);
    struct image_record other = sample_record(3), found, first = sample_record(3);
    other.sha256[63] = other.sha256[63] == '0' ? '1' : '0';
    float vector[SAMPLE_WIDTH];
    sample_vector(3, vector);
    bool was_new = true;
    struct error err = {0};
    assert_false(store->operations->put(store, &other, vector, SAMPLE_WIDTH, &was_new, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_false(was_new);
    assert_true(store->operations->get(store, first.id, &found, NULL));
    assert_same_record(&found, &first);
    assert_true(put_sample(store, 4));  // no transaction was left open
}

static void vectors_come_back_bit_for_bit(void **state) {
    struct contract_fixture *fixture = *state;
    float expected[SAMPLE_WIDTH] = {0, -0.0F, 1e-45F, 1, -1, 0.1F, 3.4e38F, -1e-20F};
    struct image_record record = sample_record(1);
    bool was_new;
    struct store *store = fixture->store;
    assert_true(store->operations->put(store, &record, expected, SAMPLE_WIDTH, &was_new, NULL));
    contract_restart(fixture);
    store = fixture->store;
    float found[SAMPLE_WIDTH];
    assert_true(
        store->operations->get_vector(store, record.id, "space", found, SAMPLE_WIDTH, NULL));
    assert_memory_equal(found, expected, sizeof expected);
}

static int compare_records(const void *a, const void *b) {
    const struct image_record *left = a, *right = b;
    if (left->created_ms != right->created_ms) return left->created_ms > right->created_ms ? -1 : 1;
    return strcmp(right->id, left->id);
}

static void pages_cover_all_once_under_ties(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    enum { COUNT = 40 };
    static struct image_record expected[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned number = i * 17 % COUNT;
        put_sample(store, number);
        expected[i] = sample_record(number);
    }
    qsort(expected, COUNT, sizeof expected[0], compare_records);
    const size_t limits[] = {1, PAGE, COUNT - 1, COUNT, COUNT + 1};
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        struct store_cursor cursor = {0};
        static struct image_record page[COUNT + 1];
        size_t seen = 0, count;
        bool has_more = true;
        while (has_more) {
            struct error err = {0};
            assert_true(
                store->operations->list(store, &cursor, limits[l], page, &count, &has_more, &err));
            assert_true(count == limits[l] || !has_more);
            for (size_t i = 0; i < count; i++) {
                assert_true(seen < COUNT);
                assert_same_record(&page[i], &expected[seen++]);
            }
        }
        assert_int_equal(seen, COUNT);
        // A page after the last one is empty and leaves the cursor where it is.
        struct store_cursor before = cursor;
        assert_true(store->operations->list(store, &cursor, PAGE, page, &count, &has_more, NULL));
        assert_int_equal(count, 0);
        assert_false(has_more);
        assert_memory_equal(&before, &cursor, sizeof cursor);
    }
}

static void cursor_outlives_its_image(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    for (unsigned i = 0; i < 20; i++) put_sample(store, i);
    struct store_cursor cursor = {0};
    struct image_record page[10];
    size_t count;
    bool has_more;
    assert_true(store->operations->list(store, &cursor, 10, page, &count, &has_more, NULL));
    assert_true(has_more);
    assert_true(store->operations->remove(store, page[9].id, NULL));
    assert_true(store->operations->list(store, &cursor, 10, page, &count, &has_more, NULL));
    assert_int_equal(count, 10);
    assert_false(has_more);
}

static void empty_store_answers(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    struct store_cursor cursor = {0};
    struct image_record record;
    struct store_match match;
    float query[SAMPLE_WIDTH] = {1};
    size_t count = 99;
    bool has_more = true;
    assert_true(store->operations->list(store, &cursor, 1, &record, &count, &has_more, NULL));
    assert_int_equal(count, 0);
    assert_false(has_more);
    count = 99;
    assert_true(search_nearest(store, "space", query, SAMPLE_WIDTH, 1, &match, &count, NULL));
    assert_int_equal(count, 0);
    count = 99;
    assert_true(store->operations->count(store, &count, NULL));
    assert_int_equal(count, 0);
    assert_true(store->operations->check(store, NULL));
}

static void figures_tell_what_is_there(void **state) {
    struct contract_fixture *fixture = *state;
    struct store_figures figures;
    for (unsigned i = 0; i < 5; i++) put_sample(fixture->store, i);
    fixture->store->operations->measure(fixture->store, &figures);
    assert_true(figures.is_up);
    assert_int_equal(figures.images, 5);
    assert_int_equal(figures.in_use, 0);  // nobody uses it now
    assert_true(figures.idle <= figures.connections_max);
    // The index in memory is SQLite's.
    bool is_sqlite = strcmp(fixture->kind->name, "sqlite") == 0;
    assert_int_equal(figures.index_vectors, is_sqlite ? 5 : 0);
    assert_int_equal(figures.index_bytes > 0, is_sqlite);
    assert_int_equal(figures.idle > 0, is_sqlite || strcmp(fixture->kind->name, "pgvector") == 0);
}

static void removed_image_is_gone_everywhere(void **state) {
    struct contract_fixture *fixture = *state;
    for (unsigned i = 0; i < 5; i++) put_sample(fixture->store, i);
    assert_true(fixture->store->operations->remove(fixture->store, sample_id(2), NULL));
    for (int round = 0; round < 2; round++) {
        struct store *store = fixture->store;
        struct image_record record;
        float vector[SAMPLE_WIDTH];
        struct error err = {0};
        assert_false(store->operations->get(store, sample_id(2), &record, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        error_clear(&err);
        assert_false(store->operations->get_vector(store, sample_id(2), "space", vector,
                                                   SAMPLE_WIDTH, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        struct store_match matches[5];
        size_t count;
        sample_vector(2, vector);
        assert_true(search_nearest(store, "space", vector, SAMPLE_WIDTH, 5, matches, &count, NULL));
        assert_int_equal(count, 4);
        for (size_t i = 0; i < count; i++)
            assert_string_not_equal(matches[i].record.id, sample_id(2));
        contract_restart(fixture);
    }
    assert_true(put_sample(fixture->store, 2));  // and can come back
}

static void search_finds_the_nearest_in_order(void **state) {
    struct contract_fixture *fixture = *state;
    enum { COUNT = 200, K = 20 };
    for (unsigned i = 0; i < COUNT; i++) put_sample(fixture->store, i);
    for (int round = 0; round < 2; round++) {
        float query[SAMPLE_WIDTH], vector[SAMPLE_WIDTH];
        sample_vector(1000, query);
        static struct store_match matches[K];
        size_t count;
        struct error err = {0};
        assert_true(
            search_nearest(fixture->store, "space", query, SAMPLE_WIDTH, K, matches, &count, &err));
        assert_int_equal(count, K);
        size_t better = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            double score = 0;
            sample_vector(i, vector);
            for (int j = 0; j < SAMPLE_WIDTH; j++) score += (double)query[j] * (double)vector[j];
            if (score > (double)matches[K - 1].score + 1e-6) better++;
            for (size_t m = 0; m < K; m++)
                if (strcmp(matches[m].record.id, sample_id(i)) == 0)
                    assert_float_equal(matches[m].score, score, 1e-5);
        }
        assert_true(better <= K - 1);
        for (size_t i = 1; i < K; i++) assert_true(matches[i - 1].score >= matches[i].score);
        contract_restart(fixture);
    }
}

static void models_never_mix(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    bool was_new;
    for (unsigned i = 0; i < 10; i++) {
        struct image_record record = sample_record(i);
        float vector[SAMPLE_WIDTH];
        sample_vector(i, vector);
        (void)snprintf(record.embedding_model, sizeof record.embedding_model,
                       i < 4 ? "old" : "new");
        assert_true(store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, NULL));
    }
    const struct {
        const char *model;
        size_t count;
    } cases[] = {{"old", 4}, {"new", 6}, {"none", 0}};
    for (size_t i = 0; i < 3; i++) {
        struct store_match matches[10];
        size_t count = 99;
        float query[SAMPLE_WIDTH];
        sample_vector(0, query);
        assert_true(
            search_nearest(store, cases[i].model, query, SAMPLE_WIDTH, 10, matches, &count, NULL));
        assert_int_equal(count, cases[i].count);
        for (size_t m = 0; m < count; m++)
            assert_string_equal(matches[m].record.embedding_model, cases[i].model);
    }
    float vector[SAMPLE_WIDTH];
    struct error err = {0};
    assert_false(
        store->operations->get_vector(store, sample_id(0), "new", vector, SAMPLE_WIDTH, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void another_width_is_refused(void **state) {
    struct contract_fixture *fixture = *state;
    put_sample(fixture->store, 1);
    for (int round = 0; round < 2; round++) {
        struct store *store = fixture->store;
        struct image_record record = sample_record(2);
        float vector[2 * SAMPLE_WIDTH] = {1};
        bool was_new;
        struct store_match match;
        size_t count;
        struct error err = {0};
        assert_false(
            store->operations->put(store, &record, vector, 2 * SAMPLE_WIDTH, &was_new, &err));
        assert_int_equal(err.kind, ERROR_CONFLICT);
        error_clear(&err);
        assert_false(store->operations->get(store, record.id, &record, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        error_clear(&err);
        assert_false(
            search_nearest(store, "space", vector, 2 * SAMPLE_WIDTH, 1, &match, &count, &err));
        assert_int_equal(err.kind, ERROR_CONFLICT);
        error_clear(&err);
        assert_false(store->operations->get_vector(store, sample_id(1), "space", vector,
                                                   2 * SAMPLE_WIDTH, &err));
        assert_int_equal(err.kind, ERROR_CONFLICT);
        error_clear(&err);
        assert_false(store->operations->put(store, &record, vector, 0, &was_new, &err));
        assert_int_equal(err.kind, ERROR_INTERNAL);
        contract_restart(fixture);
    }
}

static void replaced_image_moves_to_the_new_model(void **state) {
    struct contract_fixture *fixture = *state;
    for (unsigned i = 0; i < 4; i++) assert_true(put_sample(fixture->store, i));
    struct image_record record = sample_record(2), found;
    (void)snprintf(record.caption, sizeof record.caption, "seen by another model");
    (void)snprintf(record.embedding_model, sizeof record.embedding_model, "new");
    float vector[SAMPLE_WIDTH], query[SAMPLE_WIDTH];
    sample_vector(77, vector);
    struct error err = {0};
    assert_true(
        fixture->store->operations->replace(fixture->store, &record, vector, SAMPLE_WIDTH, &err));
    for (int round = 0; round < 2; round++) {
        struct store *store = fixture->store;
        struct store_match matches[4];
        size_t count;
        assert_true(store->operations->count(store, &count, NULL));
        assert_int_equal(count, 4);
        assert_true(store->operations->get(store, record.id, &found, NULL));
        assert_same_record(&found, &record);
        assert_true(search_nearest(store, "new", vector, SAMPLE_WIDTH, 4, matches, &count, NULL));
        assert_int_equal(count, 1);
        assert_string_equal(matches[0].record.id, record.id);
        sample_vector(2, query);
        assert_true(search_nearest(store, "space", query, SAMPLE_WIDTH, 4, matches, &count, NULL));
        assert_int_equal(count, 3);
        contract_restart(fixture);
    }
    // One that is not there is put; one of other bytes is a conflict and stays.
    struct store *store = fixture->store;
    struct image_record fresh = sample_record(9);
    assert_true(store->operations->replace(store, &fresh, query, SAMPLE_WIDTH, &err));
    record.sha256[63] = record.sha256[63] == '0' ? '1' : '0';
    assert_false(store->operations->replace(store, &record, vector, SAMPLE_WIDTH, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    error_clear(&err);
    // A failure half way leaves the old one whole.
    struct image_record wide = sample_record(1), first = sample_record(1);
    float too_wide[2 * SAMPLE_WIDTH] = {1};
    assert_false(store->operations->replace(store, &wide, too_wide, 2 * SAMPLE_WIDTH, &err));
    assert_true(store->operations->get(store, first.id, &found, NULL));
    assert_same_record(&found, &first);
    assert_true(
        store->operations->get_vector(store, first.id, "space", vector, SAMPLE_WIDTH, NULL));
}

static bool lists_receipt(struct store *store, const struct image_record *expected) {
    struct store_cursor cursor = {0};
    struct image_record page[4];
    size_t count;
    bool has_more, is_there = false;
    assert_true(store->operations->list(store, &cursor, 4, page, &count, &has_more, NULL));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(page[i].id, expected->id) != 0) continue;
        assert_same_receipt(&page[i].receipt, &expected->receipt);
        is_there = true;
    }
    return is_there;
}

// By every way that gives a record.
static void assert_receipt_everywhere(struct contract_fixture *fixture,
                                      const struct image_record *expected, const float *vector) {
    for (int round = 0; round < 2; round++) {
        struct store *store = fixture->store;
        struct image_record found;
        struct store_match match;
        size_t count;
        assert_true(store->operations->get(store, expected->id, &found, NULL));
        assert_same_receipt(&found.receipt, &expected->receipt);
        assert_true(lists_receipt(store, expected));
        assert_true(search_nearest(store, "space", vector, SAMPLE_WIDTH, 1, &match, &count, NULL));
        assert_string_equal(match.record.id, expected->id);
        assert_same_receipt(&match.record.receipt, &expected->receipt);
        const char *words[] = {"dog"};
        struct store_word_search search = {.words = words, .word_count = 1, .k = 1};
        assert_true(store->operations->search_words(store, &search, &match, &count, NULL));
        assert_int_equal(count, 1);
        assert_same_receipt(&match.record.receipt, &expected->receipt);
        contract_restart(fixture);
    }
}

static void a_receipt_stays_with_its_caption(void **state) {
    struct contract_fixture *fixture = *state;
    struct image_record record = sample_record(1), updated;
    float vector[SAMPLE_WIDTH];
    bool was_new;
    struct error err = {0};
    assert_true(put_sample(fixture->store, 0));
    sample_vector(1, vector);
    (void)snprintf(record.caption, sizeof record.caption, "a dog");
    record.receipt = sample_receipt(7);
    struct store *store = fixture->store;
    assert_true(store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, &err));
    assert_receipt_everywhere(fixture, &record, vector);
    // Other tags say nothing about the caption.
    store = fixture->store;
    struct image_change change = {.tags = "pet"};
    assert_true(store->operations->update(store, record.id, &change, &updated, &err));
    assert_same_receipt(&updated.receipt, &record.receipt);
    assert_receipt_everywhere(fixture, &record, vector);
    // A caption from elsewhere comes with its own receipt.
    store = fixture->store;
    record.receipt = sample_receipt(8);
    assert_true(store->operations->replace(store, &record, vector, SAMPLE_WIDTH, &err));
    assert_receipt_everywhere(fixture, &record, vector);
    // A person's has none.
    store = fixture->store;
    change = (struct image_change){.caption = "my dog"};
    assert_true(store->operations->update(store, record.id, &change, &updated, &err));
    assert_string_equal(updated.receipt.reason, "");
    record.receipt = (struct receipt){0};
    assert_receipt_everywhere(fixture, &record, vector);
}

static void the_longest_receipt_survives(void **state) {
    struct contract_fixture *fixture = *state;
    struct image_record record = sample_record(1), found;
    float vector[SAMPLE_WIDTH];
    bool was_new;
    sample_vector(1, vector);
    record.receipt = sample_receipt(1);
    memset(record.receipt.reason, '\\', sizeof record.receipt.reason - 1);
    memset(record.receipt.words, '"', sizeof record.receipt.words - 1);
    memset(record.receipt.provider, '\\', sizeof record.receipt.provider - 1);
    memset(record.receipt.variant, '"', sizeof record.receipt.variant - 1);
    record.receipt.cost_nano_usd = INT64_MAX;
    struct store *store = fixture->store;
    assert_true(store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, NULL));
    assert_true(store->operations->get(store, record.id, &found, NULL));
    assert_same_receipt(&found.receipt, &record.receipt);
    assert_int_equal(strlen(found.receipt.words), sizeof record.receipt.words - 1);
    assert_true(found.receipt.cost_nano_usd == INT64_MAX);
}

static void many_images(void **state) {
    struct contract_fixture *fixture = *state;
    for (unsigned i = 0; i < MANY; i++) assert_true(put_sample(fixture->store, i));
    contract_restart(fixture);
    struct store *store = fixture->store;
    size_t count;
    assert_true(store->operations->count(store, &count, NULL));
    assert_int_equal(count, MANY);
    struct store_match *matches = memory_try_array(STORE_SEARCH_MAX, sizeof *matches);
    assert_non_null(matches);
    for (unsigned i = 0; i < MANY; i += MANY / 5) {
        float query[SAMPLE_WIDTH];
        sample_vector(i, query);
        assert_true(search_nearest(store, "space", query, SAMPLE_WIDTH, STORE_SEARCH_MAX, matches,
                                   &count, NULL));
        assert_int_equal(count, STORE_SEARCH_MAX);
        assert_string_equal(matches[0].record.id, sample_id(i));
    }
    memory_free(matches);
}

const struct contract_test contract_images[] = {
    {"put_then_get_gives_every_field", put_then_get_gives_every_field, 0},
    {"longest_texts_survive", longest_texts_survive, 0},
    {"unknown_id_is_not_found", unknown_id_is_not_found, 0},
    {"same_bytes_are_one_image", same_bytes_are_one_image, 0},
    {"same_id_of_other_bytes_is_a_conflict", same_id_of_other_bytes_is_a_conflict, 0},
    {"vectors_come_back_bit_for_bit", vectors_come_back_bit_for_bit, CONTRACT_BITS},
    {"pages_cover_all_once_under_ties", pages_cover_all_once_under_ties, 0},
    {"cursor_outlives_its_image", cursor_outlives_its_image, 0},
    {"empty_store_answers", empty_store_answers, 0},
    {"figures_tell_what_is_there", figures_tell_what_is_there, 0},
    {"removed_image_is_gone_everywhere", removed_image_is_gone_everywhere, 0},
    {"search_finds_the_nearest_in_order", search_finds_the_nearest_in_order, 0},
    {"models_never_mix", models_never_mix, 0},
    {"another_width_is_refused", another_width_is_refused, 0},
    {"replaced_image_moves_to_the_new_model", replaced_image_moves_to_the_new_model, 0},
    {"a_receipt_stays_with_its_caption", a_receipt_stays_with_its_caption, 0},
    {"the_longest_receipt_survives", the_longest_receipt_survives, 0},
    {"many_images", many_images, CONTRACT_DURABLE},
    {NULL, NULL, 0},
};
