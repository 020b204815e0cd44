// The contract of store.h: several vector spaces, the active one, and many images at once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "contract.h"

enum { IMAGES = 12, WIDE = 2 * SAMPLE_WIDTH };

static void put_in_space(struct store *store, unsigned number, const char *space) {
    float vector[WIDE] = {0};
    struct error err = {0};
    vector[number % WIDE] = 1;
    if (!store->operations->put_vector(store, sample_id(number), space, vector, WIDE, &err))
        fail_msg("%s", err.text);
}

static size_t count_in(struct store *store, const char *space, size_t *width) {
    struct store_space spaces[STORE_SPACES_MAX];
    size_t count;
    struct error err = {0};
    if (!store->operations->list_spaces(store, spaces, &count, &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(spaces[i].embedding_model, space) != 0) continue;
        if (width != NULL) *width = spaces[i].width;
        return spaces[i].count;
    }
    return 0;
}

static size_t count_missing(struct store *store, const char *space) {
    struct store_cursor cursor = {0};
    struct image_record records[5];
    size_t count, all = 0;
    bool has_more = true;
    while (has_more) {
        assert_true(store->operations->list_without_vector(store, space, &cursor, 5, records,
                                                           &count, &has_more, NULL));
        all += count;
    }
    return all;
}

static void images_move_to_a_new_space(void **state) {
    struct contract_fixture *fixture = *state;
    struct store *store = fixture->store;
    char active[STORE_MODEL_SIZE] = "?";
    struct error err = {0};
    size_t width = 0;
    assert_true(store->operations->get_active_space(store, active, &err));
    assert_string_equal(active, "");
    for (unsigned i = 0; i < IMAGES; i++) put_sample(store, i);
    assert_true(store->operations->set_active_space(store, "space", &err));
    assert_int_equal(count_missing(store, "wide"), IMAGES);
    for (unsigned i = 0; i < IMAGES - 2; i++) put_in_space(store, i, "wide");
    put_in_space(store, 0, "wide");  // again: nothing is counted twice
    contract_restart(fixture);
    store = fixture->store;
    assert_int_equal(count_missing(store, "wide"), 2);
    assert_int_equal(count_missing(store, "space"), 0);
    assert_int_equal(count_in(store, "wide", &width), IMAGES - 2);
    assert_int_equal(width, WIDE);
    assert_int_equal(count_in(store, "space", &width), IMAGES);
    assert_int_equal(width, SAMPLE_WIDTH);
    struct store_match matches[IMAGES];
    size_t count;
    float query[WIDE] = {[3] = 1};
    assert_true(search_nearest(store, "wide", query, WIDE, IMAGES, matches, &count, &err));
    assert_int_equal(count, IMAGES - 2);
    assert_string_equal(matches[0].record.id, sample_id(3));
    assert_string_equal(matches[0].record.embedding_model, "space");

    assert_true(store->operations->set_active_space(store, "wide", &err));
    contract_restart(fixture);
    store = fixture->store;
    assert_true(store->operations->get_active_space(store, active, &err));
    assert_string_equal(active, "wide");
    assert_true(search_nearest(store, "wide", query, WIDE, 1, matches, &count, &err));
    assert_string_equal(matches[0].record.embedding_model, "wide");
    struct image_record record;
    assert_true(store->operations->get(store, sample_id(IMAGES - 1), &record, &err));
    assert_string_equal(record.embedding_model, "space");  // it has no vector in "wide"
}

