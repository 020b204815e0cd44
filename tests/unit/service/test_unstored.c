// Vectors and captions of what is not stored: the answers are those of an upload, nothing stays,
// and places among bulk work are given back.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "service/caption_picture.h"
#include "service/embedding.h"
#include "service_fixture.h"

enum { MORE_THAN_BULK_SLOTS = 10 };

static void assert_nothing_stays(const struct service_fixture *fixture) {
    assert_int_equal(stored_images(fixture), 0);
    assert_int_equal(stored_blobs(fixture), 0);
    assert_true(counted_uploads(fixture, "new") == 0 && counted_uploads(fixture, "known") == 0);
}

static void assert_colour(const struct embedding *embedding, int red, int green, int blue) {
    float expected[FAKE_WIDTH];
    fake_engine_vector(red, green, blue, expected);
    assert_int_equal(embedding->width, FAKE_WIDTH);
    assert_memory_equal(embedding->values, expected, sizeof expected);
}

static void a_text_has_a_vector(void **state) {
    struct service_fixture *fixture = *state;
    struct embedding_result result;
    assert_true(
        service_embed_text(fixture->service, "a red car", QUEUE_INTERACTIVE, &result, NULL));
    assert_colour(&result.embedding, 255, 0, 0);
    assert_true(result.engine.embedding_ms == 2 && result.width == 0);
    assert_true(counted(fixture, METRIC_BATCH_SIZE, NULL) == 1);
    assert_nothing_stays(fixture);
}

static void a_picture_has_a_vector_and_a_size(void **state) {
    struct service_fixture *fixture = *state;
    struct embedding_result result;
    size_t size;
    unsigned char *picture = black_png_create(30, 20, &size);
    assert_true(
        service_embed_image(fixture->service, picture, size, QUEUE_INTERACTIVE, &result, NULL));
    assert_colour(&result.embedding, 0, 0, 0);
    assert_true(result.width == 30 && result.height == 20 && result.decode_ms == 0.25);
    assert_true(counted(fixture, METRIC_STAGE_DURATION, "embed") == 1);
    assert_true(counted(fixture, METRIC_STAGE_DURATION, "decode") == 1);
    assert_nothing_stays(fixture);
    memory_free(picture);
}

static void a_picture_may_be_behind_an_address(void **state) {
    struct service_fixture *fixture = *state;
    struct embedding_result result;
    struct ingest_result told;
    unsigned char picture[PICTURE_SIZE];
    picture_of(0, 255, 0, picture);
    fake_fetch.body = (const char *)picture;
    fake_fetch.size = sizeof picture;
    assert_true(service_embed_url(fixture->service, "https://example.org/a.gif", QUEUE_INTERACTIVE,
                                  &result, NULL));
    assert_colour(&result.embedding, 0, 255, 0);
    assert_true(service_caption_url(fixture->service, "https://example.org/a.gif",
                                    &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &told,
                                    NULL));
    assert_string_equal(told.record.caption, "a picture of 0 255 0");
    assert_int_equal(fake_fetch.calls, 2);
    assert_nothing_stays(fixture);
}

static void a_caption_comes_with_its_receipt(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result told;
    unsigned char picture[PICTURE_SIZE];
    picture_of(1, 2, 3, picture);
    assert_true(service_caption_image(fixture->service, picture, sizeof picture,
                                      &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &told,
                                      NULL));
    const struct image_record *record = &told.record;
    assert_string_equal(record->caption, "a picture of 1 2 3");
    assert_string_equal(record->caption_model, "captioner");
    assert_string_equal(record->origin, "local");
    assert_true(record->receipt.reason[0] != '\0' && record->receipt.local_ms > 0);
    assert_true(record->width == 1 && record->height == 1 && record->confidence == 0.75);
    assert_true(record->id[0] == '\0');
    assert_true(told.timings.decode_ms == 0.25 && told.timings.total_ms > 0);
    assert_true(counted(fixture, METRIC_ROUTER_LOCAL, NULL) == 1);
    assert_nothing_stays(fixture);
}

