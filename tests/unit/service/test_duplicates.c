// Duplicates in their tiers, and what a user changes of an image. The fake engine's perceptual hash
// is the colour's bits, its vector the colour's direction.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "service_fixture.h"

static void duplicates_are_told_by_tier(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result first = upload_colour(fixture, 255, 0, 0);
    assert_int_equal(first.duplicates.same_picture_count, 0);
    assert_int_equal(first.duplicates.same_meaning_count, 0);
    // Two bits of the colour are others: the same picture. Half as bright: the direction only.
    struct ingest_result copy = upload_colour(fixture, 252, 0, 0);
    struct ingest_result alike = upload_colour(fixture, 131, 0, 0);
    struct ingest_result other = upload_colour(fixture, 0, 0, 255);
    assert_int_equal(copy.duplicates.same_picture_count, 1);
    assert_string_equal(copy.duplicates.same_picture[0].id, first.record.id);
    assert_int_equal(copy.duplicates.same_picture[0].distance, 2);
    assert_int_equal(copy.duplicates.same_meaning_count, 0);  // in the stronger tier already
    assert_int_equal(alike.duplicates.same_picture_count, 0);
    assert_int_equal(alike.duplicates.same_meaning_count, 2);
    assert_true(alike.duplicates.same_meaning[0].score >= SAME_MEANING_SCORE);
    assert_int_equal(other.duplicates.same_picture_count + other.duplicates.same_meaning_count, 0);
    // Asked for later, and told when the same bytes come again.
    struct duplicates duplicates;
    struct error err = {0};
    assert_true(service_find_duplicates(fixture->service, &first.record, &duplicates, &err));
    assert_int_equal(duplicates.same_picture_count, 1);
    assert_int_equal(duplicates.same_meaning_count, 1);
    assert_string_equal(duplicates.same_meaning[0].id, alike.record.id);
    struct ingest_result again = upload_colour(fixture, 255, 0, 0);
    assert_true(again.was_known);
    assert_int_equal(again.duplicates.same_picture_count, 1);
    // What is deleted is a duplicate of nothing.
    assert_true(service_delete_image(fixture->service, copy.record.id, &err));
    assert_true(service_find_duplicates(fixture->service, &first.record, &duplicates, &err));
    assert_int_equal(duplicates.same_picture_count, 0);
}

static void pictures_without_a_hash_have_no_copies(void **state) {
    struct service_fixture *fixture = *state;
    (void)upload_colour(fixture, 10, 200, 77);
    struct ingest_result second = upload_colour(fixture, 10, 201, 77);
    assert_false(second.record.has_perceptual_hash);
    assert_int_equal(second.duplicates.same_picture_count, 0);
    assert_int_equal(second.duplicates.same_meaning_count, 1);
}

static void a_users_words_stay(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result upload = upload_colour(fixture, 255, 0, 0);
    struct image_change change = {.caption =
                                      "my \x1b[31m"
                                      "apple",
                                  .tags = "fruit"};
    struct image_record record;
    struct error err = {0};
    assert_true(service_change_image(fixture->service, upload.record.id, &change, &record, &err));
    assert_string_equal(record.caption, "my [31mapple");  // nothing that steers a terminal
    assert_string_equal(record.origin, ORIGIN_USER);
    // Another model describes the same bytes anew; the user's words and tags are kept.
    (void)snprintf(fake_engine.info.caption_model, MODEL_NAME_SIZE, "another-captioner");
    service_fixture_restart(fixture);
    struct ingest_result again = upload_colour(fixture, 255, 0, 0);
    assert_string_equal(again.record.caption, "my [31mapple");
    assert_string_equal(again.record.origin, ORIGIN_USER);
    assert_string_equal(again.record.tags, "fruit");
    change = (struct image_change){.caption = "\xe3\x80\x80"};  // a blank of another script
    assert_false(service_change_image(fixture->service, upload.record.id, &change, &record, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    error_clear(&err);
    change = (struct image_change){.tags = ""};
    assert_false(
        service_change_image(fixture->service, "0123456789abcdef", &change, &record, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

int main(void) {
#define FIXTURE_TEST(test) \
    cmocka_unit_test_setup_teardown(test, service_fixture_setup, service_fixture_teardown)
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(duplicates_are_told_by_tier),
        FIXTURE_TEST(pictures_without_a_hash_have_no_copies),
        FIXTURE_TEST(a_users_words_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
