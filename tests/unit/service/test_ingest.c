// Taking pictures in, one at a time: what is stored, what is refused, and that a refusal leaves
// nothing behind.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "service_fixture.h"

static void upload_is_stored_whole(void **state) {
    struct service_fixture *fixture = *state;
    struct store *store = fixture->options.store;
    struct ingest_result result;
    struct error err = {0};
    int64_t before_ms = clock_utc_ms();
    assert_true(service_ingest_image(
        fixture->service, small_png, small_png_size,
        &(struct ingest_options){.file_name = "holiday.jpg", .lane = QUEUE_INTERACTIVE}, &result,
        &err));
    const struct image_record *record = &result.record;
    char sha256_text[SHA256_HEX_SIZE];
    uint8_t digest[SHA256_SIZE];
    sha256(small_png, small_png_size, digest);
    sha256_hex(digest, sha256_text);
    assert_string_equal(record->sha256, sha256_text);
    assert_int_equal(strlen(record->id), 16);
    assert_memory_equal(record->id, sha256_text, 16);
    assert_string_equal(record->caption, "a picture of 200 0 0");
    assert_string_equal(record->origin, "local");
    assert_string_equal(record->caption_model, "captioner");
    assert_string_equal(record->embedding_model, "space@1");
    assert_true(record->confidence == 0.75);
    assert_true(record->clip_score == 0.25);
    assert_int_equal(record->source, SOURCE_UPLOAD);
    assert_string_equal(record->file_name, "holiday.jpg");
    assert_string_equal(record->url, "");
    assert_string_equal(record->mime, "image/png");
    assert_int_equal(record->width, 3);
    assert_int_equal(record->height, 2);
    assert_int_equal(record->size_bytes, small_png_size);
    assert_in_range(record->created_ms, before_ms, clock_utc_ms());
    assert_false(result.was_known);
    assert_true(result.timings.engine.caption_decode_ms == 20);
    assert_int_equal(result.timings.engine.batch_size, 2);
    assert_true(result.timings.decode_ms > 0 && result.timings.store_ms > 0);
    assert_true(result.timings.total_ms >= result.timings.decode_ms + result.timings.store_ms);

    struct image_record stored;
    assert_true(store->operations->get(store, record->id, &stored, &err));
    assert_same_record(&stored, record);
    float vector[FAKE_WIDTH], expected[FAKE_WIDTH];
    fake_engine_vector(200, 0, 0, expected);
    assert_true(
        store->operations->get_vector(store, record->id, "space@1", vector, FAKE_WIDTH, &err));
    assert_memory_equal(vector, expected, sizeof vector);
    size_t size;
    char *bytes = blob_folder_get(fixture->options.blobs, sha256_text, 1000, &size, &err);
    assert_non_null(bytes);
    assert_int_equal(size, small_png_size);
    assert_memory_equal(bytes, small_png, size);
    memory_free(bytes);

    assert_true(counted_uploads(fixture, "new") == 1);
    assert_true(counted(fixture, METRIC_ROUTER_LOCAL, NULL) == 1);
    assert_true(counted(fixture, METRIC_BATCH_SIZE, NULL) == 1);
    assert_true(counted(fixture, METRIC_STAGE_DURATION, "decode") == 1);
    assert_true(counted(fixture, METRIC_STAGE_DURATION, "caption_decode") == 1);
    assert_true(counted(fixture, METRIC_STAGE_DURATION, "caption_vision") == 0);
    assert_true(counted(fixture, METRIC_STAGE_DURATION, "store") == 1);
    assert_true(counted(fixture, METRIC_CAPTION_TOKENS, NULL) == 5);
    assert_true(counted(fixture, METRIC_CAPTION_CONFIDENCE, NULL) == 1);
    assert_true(counted(fixture, METRIC_CLOUD_DURATION, "fake") == 0);
}

