// Captions of pictures that are not stored: as an upload's, and nothing is left behind.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "service/caption_picture.h"
#include "service_fixture.h"

static const struct ingest_options interactive = {.lane = QUEUE_INTERACTIVE};

static void it_is_captioned_as_an_upload_is(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result told, kept;
    struct error err = {0};
    assert_true(service_caption_image(fixture->service, small_png, small_png_size, &interactive,
                                      &told, &err));
    assert_int_equal(stored_images(fixture), 0);
    assert_int_equal(stored_blobs(fixture), 0);
    assert_true(counted(fixture, METRIC_CAPTIONS, told.record.receipt.reason) == 1);
    assert_true(counted(fixture, METRIC_ROUTER_LOCAL, NULL) == 1);
    assert_true(counted_uploads(fixture, "new") == 0);
    assert_true(service_ingest_image(fixture->service, small_png, small_png_size, &interactive,
                                     &kept, &err));
    assert_false(kept.was_known);
    const struct image_record *record = &told.record;
    assert_string_equal(record->caption, "a picture of 200 0 0");
    assert_string_equal(record->caption, kept.record.caption);
    assert_string_equal(record->origin, kept.record.origin);
    assert_string_equal(record->caption_model, kept.record.caption_model);
    assert_string_equal(record->mime, "image/png");
    assert_string_equal(record->sha256, kept.record.sha256);
    assert_string_equal(record->receipt.reason, kept.record.receipt.reason);
    assert_true(record->confidence == 0.75 && record->clip_score == 0.25);
    assert_int_equal(record->width, 3);
    assert_int_equal(record->height, 2);
    assert_int_equal(record->size_bytes, small_png_size);
    assert_true(told.timings.decode_ms > 0 && told.timings.total_ms >= told.timings.decode_ms);
    assert_string_equal(record->id, "");
}

static void what_is_no_picture_is_refused(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result result;
    struct error err = {0};
    assert_false(
        service_caption_image(fixture->service, "no picture", 10, &interactive, &result, &err));
    assert_int_equal(err.kind, ERROR_UNSUPPORTED);
    error_clear(&err);
    fixture->options.image_limits.max_bytes = small_png_size - 1;
    service_fixture_restart(fixture);
    assert_false(service_caption_image(fixture->service, small_png, small_png_size, &interactive,
                                       &result, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    assert_true(counted(fixture, METRIC_ROUTER_LOCAL, NULL) == 0);
}

static void models_that_fail_are_told_of(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result result;
    struct error err = {0};
    (void)error_set(&fake_engine.failure, ERROR_OVERLOADED, "the queue is full");
    assert_false(service_caption_image(fixture->service, small_png, small_png_size, &interactive,
                                       &result, &err));
    assert_int_equal(err.kind, ERROR_OVERLOADED);
}

static void it_may_come_from_an_address(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result result;
    struct error err = {0};
    fake_fetch.body = small_png;
    fake_fetch.size = small_png_size;
    assert_true(service_caption_url(fixture->service, "https://example.org/a.png", &interactive,
                                    &result, &err));
    assert_string_equal(result.record.caption, "a picture of 200 0 0");
    assert_int_equal(fake_fetch.max_bytes, 1234);
    assert_int_equal(stored_images(fixture), 0);
    (void)error_set(&fake_fetch.failure, ERROR_TIMEOUT, "too slow");
    assert_false(service_caption_url(fixture->service, "https://example.org/a.png", &interactive,
                                     &result, &err));
    assert_int_equal(err.kind, ERROR_TIMEOUT);
}

// More than there are places in the bulk lane, one after the other: each gives its own back.
static void bulk_work_gives_its_place_back(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result result;
    for (int i = 0; i < 200; i++) {
        assert_true(service_caption_image(fixture->service, small_png, small_png_size,
                                          &(struct ingest_options){.lane = QUEUE_BULK}, &result,
                                          NULL));
        assert_false(service_caption_image(fixture->service, "no picture", 10,
                                           &(struct ingest_options){.lane = QUEUE_BULK}, &result,
                                           NULL));
    }
}

static void metrics_are_not_needed(void **state) {
    struct service_fixture *fixture = *state;
    struct metrics *metrics = fixture->options.metrics;
    struct ingest_result result;
    fixture->options.metrics = NULL;
    service_fixture_restart(fixture);
    assert_true(service_caption_image(fixture->service, small_png, small_png_size, &interactive,
                                      &result, NULL));
    fixture->options.metrics = metrics;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_captioned_as_an_upload_is, service_fixture_setup,
                                        service_fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_picture_is_refused, service_fixture_setup,
                                        service_fixture_teardown),
        cmocka_unit_test_setup_teardown(models_that_fail_are_told_of, service_fixture_setup,
                                        service_fixture_teardown),
        cmocka_unit_test_setup_teardown(it_may_come_from_an_address, service_fixture_setup,
                                        service_fixture_teardown),
        cmocka_unit_test_setup_teardown(bulk_work_gives_its_place_back, service_fixture_setup,
                                        service_fixture_teardown),
        cmocka_unit_test_setup_teardown(metrics_are_not_needed, service_fixture_setup,
                                        service_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
