// Finding pictures by words, by a stored image, by a picture and by an address.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "service_fixture.h"

enum { K = 10 };

static struct search_answer found;
static struct error problem;

static bool search(struct service_fixture *fixture, const struct search_request *request) {
    search_answer_clear(&found);
    error_clear(&problem);
    return service_search(fixture->service, request, &found, &problem);
}

static char red_id[IMAGE_ID_SIZE], green_id[IMAGE_ID_SIZE], blue_id[IMAGE_ID_SIZE];

static int setup(void **state) {
    if (service_fixture_setup(state) != 0) return -1;
    memcpy(red_id, upload_colour(*state, 255, 20, 0).record.id, sizeof red_id);
    memcpy(green_id, upload_colour(*state, 10, 255, 0).record.id, sizeof green_id);
    memcpy(blue_id, upload_colour(*state, 90, 0, 255).record.id, sizeof blue_id);
    return 0;
}

static bool search_text(struct service_fixture *fixture, const char *query) {
    return search(fixture, &(struct search_request){.query = query, .k = K});
}

static int teardown(void **state) {
    search_answer_clear(&found);
    return service_fixture_teardown(state);
}

static void words_find_their_picture(void **state) {
    const struct {
        const char *query, *id;
    } cases[] = {{"red", red_id}, {"green", green_id}, {"blue", blue_id}};
    for (size_t i = 0; i < 3; i++) {
        if (!search_text(*state, cases[i].query)) fail_msg("%s", problem.text);
        assert_int_equal(found.count, 3);
        assert_string_equal(found.results[0].record.id, cases[i].id);
        assert_true(found.results[0].score > 0.9F);
        assert_true(found.results[1].score < 0.5F);
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
        assert_false(search_text(*state, queries[i]));
        assert_int_equal(problem.kind, ERROR_INVALID);
    }
    assert_int_equal(atomic_load(&fake_engine.embed_calls), 0);
    assert_true(counted(*state, METRIC_SEARCHES, NULL) == 0);
}

static void cut_queries_are_told(void **state) {
    fake_engine.is_cut = true;
    assert_true(search_text(*state, "a very long query"));
    assert_true(found.is_cut);
}

static void failing_models_fail_the_search(void **state) {
    struct service_fixture *fixture = *state;
    (void)error_set(&fake_engine.failure, ERROR_OVERLOADED, "queue full");
    assert_false(search_text(fixture, "red"));
    assert_int_equal(problem.kind, ERROR_OVERLOADED);
    assert_int_equal(found.count, 0);

    assert_false(search(
        fixture,
        &(struct search_request){.picture = small_png, .picture_size = small_png_size, .k = K}));
    assert_int_equal(problem.kind, ERROR_OVERLOADED);
}

static void a_stored_image_finds_its_like(void **state) {
    struct service_fixture *fixture = *state;
    assert_true(search(fixture, &(struct search_request){.image_id = blue_id, .k = K}));
    assert_int_equal(found.count, 3);
    assert_string_equal(found.results[0].record.id, blue_id);
    assert_float_equal(found.results[0].score, 1, 1e-5);
    assert_int_equal(atomic_load(&fake_engine.embed_calls), 0);
    assert_int_equal(found.timings.engine.batch_size, 0);
    assert_false(search(fixture, &(struct search_request){.image_id = "0123456789abcdef", .k = K}));
    assert_int_equal(problem.kind, ERROR_NOT_FOUND);
}

static void a_picture_finds_its_like_and_is_not_stored(void **state) {
    struct service_fixture *fixture = *state;
    assert_true(search(fixture, &(struct search_request){
                                    .picture = small_png, .picture_size = small_png_size, .k = K}));
    assert_string_equal(found.results[0].record.id, red_id);  // its first pixel is 200 0 0
    assert_int_equal(stored_images(fixture), 3);
    assert_int_equal(stored_blobs(fixture), 3);
    assert_false(
        search(fixture, &(struct search_request){.picture = "text", .picture_size = 4, .k = K}));
    assert_int_equal(problem.kind, ERROR_UNSUPPORTED);
    assert_int_equal(found.count, 0);

    fake_fetch.body = small_png;
    fake_fetch.size = small_png_size;

    assert_true(search(fixture, &(struct search_request){.url = "https://example.org/", .k = K}));
    assert_string_equal(found.results[0].record.id, red_id);
    (void)error_set(&fake_fetch.failure, ERROR_INVALID, "forbidden");
    assert_false(search(fixture, &(struct search_request){.url = "https://example.org/", .k = K}));
    assert_int_equal(problem.kind, ERROR_INVALID);
}

static void other_models_pictures_are_not_found(void **state) {
    (void)snprintf(fake_engine.info.embedding_model, MODEL_NAME_SIZE, "space@2");
    assert_true(search_text(*state, "red"));
    assert_int_equal(found.count, 0);
    struct service_fixture *fixture = *state;
    assert_false(search(fixture, &(struct search_request){.image_id = red_id, .k = K}));
    assert_int_equal(problem.kind, ERROR_NOT_FOUND);
}

