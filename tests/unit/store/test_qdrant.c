// What is Qdrant's own matter: what interrupted writes leave is found and ended, vectors without an
// image are found by nobody, and a reader makes nothing. On the server that
// IMGROUTER_TEST_QDRANT_URL names.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qdrant_kind.h"
#include "store/qdrant_client.h"
#include "store/qdrant_record.h"
#include "store/qdrant_store.h"
#include "store_fixture.h"

enum { IMAGES = 12 };
static struct qdrant_client *client;

static int setup(void **state) {
    (void)state;
    qdrant_prepare_empty(NULL);
    struct error err = {0};
    client = qdrant_client_create(getenv("IMGROUTER_TEST_QDRANT_URL"),
                                  getenv("IMGROUTER_TEST_QDRANT_API_KEY"), &err);
    return client == NULL ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    qdrant_client_destroy(client);
    return 0;
}

static struct store *open_store(void) {
    struct error err = {0};
    struct store *store = qdrant_open(NULL, &err);
    if (store == NULL) fail_msg("%s", err.text);
    return store;
}

static const char *point_of(unsigned number) {
    static char point_id[POINT_ID_SIZE];
    (void)point_id_from_image(sample_id(number), point_id);
    return point_id;
}

static void send(const char *method, const char *rest, json_t *body) {
    char path[256];
    struct error err = {0};
    (void)snprintf(path, sizeof path, "/collections/" QDRANT_TEST_COLLECTION "%s", rest);
    if (!qdrant_client_send(client, method, path, body, NULL, &err)) fail_msg("%s", err.text);
}

// As an interrupted write leaves the point of an image.
static void set_payload(unsigned number, json_t *payload) {
    send("POST", "_images/points/payload?wait=true",
         json_pack("{s:o, s:[s]}", "payload", payload, "points", point_of(number)));
}

static size_t count_images(struct store *store) {
    size_t count;
    assert_true(store->operations->count(store, &count, NULL));
    return count;
}

static size_t count_vectors(struct store *store) {
    struct store_space spaces[STORE_SPACES_MAX];
    size_t count, all = 0;
    assert_true(store->operations->list_spaces(store, spaces, &count, NULL));
    for (size_t i = 0; i < count; i++) all += spaces[i].count;
    return all;
}

static void a_removal_that_was_interrupted_is_ended(void **state) {
    (void)state;
    struct store *store = open_store();
    for (unsigned i = 0; i < IMAGES; i++) put_sample(store, i);
    store->operations->destroy(store);
    set_payload(3, json_pack("{s:s}", "pending", "remove"));
    store = open_store();
    assert_int_equal(count_vectors(store), IMAGES - 1);
    assert_int_equal(count_images(store), IMAGES - 1);
    struct image_record record;
    assert_false(store->operations->get(store, sample_id(3), &record, NULL));
    assert_true(put_sample(store, 3));
    assert_int_equal(count_images(store), IMAGES);
    store->operations->destroy(store);
}