static void a_space_can_be_dropped(void **state) {
    struct contract_fixture *fixture = *state;
    struct store *store = fixture->store;
    struct error err = {0};
    for (unsigned i = 0; i < IMAGES; i++) put_sample(store, i);
    assert_true(store->operations->set_active_space(store, "space", &err));
    for (unsigned i = 0; i < IMAGES; i++) put_in_space(store, i, "wide");
    assert_false(store->operations->remove_space(store, "space", &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    error_clear(&err);
    assert_true(store->operations->set_active_space(store, "wide", &err));
    assert_true(store->operations->remove_space(store, "space", &err));
    for (int round = 0; round < 2; round++) {
        store = fixture->store;
        assert_int_equal(count_in(store, "space", NULL), 0);
        assert_int_equal(count_in(store, "wide", NULL), IMAGES);
        assert_int_equal(count_missing(store, "space"), IMAGES);
        float vector[SAMPLE_WIDTH];
        assert_false(store->operations->get_vector(store, sample_id(1), "space", vector,
                                                   SAMPLE_WIDTH, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        error_clear(&err);
        contract_restart(fixture);
    }
    // Its name is free again, for vectors of another width too.
    put_in_space(fixture->store, 1, "space");
    assert_int_equal(count_in(fixture->store, "space", NULL), 1);
}

static void a_vector_needs_its_image_and_the_width(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    float vector[WIDE] = {1};
    struct error err = {0};
    assert_false(store->operations->put_vector(store, sample_id(1), "wide", vector, WIDE, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    error_clear(&err);
    put_sample(store, 1);
    assert_false(store->operations->put_vector(store, sample_id(1), "space", vector, WIDE, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    error_clear(&err);
    put_in_space(store, 1, "wide");
    assert_true(store->operations->remove(store, sample_id(1), &err));
    assert_int_equal(count_in(store, "wide", NULL), 0);
    assert_int_equal(count_in(store, "space", NULL), 0);
}

static void many_are_put_all_or_nothing(void **state) {
    struct contract_fixture *fixture = *state;
    struct store *store = fixture->store;
    static struct store_entry entries[IMAGES];
    static float vectors[IMAGES][SAMPLE_WIDTH];
    struct error err = {0};
    put_sample(store, 2);  // makes way
    for (unsigned i = 0; i < IMAGES; i++) {
        entries[i].record = sample_record(i);
        (void)snprintf(entries[i].record.caption, STORE_CAPTION_SIZE, "moved");
        sample_vector(i, vectors[i]);
        entries[i].vector = vectors[i];
        entries[i].width = SAMPLE_WIDTH;
    }
    entries[IMAGES - 1].record.sha256[63] ^= 1;
    put_sample(store, IMAGES - 1);  // so the last is a conflict
    size_t count;
    assert_false(store->operations->put_many(store, entries, IMAGES, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    error_clear(&err);
    assert_true(store->operations->count(store, &count, NULL));
    assert_int_equal(count, 2);
    assert_int_equal(count_in(store, "space", NULL), 2);
    assert_true(store->operations->put_many(store, entries, IMAGES - 1, &err));
    for (int round = 0; round < 2; round++) {
        store = fixture->store;
        assert_true(store->operations->count(store, &count, NULL));
        assert_int_equal(count, IMAGES);
        for (unsigned i = 0; i < IMAGES - 1; i++) {
            struct image_record found;
            assert_true(store->operations->get(store, sample_id(i), &found, &err));
            assert_same_record(&found, &entries[i].record);
        }
        contract_restart(fixture);
    }
    store = fixture->store;
    char ids[3][IMAGE_ID_SIZE];
    (void)snprintf(ids[0], IMAGE_ID_SIZE, "%s", sample_id(4));
    (void)snprintf(ids[1], IMAGE_ID_SIZE, "%s", sample_id(4444));
    (void)snprintf(ids[2], IMAGE_ID_SIZE, "%s", sample_id(5));
    const char *wanted[] = {ids[0], ids[1], ids[2]};
    float found[3][SAMPLE_WIDTH];
    bool is_there[3];
    assert_true(store->operations->get_vectors(store, wanted, 3, "space", found[0], SAMPLE_WIDTH,
                                               is_there, &err));
    assert_true(is_there[0] && !is_there[1] && is_there[2]);
    for (int j = 0; j < SAMPLE_WIDTH; j++) {
        assert_float_equal(found[0][j], vectors[4][j], 1e-6);
        assert_float_equal(found[2][j], vectors[5][j], 1e-6);
    }
}

const struct contract_test contract_spaces[] = {
    {"images_move_to_a_new_space", images_move_to_a_new_space, 0},
    {"a_space_can_be_dropped", a_space_can_be_dropped, 0},
    {"a_vector_needs_its_image_and_the_width", a_vector_needs_its_image_and_the_width, 0},
    {"many_are_put_all_or_nothing", many_are_put_all_or_nothing, 0},
    {NULL, NULL, 0},
};
