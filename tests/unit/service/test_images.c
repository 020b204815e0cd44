// Getting, listing, deleting, and the bytes of pictures.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "service_fixture.h"

static const char unknown_id[] = "0123456789abcdef";

static void unknown_images_are_not_found(void **state) {
    struct service_fixture *fixture = *state;
    struct image_record record;
    size_t size;
    struct error err = {0};
    assert_false(service_get_image(fixture->service, unknown_id, &record, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    error_clear(&err);
    assert_false(service_delete_image(fixture->service, unknown_id, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    error_clear(&err);
    assert_null(service_image_content(fixture->service, unknown_id, &record, &size, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    error_clear(&err);
    assert_null(service_image_thumbnail(fixture->service, unknown_id, 64, &size, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void pages_are_bounded(void **state) {
    struct service_fixture *fixture = *state;
    for (int i = 0; i < 5; i++) (void)upload_colour(fixture, i, 0, 0);
    struct image_record *records = memory_try_array(STORE_PAGE_MAX, sizeof *records);
    assert_non_null(records);
    struct store_cursor cursor = {0};
    size_t count;
    bool has_more;
    assert_true(
        service_list_images(fixture->service, &cursor, 3, records, &count, &has_more, NULL));
    assert_int_equal(count, 3);
    assert_true(has_more);
    assert_true(
        service_list_images(fixture->service, &cursor, SIZE_MAX, records, &count, &has_more, NULL));
    assert_int_equal(count, 2);
    assert_false(has_more);
    memory_free(records);
}

static void content_is_what_was_uploaded(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result result;
    struct image_record record;
    struct error err = {0};
    size_t size;
    assert_true(service_ingest_image(
        fixture->service, small_png, small_png_size,
        &(struct ingest_options){.file_name = "a.png", .lane = QUEUE_INTERACTIVE}, &result, NULL));
    char *bytes = service_image_content(fixture->service, result.record.id, &record, &size, &err);
    if (bytes == NULL) fail_msg("%s", err.text);
    assert_int_equal(size, small_png_size);
    assert_memory_equal(bytes, small_png, size);
    assert_same_record(&record, &result.record);
    memory_free(bytes);
}

static void lost_or_changed_content_is_our_fault(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result result = upload_colour(fixture, 1, 2, 3);
    const char *sha256 = result.record.sha256;
    struct image_record record;
    size_t size;
    char path[80];
    (void)snprintf(path, sizeof path, "%.2s/%s", sha256, sha256);
    const char *contents[] = {"short", "a content that is longer than the picture was"};
    for (size_t i = 0; i < 2; i++) {
        struct error err = {0};
        assert_true(file_write_atomic(test_folder_path(&fixture->folder, path), contents[i],
                                      strlen(contents[i]), NULL));
        assert_null(
            service_image_content(fixture->service, result.record.id, &record, &size, &err));
        assert_int_equal(err.kind, ERROR_STORAGE);
        error_clear(&err);
        assert_null(service_image_thumbnail(fixture->service, result.record.id, 9, &size, &err));
        assert_int_equal(err.kind, ERROR_STORAGE);
    }
    struct error err = {0};
    assert_true(blob_folder_remove(fixture->options.blobs, sha256, NULL));
    assert_null(service_image_content(fixture->service, result.record.id, &record, &size, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    assert_true(service_delete_image(fixture->service, result.record.id, NULL));  // still works
}

static void deletion_takes_everything(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result kept = upload_colour(fixture, 255, 0, 0);
    struct ingest_result gone = upload_colour(fixture, 250, 0, 0);
    struct error err = {0};
    assert_true(service_delete_image(fixture->service, gone.record.id, &err));
    assert_int_equal(stored_images(fixture), 1);
    assert_int_equal(stored_blobs(fixture), 1);
    struct image_record record;
    assert_false(service_get_image(fixture->service, gone.record.id, &record, &err));
    struct search_answer found;
    assert_true(service_search(fixture->service, &(struct search_request){.query = "red", .k = 2},
                               &found, NULL));
    assert_int_equal(found.count, 1);
    assert_string_equal(found.results[0].record.id, kept.record.id);
    search_answer_clear(&found);
    error_clear(&err);
    assert_false(service_delete_image(fixture->service, gone.record.id, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_false(upload_colour(fixture, 250, 0, 0).was_known);
    assert_int_equal(atomic_load(&fake_engine.describe_calls), 3);
}

static void thumbnail_is_a_small_jpeg(void **state) {
    struct service_fixture *fixture = *state;
    size_t png_size, size;
    unsigned char *png = black_png_create(300, 200, &png_size);
    struct ingest_result result;
    struct error err = {0};
    assert_true(service_ingest_image(fixture->service, png, png_size,
                                     &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                     NULL));
    memory_free(png);
    char *jpeg = service_image_thumbnail(fixture->service, result.record.id, 64, &size, &err);
    if (jpeg == NULL) fail_msg("%s", err.text);
    struct pixels pixels;
    struct image_info info;
    assert_true(
        image_decode((const uint8_t *)jpeg, size, &image_limits_default, &pixels, &info, &err));
    assert_int_equal(info.format, IMAGE_JPEG);
    assert_int_equal(info.width, 64);
    assert_in_range(info.height, 42, 43);
    pixels_clear(&pixels);
    memory_free(jpeg);
}

static bool fail_check(struct store *store, struct error *err) {
    (void)store;
    return error_set(err, ERROR_STORAGE, "the disk is gone");
}

static void readiness_is_the_stores(void **state) {
    struct service_fixture *fixture = *state;
    struct store *store = fixture->options.store;
    struct error err = {0};
    assert_true(service_is_ready(fixture->service, &err));
    const struct store_operations *whole = store->operations;
    struct store_operations broken = *whole;
    broken.check = fail_check;
    store->operations = &broken;
    assert_false(service_is_ready(fixture->service, &err));
    assert_string_equal(err.text, "the disk is gone");
    store->operations = whole;
}

static void a_service_that_cannot_decode_is_refused(void **state) {
    struct service_fixture *fixture = *state;
    struct service_options options = fixture->options;
    struct error err = {0};
    options.decode_threads = 0;
    assert_null(service_create(&options, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
}

int main(void) {
#define IMAGES_TEST(test) \
    cmocka_unit_test_setup_teardown(test, service_fixture_setup, service_fixture_teardown)
    const struct CMUnitTest tests[] = {
        IMAGES_TEST(unknown_images_are_not_found),
        IMAGES_TEST(pages_are_bounded),
        IMAGES_TEST(content_is_what_was_uploaded),
        IMAGES_TEST(lost_or_changed_content_is_our_fault),
        IMAGES_TEST(deletion_takes_everything),
        IMAGES_TEST(thumbnail_is_a_small_jpeg),
        IMAGES_TEST(readiness_is_the_stores),
        IMAGES_TEST(a_service_that_cannot_decode_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