static void a_change_that_was_interrupted_is_ended(void **state) {
    (void)state;
    struct store *store = open_store();
    for (unsigned i = 0; i < IMAGES; i++) put_sample(store, i);
    store->operations->destroy(store);
    set_payload(3, json_pack("{s:s, s:[s], s:s, s:[s]}", "pending", "write", "tags", "new",
                             "caption", "a giraffe", "words", "giraff"));
    store = open_store();
    const char *tags[] = {"new"}, *words[] = {"giraffe"};
    float query[SAMPLE_WIDTH];
    struct store_match match;
    size_t count;
    struct error err = {0};
    sample_vector(1, query);
    struct store_search search = {
        .embedding_model = "space", .query = query, .width = SAMPLE_WIDTH, .k = 1};
    search.filter = (struct store_filter){
        .tags = tags, .tag_count = 1, .caption_words = words, .caption_word_count = 1};
    assert_true(store->operations->search(store, &search, &match, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(match.record.id, sample_id(3));
    struct store_word_search word_search = {.words = words, .word_count = 1, .k = 1};
    assert_true(store->operations->search_words(store, &word_search, &match, &count, &err));
    assert_int_equal(count, 1);
    store->operations->destroy(store);
}

// An upload that ended between its vector and its image.
static void a_vector_without_an_image_is_found_by_nobody(void **state) {
    (void)state;
    struct store *store = open_store();
    for (unsigned i = 0; i < IMAGES; i++) put_sample(store, i);
    send("POST", "_images/points/delete?wait=true", json_pack("{s:[s]}", "points", point_of(3)));
    float vector[SAMPLE_WIDTH];
    struct store_match matches[IMAGES];
    size_t count;
    struct error err = {0};
    sample_vector(3, vector);
    for (size_t k = 1; k <= IMAGES; k++) {
        assert_true(search_nearest(store, "space", vector, SAMPLE_WIDTH, k, matches, &count, &err));
        assert_int_equal(count, k < IMAGES ? k : IMAGES - 1);
        for (size_t i = 0; i < count; i++)
            assert_string_not_equal(matches[i].record.id, sample_id(3));
    }
    assert_false(
        store->operations->get_vector(store, sample_id(3), "space", vector, SAMPLE_WIDTH, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_true(put_sample(store, 3));
    assert_int_equal(count_vectors(store), IMAGES);
    store->operations->destroy(store);
}

static void collections_that_vanish_are_made_again(void **state) {
    (void)state;
    struct store *store = open_store();
    for (unsigned i = 0; i < IMAGES; i++) put_sample(store, i);
    qdrant_prepare_empty(NULL);
    struct image_record record;
    struct error err = {0};
    assert_false(store->operations->get(store, sample_id(3), &record, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    error_clear(&err);
    assert_false(store->operations->get(store, sample_id(3), &record, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_true(put_sample(store, 3));
    assert_int_equal(count_images(store), 1);
    store->operations->destroy(store);
}

static void a_reader_makes_and_changes_nothing(void **state) {
    (void)state;
    struct error err = {0};
    struct qdrant_options options = {.url = getenv("IMGROUTER_TEST_QDRANT_URL"),
                                     .api_key = getenv("IMGROUTER_TEST_QDRANT_API_KEY"),
                                     .collection = QDRANT_TEST_COLLECTION,
                                     .is_reader = true};
    struct store *reader = qdrant_store_create(&options, &err);
    assert_non_null(reader);
    struct image_record record;
    assert_false(reader->operations->get(reader, sample_id(1), &record, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    error_clear(&err);
    struct store *store = open_store();
    put_sample(store, 1);
    assert_true(reader->operations->get(reader, sample_id(1), &record, &err));
    assert_false(reader->operations->remove(reader, sample_id(1), &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    reader->operations->destroy(reader);
    store->operations->destroy(store);
}

static void options_that_are_none_are_refused(void **state) {
    (void)state;
    const struct qdrant_options cases[] = {
        {.url = NULL, .collection = "x"},
        {.url = "", .collection = "x"},
        {.url = "localhost:6333", .collection = "x"},
        {.url = "ftp://127.0.0.1", .collection = "x"},
        {.url = "http://", .collection = "x"},
        {.url = "http://user:secret@127.0.0.1:6333", .collection = "x"},
        {.url = "http://127.0.0.1:6333/?key=secret", .collection = "x"},
        {.url = "http://127.0.0.1:6333", .collection = ""},
        {.url = "http://127.0.0.1:6333", .collection = "a/b"},
        {.url = "http://127.0.0.1:6333", .collection = "x", .api_key = "secret\r\nHost: other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        assert_null(qdrant_store_create(&cases[i], &err));
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_null(strstr(err.text, "secret"));
    }
}

int main(void) {
    const struct CMUnitTest offline[] = {cmocka_unit_test(options_that_are_none_are_refused)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_removal_that_was_interrupted_is_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_that_was_interrupted_is_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vector_without_an_image_is_found_by_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(collections_that_vanish_are_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_makes_and_changes_nothing, setup, teardown),
    };
    const char *obstacle = qdrant_find_obstacle();
    if (obstacle != NULL) print_message("skipped, but for the options: %s\n", obstacle);
    return cmocka_run_group_tests(offline, NULL, NULL) +
           (obstacle == NULL ? cmocka_run_group_tests(tests, NULL, NULL) : 0);
}