static void same_bytes_are_computed_once(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result first, second;
    struct error err = {0};
    assert_true(service_ingest_image(
        fixture->service, small_png, small_png_size,
        &(struct ingest_options){.file_name = "a.png", .lane = QUEUE_INTERACTIVE}, &first, &err));
    assert_true(service_ingest_image(
        fixture->service, small_png, small_png_size,
        &(struct ingest_options){.file_name = "b.png", .lane = QUEUE_INTERACTIVE}, &second, &err));
    assert_true(second.was_known);
    assert_same_record(&second.record, &first.record);
    assert_true(second.timings.engine.caption_decode_ms == 0);
    assert_int_equal(second.timings.engine.batch_size, 0);
    assert_int_equal(atomic_load(&fake_engine.describe_calls), 1);
    assert_int_equal(stored_images(fixture), 1);
    assert_true(counted_uploads(fixture, "known") == 1);
    assert_true(counted(fixture, METRIC_ROUTER_LOCAL, NULL) == 1);
}

static void run_models(const char *caption_model, const char *embedding_model) {
    struct engine_info *info = &fake_engine.info;
    (void)snprintf(info->caption_model, MODEL_NAME_SIZE, "%s", caption_model);
    (void)snprintf(info->embedding_model, MODEL_NAME_SIZE, "%s", embedding_model);
}

static void mock_answers_say_so(void **state) {
    run_models("mock", "mock");
    struct ingest_result result = upload_colour(*state, 1, 2, 3);
    assert_string_equal(result.record.origin, "mock");
}

static struct ingest_result upload_small(struct service_fixture *fixture, const char *name) {
    struct ingest_result result;
    struct error err = {0};
    if (!service_ingest_image(
            fixture->service, small_png, small_png_size,
            &(struct ingest_options){.file_name = name, .lane = QUEUE_INTERACTIVE}, &result, &err))
        fail_msg("%s", err.text);
    return result;
}

static void another_model_captions_known_bytes_anew(void **state) {
    struct service_fixture *fixture = *state;
    run_models("mock", "mock");
    struct ingest_result mocked = upload_small(fixture, "first name.png");
    assert_string_equal(mocked.record.origin, "mock");

    run_models("captioner", "space@2");
    struct ingest_result seen = upload_small(fixture, "second name.png");
    assert_false(seen.was_known);
    assert_string_equal(seen.record.origin, "local");
    assert_string_equal(seen.record.embedding_model, "space@2");
    assert_string_equal(seen.record.file_name, "first name.png");
    assert_int_equal(seen.record.created_ms, mocked.record.created_ms);
    assert_int_equal(stored_images(fixture), 1);
    assert_true(upload_small(fixture, "third.png").was_known);
}

// Full models before demo models before mocks, for the caption and for the vector.
static void a_worse_source_never_replaces_a_better_one(void **state) {
    struct service_fixture *fixture = *state;
    static const struct {
        const char *caption_model, *embedding_model;
        bool replaces;
    } steps[] = {
        {"mock", "mock", true},
        {"imgrouter-demo-blip", "imgrouter-demo-clip@1", true},
        {"mock", "mock", false},
        {"imgrouter-demo-blip", "imgrouter-demo-clip@2", true},  // newer demo models
        {"captioner", "imgrouter-demo-clip@2", true},
        {"imgrouter-demo-blip", "imgrouter-demo-clip@2", false},
        {"imgrouter-demo-blip", "space@1", false},  // a better vector, but a worse caption
        {"captioner", "space@1", true},
        {"captioner", "imgrouter-demo-clip@2", false},
        {"imgrouter-demo-blip", "imgrouter-demo-clip@2", false},
        {"mock", "mock", false},
        {"captioner", "space@2", true},
    };
    const char *caption_model = "", *embedding_model = "";
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        run_models(steps[i].caption_model, steps[i].embedding_model);
        struct ingest_result result = upload_small(fixture, "a.png");
        if (steps[i].replaces) {
            caption_model = steps[i].caption_model;
            embedding_model = steps[i].embedding_model;
        }
        if (result.was_known == steps[i].replaces ||
            strcmp(result.record.caption_model, caption_model) != 0 ||
            strcmp(result.record.embedding_model, embedding_model) != 0)
            fail_msg("after step %zu the picture is by %s and %s", i, result.record.caption_model,
                     result.record.embedding_model);
    }
    assert_int_equal(stored_images(fixture), 1);
}