static void k_is_bounded(void **state) {
    assert_false(search(*state, &(struct search_request){.query = "red", .k = SIZE_MAX}));
    assert_int_equal(problem.kind, ERROR_INVALID);
    assert_false(search(*state, &(struct search_request){.query = "red", .k = 10, .offset = 991}));
    assert_int_equal(problem.kind, ERROR_INVALID);
    assert_true(search(*state, &(struct search_request){.query = "red", .k = 10, .offset = 990}));
    assert_int_equal(found.count, 0);
    assert_non_null(strstr(found.reason, "no results after these"));
}

// Gives the three pictures captions, tags and so words.
static void describe(struct service_fixture *fixture) {
    struct store *store = fixture->options.store;
    const struct {
        const char *id, *caption, *tags;
    } all[] = {{red_id, "red apple on a table", "fruit"},
               {green_id, "green apple", "fruit\nfresh"},
               {blue_id, "the blue sea", "water"}};
    for (size_t i = 0; i < 3; i++) {
        struct image_change change = {.caption = all[i].caption, .tags = all[i].tags};
        assert_true(store->operations->update(store, all[i].id, &change, NULL, NULL));
    }
}

static void keywords_find_captions_and_score_them(void **state) {
    describe(*state);
    assert_true(search(*state, &(struct search_request){
                                   .query = "apple on table", .mode = SEARCH_KEYWORD, .k = K}));
    assert_int_equal(found.count, 2);
    assert_string_equal(found.results[0].record.id, red_id);
    assert_string_equal(found.results[1].record.id, green_id);
    assert_false(isnan(found.results[0].score));
    assert_true(search(
        *state, &(struct search_request){.query = "giraffe", .mode = SEARCH_KEYWORD, .k = K}));
    assert_int_equal(found.count, 0);
    assert_non_null(strstr(found.reason, "one of these words"));
    assert_false(search(
        *state, &(struct search_request){.image_id = red_id, .mode = SEARCH_KEYWORD, .k = K}));
    assert_int_equal(problem.kind, ERROR_INVALID);
}

// By vector "green" is first, by words "sea" is: hybrid has both before the third.
static void hybrid_joins_both_rankings(void **state) {
    describe(*state);
    assert_true(search(
        *state, &(struct search_request){.query = "green sea", .mode = SEARCH_HYBRID, .k = K}));
    assert_int_equal(found.count, 3);
    assert_string_equal(found.results[2].record.id, red_id);
    for (size_t i = 0; i < 3; i++) assert_false(isnan(found.results[i].score));
}

static void negated_words_are_kept_out(void **state) {
    describe(*state);
    assert_true(search_text(*state, "red -apple"));
    assert_int_equal(found.count, 1);
    assert_string_equal(found.results[0].record.id, blue_id);
    assert_false(search_text(*state, "-apple"));
    assert_int_equal(problem.kind, ERROR_INVALID);
}

static void filters_pages_and_bounds_hold(void **state) {
    describe(*state);
    const char *fruit[] = {"fruit"};
    struct search_request request = {.query = "blue", .k = 1};
    request.filter = (struct store_filter){.tags = fruit, .tag_count = 1};
    assert_true(search(*state, &request));
    assert_int_equal(found.count, 1);
    assert_true(found.has_more);
    char first[IMAGE_ID_SIZE];
    memcpy(first, found.results[0].record.id, sizeof first);
    request.offset = 1;
    assert_true(search(*state, &request));
    assert_int_equal(found.count, 1);
    assert_false(found.has_more);
    assert_string_not_equal(found.results[0].record.id, first);
    assert_string_not_equal(found.results[0].record.id, blue_id);
    request = (struct search_request){
        .query = "red", .k = K, .score_bound = SCORE_AT_LEAST, .min_score = 0.9F};
    assert_true(search(*state, &request));
    assert_int_equal(found.count, 1);
    request.min_score = 1.1F;
    assert_true(search(*state, &request));
    assert_int_equal(found.count, 0);
    assert_non_null(strstr(found.reason, "Nothing reaches min_score"));
    // Without a judge of relevance nothing can be bounded by it.
    request.score_bound = SCORE_AUTOMATIC;
    assert_false(search(*state, &request));
    assert_int_equal(problem.kind, ERROR_INVALID);
}

static void words_and_a_picture_are_joined(void **state) {
    assert_true(
        search(*state, &(struct search_request){.query = "blue", .image_id = red_id, .k = K}));
    assert_string_equal(found.results[2].record.id, green_id);
    assert_true(found.results[1].score > 0.5F);
}

int main(void) {
#define SEARCH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        SEARCH_TEST(words_find_their_picture),
        SEARCH_TEST(blank_queries_are_refused),
        SEARCH_TEST(cut_queries_are_told),
        SEARCH_TEST(failing_models_fail_the_search),
        SEARCH_TEST(a_stored_image_finds_its_like),
        SEARCH_TEST(a_picture_finds_its_like_and_is_not_stored),
        SEARCH_TEST(other_models_pictures_are_not_found),
        SEARCH_TEST(k_is_bounded),
        SEARCH_TEST(keywords_find_captions_and_score_them),
        SEARCH_TEST(hybrid_joins_both_rankings),
        SEARCH_TEST(negated_words_are_kept_out),
        SEARCH_TEST(filters_pages_and_bounds_hold),
        SEARCH_TEST(words_and_a_picture_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
