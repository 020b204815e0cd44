// Finding pictures by words, by a stored image, by a picture and by an address.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "service_fixture.h"

enum { K = 10 };

struct found {
    struct store_match matches[K];
    size_t count;
    bool is_cut;
    struct search_timings timings;
    struct error err;
};

static char red_id[IMAGE_ID_SIZE], green_id[IMAGE_ID_SIZE], blue_id[IMAGE_ID_SIZE];

static int setup(void **state) {
    if (service_fixture_setup(state) != 0) return -1;
    memcpy(red_id, upload_colour(*state, 255, 20, 0).record.id, sizeof red_id);
    memcpy(green_id, upload_colour(*state, 10, 255, 0).record.id, sizeof green_id);
    memcpy(blue_id, upload_colour(*state, 90, 0, 255).record.id, sizeof blue_id);
    return 0;
}

static bool search_text(struct service_fixture *fixture, const char *query, struct found *found) {
    *found = (struct found){0};
    return service_search_text(fixture->service, query, K, found->matches, &found->count,
                               &found->is_cut, &found->timings, &found->err);
}

static void words_find_their_picture(void **state) {
    const struct {
        const char *query, *id;
    } cases[] = {{"red", red_id}, {"green", green_id}, {"blue", blue_id}};
    for (size_t i = 0; i < 3; i++) {
        struct found found;
        if (!search_text(*state, cases[i].query, &found)) fail_msg("%s", found.err.text);
        assert_int_equal(found.count, 3);
        assert_string_equal(found.matches[0].record.id, cases[i].id);
        assert_true(found.matches[0].score > 0.9F);
        assert_true(found.matches[1].score < 0.5F);
        assert_false(found.is_cut);
        assert_int_equal(found.timings.engine.batch_size, 5);
        assert_true(found.timings.embed_ms > 0 && found.timings.store_ms > 0);
        assert_true(found.timings.total_ms >= found.timings.embed_ms + found.timings.store_ms);
    }
    assert_true(counted(*state, METRIC_SEARCHES, NULL) == 3);
    assert_true(counted(*state, METRIC_STAGE_DURATION, "search") == 3);
    assert_true(counted(*state, METRIC_STAGE_DURATION, "embed") == 3);
    assert_true(counted(*state, METRIC_BATCH_SIZE, NULL) == 6);  // with the three uploads
}

static void blank_queries_are_refused(void **state) {
    const char *queries[] = {"", "   ", "\t\r\n",
                             "\xc2\xa0\xe3\x80\x80" /* blanks of other scripts */};
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        struct found found;
        assert_false(search_text(*state, queries[i], &found));
        assert_int_equal(found.err.kind, ERROR_INVALID);
    }
    assert_int_equal(atomic_load(&fake_engine.embed_calls), 0);
    assert_true(counted(*state, METRIC_SEARCHES, NULL) == 0);
}

static void cut_queries_are_told(void **state) {
    struct found found;
    fake_engine.is_cut = true;
    assert_true(search_text(*state, "a very long query", &found));
    assert_true(found.is_cut);
}

static void failing_models_fail_the_search(void **state) {
    struct service_fixture *fixture = *state;
    struct found found;
    (void)error_set(&fake_engine.failure, ERROR_OVERLOADED, "queue full");
    assert_false(search_text(fixture, "red", &found));
    assert_int_equal(found.err.kind, ERROR_OVERLOADED);
    assert_int_equal(found.count, 0);
    error_clear(&found.err);
    assert_false(service_search_picture(fixture->service, small_png, small_png_size, K,
                                        found.matches, &found.count, &found.timings, &found.err));
    assert_int_equal(found.err.kind, ERROR_OVERLOADED);
}

static void a_stored_image_finds_its_like(void **state) {
    struct service_fixture *fixture = *state;
    struct found found = {0};
    assert_true(service_search_like_image(fixture->service, blue_id, K, found.matches, &found.count,
                                          &found.timings, &found.err));
    assert_int_equal(found.count, 3);
    assert_string_equal(found.matches[0].record.id, blue_id);
    assert_float_equal(found.matches[0].score, 1, 1e-5);
    assert_int_equal(atomic_load(&fake_engine.embed_calls), 0);
    assert_int_equal(found.timings.engine.batch_size, 0);
    assert_false(service_search_like_image(fixture->service, "0123456789abcdef", K, found.matches,
                                           &found.count, &found.timings, &found.err));
    assert_int_equal(found.err.kind, ERROR_NOT_FOUND);
}

static void a_picture_finds_its_like_and_is_not_stored(void **state) {
    struct service_fixture *fixture = *state;
    struct found found = {0};
    assert_true(service_search_picture(fixture->service, small_png, small_png_size, K,
                                       found.matches, &found.count, &found.timings, &found.err));
    assert_string_equal(found.matches[0].record.id, red_id);  // its first pixel is 200 0 0
    assert_int_equal(stored_images(fixture), 3);
    assert_int_equal(stored_blobs(fixture), 3);
    assert_false(service_search_picture(fixture->service, "text", 4, K, found.matches, &found.count,
                                        &found.timings, &found.err));
    assert_int_equal(found.err.kind, ERROR_UNSUPPORTED);
    assert_int_equal(found.count, 0);

    fake_fetch.body = small_png;
    fake_fetch.size = small_png_size;
    error_clear(&found.err);
    assert_true(service_search_url(fixture->service, "https://example.org/", K, found.matches,
                                   &found.count, &found.timings, &found.err));
    assert_string_equal(found.matches[0].record.id, red_id);
    (void)error_set(&fake_fetch.failure, ERROR_INVALID, "forbidden");
    assert_false(service_search_url(fixture->service, "https://example.org/", K, found.matches,
                                    &found.count, &found.timings, &found.err));
    assert_int_equal(found.err.kind, ERROR_INVALID);
}

static void other_models_pictures_are_not_found(void **state) {
    struct found found;
    (void)snprintf(fake_engine.info.embedding_model, MODEL_NAME_SIZE, "space@2");
    assert_true(search_text(*state, "red", &found));
    assert_int_equal(found.count, 0);
    struct service_fixture *fixture = *state;
    assert_false(service_search_like_image(fixture->service, red_id, K, found.matches, &found.count,
                                           &found.timings, &found.err));
    assert_int_equal(found.err.kind, ERROR_NOT_FOUND);
}

// A k beyond the limit must not write beyond the matches of the limit.
static void k_is_bounded(void **state) {
    struct service_fixture *fixture = *state;
    struct store_match *matches = memory_try_array(STORE_SEARCH_MAX, sizeof *matches);
    assert_non_null(matches);
    for (int i = 0; i < STORE_SEARCH_MAX; i++) (void)upload_colour(fixture, i % 256, i / 256, 77);
    struct search_timings timings;
    size_t count;
    bool is_cut;
    assert_true(service_search_text(fixture->service, "red", SIZE_MAX, matches, &count, &is_cut,
                                    &timings, NULL));
    assert_int_equal(count, STORE_SEARCH_MAX);
    memory_free(matches);
}

int main(void) {
#define SEARCH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, service_fixture_teardown)
    const struct CMUnitTest tests[] = {
        SEARCH_TEST(words_find_their_picture),
        SEARCH_TEST(blank_queries_are_refused),
        SEARCH_TEST(cut_queries_are_told),
        SEARCH_TEST(failing_models_fail_the_search),
        SEARCH_TEST(a_stored_image_finds_its_like),
        SEARCH_TEST(a_picture_finds_its_like_and_is_not_stored),
        SEARCH_TEST(other_models_pictures_are_not_found),
        SEARCH_TEST(k_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