// Each is refused with the right kind; nothing is stored and no model is asked.
static void what_is_no_picture_leaves_nothing(void **state) {
    struct service_fixture *fixture = *state;
    unsigned char too_wide[PICTURE_SIZE];
    picture_of(1, 2, 3, too_wide);
    too_wide[7] = too_wide[27] = 4;  // 1025 pixels wide, and none of them there
    fixture->options.image_limits.max_bytes = 200;
    fixture->options.image_limits.max_side = 1024;
    service_fixture_restart(fixture);
    char long_text[201];
    memset(long_text, 'x', sizeof long_text);
    const struct {
        const void *bytes;
        size_t size;
        enum error_kind kind;
    } cases[] = {
        {"", 0, ERROR_NONE},  // unsupported or invalid: the decoder's matter
        {"localhost\n", 10, ERROR_UNSUPPORTED},
        {"<svg xmlns='http://www.w3.org/2000/svg'/>", 41, ERROR_UNSUPPORTED},
        {small_png, small_png_size - 40, ERROR_INVALID},
        {too_wide, PICTURE_SIZE, ERROR_TOO_LARGE},
        {long_text, sizeof long_text, ERROR_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ingest_result result;
        struct error err = {0};
        assert_false(service_ingest_image(
            fixture->service, cases[i].bytes, cases[i].size,
            &(struct ingest_options){.file_name = "a.jpg", .lane = QUEUE_INTERACTIVE}, &result,
            &err));
        if (cases[i].kind != ERROR_NONE) assert_int_equal(err.kind, cases[i].kind);
        assert_true(error_http_status(err.kind) < 500);
        assert_true(err.text[0] != '\0');
        assert_true(counted_uploads(fixture, "refused") == (double)i + 1);
    }
    assert_int_equal(atomic_load(&fake_engine.describe_calls), 0);
    assert_int_equal(stored_images(fixture), 0);
    assert_int_equal(stored_blobs(fixture), 0);
    assert_true(counted(fixture, METRIC_ROUTER_LOCAL, NULL) == 0);
}

static void failure_of_the_models_leaves_nothing(void **state) {
    struct service_fixture *fixture = *state;
    const enum error_kind kinds[] = {ERROR_OVERLOADED, ERROR_UNAVAILABLE, ERROR_INTERNAL};
    for (size_t i = 0; i < 3; i++) {
        struct ingest_result result;
        struct error err = {0};
        (void)error_set(&fake_engine.failure, kinds[i], "not now");
        assert_false(service_ingest_image(fixture->service, small_png, small_png_size,
                                          &(struct ingest_options){.lane = QUEUE_INTERACTIVE},
                                          &result, &err));
        assert_int_equal(err.kind, kinds[i]);
        assert_string_equal(err.text, "not now");
        error_clear(&fake_engine.failure);
    }
    assert_int_equal(stored_images(fixture), 0);
    assert_int_equal(stored_blobs(fixture), 0);
    assert_true(counted_uploads(fixture, "failed") == 3);
    struct ingest_result result;
    assert_true(service_ingest_image(fixture->service, small_png, small_png_size,
                                     &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                     NULL));
    assert_false(result.was_known);
    assert_string_equal(result.record.file_name, "");
}

static void same_id_of_other_bytes_is_a_conflict(void **state) {
    struct service_fixture *fixture = *state;
    struct store *store = fixture->options.store;
    struct ingest_result result;
    struct error err = {0};
    assert_true(service_ingest_image(fixture->service, small_png, small_png_size,
                                     &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                     NULL));
    struct image_record other = result.record;
    assert_true(service_delete_image(fixture->service, other.id, NULL));
    other.sha256[63] = other.sha256[63] == '0' ? '1' : '0';
    float vector[FAKE_WIDTH] = {1};
    bool was_new;
    assert_true(store->operations->put(store, &other, vector, FAKE_WIDTH, &was_new, NULL));
    assert_false(service_ingest_image(fixture->service, small_png, small_png_size,
                                      &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                      &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_int_equal(atomic_load(&fake_engine.describe_calls), 1);
    assert_int_equal(stored_blobs(fixture), 0);
}

static void no_room_for_the_bytes_means_no_row(void **state) {
    struct service_fixture *fixture = *state;
    test_folder_destroy(&fixture->folder);
    struct ingest_result result;
    struct error err = {0};
    assert_false(service_ingest_image(fixture->service, small_png, small_png_size,
                                      &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                      &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    assert_int_equal(stored_images(fixture), 0);
}

static void lost_bytes_come_back_with_the_next_upload(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result result = upload_colour(fixture, 9, 9, 9);
    assert_true(blob_folder_remove(fixture->options.blobs, result.record.sha256, NULL));
    assert_true(upload_colour(fixture, 9, 9, 9).was_known);
    assert_int_equal(stored_blobs(fixture), 1);
}

static void file_names_are_made_harmless(void **state) {
    struct service_fixture *fixture = *state;
    char long_name[1000];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    const struct {
        const char *given, *kept;
    } cases[] = {
        {"", ""},
        {"a\r\nSet-Cookie: b.jpg", "aSet-Cookie: b.jpg"},
        {"../../etc/passwd", "../../etc/passwd"},
        {"photo\xff.jpg", "photo\xef\xbf\xbd.jpg"},
    };
    for (int i = 0; i < 4; i++) {
        unsigned char picture[PICTURE_SIZE];
        struct ingest_result result;
        picture_of(i, 0, 0, picture);
        assert_true(service_ingest_image(
            fixture->service, picture, sizeof picture,
            &(struct ingest_options){.file_name = cases[i].given, .lane = QUEUE_INTERACTIVE},
            &result, NULL));
        assert_string_equal(result.record.file_name, cases[i].kept);
    }
    struct ingest_result result;
    assert_true(service_ingest_image(
        fixture->service, small_png, small_png_size,
        &(struct ingest_options){.file_name = long_name, .lane = QUEUE_INTERACTIVE}, &result,
        NULL));
    assert_int_equal(strlen(result.record.file_name), STORE_NAME_SIZE - 1);
}

static void picture_from_an_address(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result result;
    struct error err = {0};
    fake_fetch.body = small_png;
    fake_fetch.size = small_png_size;
    const char *url = "https://example.org/a.png?b=1#c";
    assert_true(service_ingest_url(
        fixture->service, url, &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result, &err));
    assert_int_equal(result.record.source, SOURCE_URL);
    assert_string_equal(result.record.url, url);
    assert_string_equal(result.record.file_name, "");
    assert_int_equal(fake_fetch.max_bytes, 1234);
    assert_false(result.was_known);
    // The same bytes uploaded are the same image, which keeps its first source.
    assert_true(service_ingest_image(
        fixture->service, small_png, small_png_size,
        &(struct ingest_options){.file_name = "b.png", .lane = QUEUE_INTERACTIVE}, &result, &err));
    assert_true(result.was_known);
    assert_int_equal(result.record.source, SOURCE_URL);
    assert_true(service_ingest_url(fixture->service, "https://example.org/other",
                                   &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                   &err));
    assert_true(result.was_known);
    assert_string_equal(result.record.url, url);
}

static void bad_addresses_leave_nothing(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result result;
    struct error err = {0};
    char long_url[STORE_URL_SIZE + 1] = "https://example.org/";
    memset(long_url + 20, 'a', sizeof long_url - 21);
    assert_false(service_ingest_url(fixture->service, long_url,
                                    &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                    &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(fake_fetch.calls, 0);

    error_clear(&err);
    (void)error_set(&fake_fetch.failure, ERROR_TIMEOUT, "too slow");
    assert_false(service_ingest_url(fixture->service, "https://example.org/",
                                    &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                    &err));
    assert_int_equal(err.kind, ERROR_TIMEOUT);

    error_clear(&err);
    error_clear(&fake_fetch.failure);  // now it answers, with nothing
    assert_false(service_ingest_url(fixture->service, "https://example.org/",
                                    &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                    &err));
    assert_true(error_http_status(err.kind) < 500);
    assert_int_equal(stored_images(fixture), 0);
    assert_true(counted_uploads(fixture, "refused") == 2);
    assert_true(counted_uploads(fixture, "failed") == 1);
    assert_true(metrics_value(fixture->options.metrics, METRIC_UPLOAD_RESULTS, "refused", "url") ==
                2);

    long_url[STORE_URL_SIZE - 1] = '\0';  // the longest that is taken
    fake_fetch.body = small_png;
    fake_fetch.size = small_png_size;
    assert_true(service_ingest_url(fixture->service, long_url,
                                   &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                   &err));
    assert_string_equal(result.record.url, long_url);
}

static void metrics_are_not_needed(void **state) {
    struct service_fixture *fixture = *state;
    struct metrics *metrics = fixture->options.metrics;
    fixture->options.metrics = NULL;
    service_fixture_restart(fixture);
    (void)upload_colour(fixture, 1, 1, 1);
    fixture->options.metrics = metrics;
}

static void running_out_of_memory_changes_nothing(void **state) {
    struct service_fixture *fixture = *state;
    bool was_whole = false;
    for (long nth = 1; !was_whole; nth++) {
        assert_true(nth < 200);
        struct ingest_result result;
        struct error err = {0};
        memory_fail_nth(nth, false);
        bool is_done = service_ingest_image(fixture->service, small_png, small_png_size,
                                            &(struct ingest_options){.lane = QUEUE_INTERACTIVE},
                                            &result, &err);
        memory_fail_nth(0, false);
        was_whole = is_done;
        if (is_done) continue;
        assert_true(err.kind != ERROR_NONE);
        assert_int_equal(stored_images(fixture), 0);
    }
    assert_int_equal(stored_images(fixture), 1);
}

// Who sends one picture comes back later; bulk work waits for a place.
static void a_full_queue_is_waited_for_in_the_bulk_lane(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result result;
    struct error err = {0};
    atomic_store(&fake_engine.refusals_left, 1);
    assert_false(service_ingest_image(fixture->service, small_png, small_png_size,
                                      &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                      &err));
    assert_int_equal(err.kind, ERROR_OVERLOADED);
    assert_int_equal(atomic_load(&fake_engine.lane), QUEUE_INTERACTIVE);
    error_clear(&err);
    atomic_store(&fake_engine.refusals_left, 3);
    if (!service_ingest_image(fixture->service, small_png, small_png_size,
                              &(struct ingest_options){.lane = QUEUE_BULK}, &result, &err))
        fail_msg("%s", err.text);
    assert_int_equal(atomic_load(&fake_engine.lane), QUEUE_BULK);
    assert_int_equal(atomic_load(&fake_engine.describe_calls), 5);
    assert_int_equal(stored_images(fixture), 1);
    // Other troubles of the engine are not waited out, and give the place back.
    unsigned char other[PICTURE_SIZE];
    picture_of(1, 2, 3, other);
    (void)error_set(&fake_engine.failure, ERROR_UNAVAILABLE, "closing");
    for (int i = 0; i < 40; i++) {
        error_clear(&err);
        assert_false(service_ingest_image(fixture->service, other, sizeof other,
                                          &(struct ingest_options){.lane = QUEUE_BULK}, &result,
                                          &err));
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    }
}

int main(void) {
#define INGEST_TEST(test) \
    cmocka_unit_test_setup_teardown(test, service_fixture_setup, service_fixture_teardown)
    const struct CMUnitTest tests[] = {
        INGEST_TEST(upload_is_stored_whole),
        INGEST_TEST(same_bytes_are_computed_once),
        INGEST_TEST(mock_answers_say_so),
        INGEST_TEST(another_model_captions_known_bytes_anew),
        INGEST_TEST(a_worse_source_never_replaces_a_better_one),
        INGEST_TEST(what_is_no_picture_leaves_nothing),
        INGEST_TEST(failure_of_the_models_leaves_nothing),
        INGEST_TEST(same_id_of_other_bytes_is_a_conflict),
        INGEST_TEST(no_room_for_the_bytes_means_no_row),
        INGEST_TEST(lost_bytes_come_back_with_the_next_upload),
        INGEST_TEST(file_names_are_made_harmless),
        INGEST_TEST(picture_from_an_address),
        INGEST_TEST(bad_addresses_leave_nothing),
        INGEST_TEST(a_full_queue_is_waited_for_in_the_bulk_lane),
        INGEST_TEST(metrics_are_not_needed),
        INGEST_TEST(running_out_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