// Were one kept, the last of these would wait for it for ever.
static void places_among_bulk_work_are_given_back(void **state) {
    struct service_fixture *fixture = *state;
    struct embedding_result result;
    struct ingest_result told;
    unsigned char picture[PICTURE_SIZE];
    const struct ingest_options bulk = {.lane = QUEUE_BULK};
    picture_of(9, 9, 9, picture);
    for (int i = 0; i < MORE_THAN_BULK_SLOTS; i++) {
        assert_true(service_embed_image(fixture->service, picture, sizeof picture, QUEUE_BULK,
                                        &result, NULL));
        assert_false(
            service_embed_image(fixture->service, "no picture", 10, QUEUE_BULK, &result, NULL));
        assert_true(
            service_caption_image(fixture->service, picture, sizeof picture, &bulk, &told, NULL));
        assert_false(service_caption_image(fixture->service, "no picture", 10, &bulk, &told, NULL));
    }
    assert_int_equal(atomic_load(&fake_engine.lane), QUEUE_BULK);
    assert_nothing_stays(fixture);
}

struct patient {
    struct service *service;
    const unsigned char *picture;
    bool is_done;
};

static void *embed_in_bulk(void *context) {
    struct patient *patient = context;
    struct embedding_result result;
    patient->is_done = service_embed_image(patient->service, patient->picture, PICTURE_SIZE,
                                           QUEUE_BULK, &result, NULL);
    return NULL;
}

// Two are decoded at once and four more may be at the models.
static void bulk_work_leaves_room(void **state) {
    struct service_fixture *fixture = *state;
    pthread_t threads[MORE_THAN_BULK_SLOTS];
    unsigned char picture[PICTURE_SIZE];
    struct embedding_result result;
    picture_of(9, 9, 9, picture);
    struct patient patients[MORE_THAN_BULK_SLOTS];
    atomic_store(&fake_engine.is_blocked, true);
    for (int i = 0; i < MORE_THAN_BULK_SLOTS; i++) {
        patients[i] = (struct patient){.service = fixture->service, .picture = picture};
        assert_int_equal(pthread_create(&threads[i], NULL, embed_in_bulk, &patients[i]), 0);
    }
    while (atomic_load(&fake_engine.embed_calls) < 6) continue;
    // Who sends one picture is served meanwhile.
    for (int i = 0; i < 20; i++)
        assert_true(service_embed_image(fixture->service, picture, sizeof picture,
                                        QUEUE_INTERACTIVE, &result, NULL));
    assert_int_equal(atomic_load(&fake_engine.embed_calls), 26);
    atomic_store(&fake_engine.is_blocked, false);
    for (int i = 0; i < MORE_THAN_BULK_SLOTS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_true(patients[i].is_done);
    }
}

static void what_cannot_be_read_is_an_error(void **state) {
    struct service_fixture *fixture = *state;
    struct embedding_result result;
    struct ingest_result told;
    struct error err = {0};
    assert_false(
        service_embed_image(fixture->service, "no picture", 10, QUEUE_INTERACTIVE, &result, &err));
    assert_int_equal(err.kind, ERROR_UNSUPPORTED);

    fixture->options.image_limits.max_bytes = PICTURE_SIZE - 1;
    service_fixture_restart(fixture);
    unsigned char picture[PICTURE_SIZE];
    picture_of(1, 2, 3, picture);
    error_clear(&err);
    assert_false(
        service_embed_image(fixture->service, picture, sizeof picture, QUEUE_BULK, &result, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    error_clear(&err);
    assert_false(service_caption_image(fixture->service, picture, sizeof picture,
                                       &(struct ingest_options){.lane = QUEUE_BULK}, &told, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);

    error_set(&fake_fetch.failure, ERROR_TIMEOUT, "too slow");
    error_clear(&err);
    assert_false(service_embed_url(fixture->service, "https://example.org/", QUEUE_INTERACTIVE,
                                   &result, &err));
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    error_set(&fake_engine.failure, ERROR_OVERLOADED, "full");
    error_clear(&err);
    assert_false(service_embed_text(fixture->service, "a cat", QUEUE_INTERACTIVE, &result, &err));
    assert_int_equal(err.kind, ERROR_OVERLOADED);
    assert_true(counted(fixture, METRIC_STAGE_DURATION, "embed") == 0);
    assert_nothing_stays(fixture);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, service_fixture_setup, service_fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_text_has_a_vector),
        TEST(a_picture_has_a_vector_and_a_size),
        TEST(a_picture_may_be_behind_an_address),
        TEST(a_caption_comes_with_its_receipt),
        TEST(places_among_bulk_work_are_given_back),
        TEST(bulk_work_leaves_room),
        TEST(what_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
