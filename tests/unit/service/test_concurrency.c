// Uploads and deletions at the same moment: identical pictures are computed once, a deletion never
// leaves a row without bytes, and the decode slots hold. Meant for ThreadSanitizer as well.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/memory.h"
#include "service_fixture.h"

enum { UPLOADERS = 8 };

struct uploader {
    pthread_t thread;
    struct service *service;
    const void *bytes;
    size_t size;
    enum queue_lane lane;
    struct ingest_result result;
    struct error err;
    bool is_done;
};

static void *upload(void *context) {
    struct uploader *uploader = context;
    uploader->is_done = service_ingest_image(uploader->service, uploader->bytes, uploader->size,
                                             &(struct ingest_options){.lane = uploader->lane},
                                             &uploader->result, &uploader->err);
    return NULL;
}

static void start_in(struct uploader *uploader, struct service_fixture *fixture, const void *bytes,
                     size_t size, enum queue_lane lane) {
    *uploader =
        (struct uploader){.service = fixture->service, .bytes = bytes, .size = size, .lane = lane};
    assert_int_equal(pthread_create(&uploader->thread, NULL, upload, uploader), 0);
}

static void start(struct uploader *uploader, struct service_fixture *fixture, const void *bytes,
                  size_t size) {
    start_in(uploader, fixture, bytes, size, QUEUE_INTERACTIVE);
}

static void pause_us(long us) { (void)nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL); }

static void pause_ms(long ms) { pause_us(ms * 1000); }

static void identical_uploads_are_computed_once(void **state) {
    struct service_fixture *fixture = *state;
    struct uploader uploaders[UPLOADERS];
    unsigned char other[PICTURE_SIZE];
    picture_of(4, 5, 6, other);
    atomic_store(&fake_engine.is_blocked, true);
    for (int i = 0; i < UPLOADERS; i++) start(&uploaders[i], fixture, small_png, small_png_size);
    fake_engine_await_describes(1);
    struct uploader stranger;  // another picture does not wait for them
    start(&stranger, fixture, other, sizeof other);
    fake_engine_await_describes(2);
    pause_ms(20);  // time for the rest to come, and to be wrong
    assert_int_equal(atomic_load(&fake_engine.describe_calls), 2);
    atomic_store(&fake_engine.is_blocked, false);
    int computed = 0;
    for (int i = 0; i < UPLOADERS; i++) {
        (void)pthread_join(uploaders[i].thread, NULL);
        if (!uploaders[i].is_done) fail_msg("%s", uploaders[i].err.text);
        assert_same_record(&uploaders[i].result.record, &uploaders[0].result.record);
        computed += !uploaders[i].result.was_known;
    }
    (void)pthread_join(stranger.thread, NULL);
    assert_true(stranger.is_done);
    assert_int_equal(computed, 1);
    assert_int_equal(atomic_load(&fake_engine.describe_calls), 2);
    assert_int_equal(stored_images(fixture), 2);
    assert_true(counted_uploads(fixture, "known") == UPLOADERS - 1);
}

static void identical_uploads_share_a_failure(void **state) {
    struct service_fixture *fixture = *state;
    struct uploader uploaders[UPLOADERS];
    (void)error_set(&fake_engine.failure, ERROR_OVERLOADED, "queue full");
    atomic_store(&fake_engine.is_blocked, true);
    start(&uploaders[0], fixture, small_png, small_png_size);
    fake_engine_await_describes(1);
    for (int i = 1; i < UPLOADERS; i++) start(&uploaders[i], fixture, small_png, small_png_size);
    pause_ms(20);
    atomic_store(&fake_engine.is_blocked, false);
    for (int i = 0; i < UPLOADERS; i++) {
        (void)pthread_join(uploaders[i].thread, NULL);
        assert_false(uploaders[i].is_done);
        assert_int_equal(uploaders[i].err.kind, ERROR_OVERLOADED);
        assert_string_equal(uploaders[i].err.text, "queue full");
    }
    assert_true(counted_uploads(fixture, "failed") == UPLOADERS);
    // One, unless the machine is so busy that some thread came after all was over.
    assert_true(atomic_load(&fake_engine.describe_calls) < UPLOADERS);
    error_clear(&fake_engine.failure);
    struct ingest_result result;
    assert_true(service_ingest_image(fixture->service, small_png, small_png_size,
                                     &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                     NULL));
}

static void waiting_for_the_models_holds_no_decode_slot(void **state) {
    struct service_fixture *fixture = *state;
    fixture->options.decode_threads = 1;
    service_fixture_restart(fixture);
    unsigned char other[PICTURE_SIZE];
    picture_of(4, 5, 6, other);
    struct uploader first, second;
    atomic_store(&fake_engine.is_blocked, true);
    start(&first, fixture, small_png, small_png_size);
    start(&second, fixture, other, sizeof other);
    fake_engine_await_describes(2);
    atomic_store(&fake_engine.is_blocked, false);
    (void)pthread_join(first.thread, NULL);
    (void)pthread_join(second.thread, NULL);
    assert_true(first.is_done && second.is_done);
}

static void decode_slots_bound_what_is_decoded_at_once(void **state) {
    struct service_fixture *fixture = *state;
    for (size_t slots = 1; slots <= 2; slots++) {
        fixture->options.decode_threads = slots;
        service_fixture_restart(fixture);
        atomic_store(&fake_engine.most_preparing, 0);
        struct uploader uploaders[UPLOADERS];
        unsigned char pictures[UPLOADERS][PICTURE_SIZE];
        for (int i = 0; i < UPLOADERS; i++) {
            picture_of(i, (int)slots, 0, pictures[i]);
            start(&uploaders[i], fixture, pictures[i], PICTURE_SIZE);
        }
        for (int i = 0; i < UPLOADERS; i++) {
            (void)pthread_join(uploaders[i].thread, NULL);
            assert_true(uploaders[i].is_done);
        }
        assert_in_range(atomic_load(&fake_engine.most_preparing), 1, slots);
    }
}

static void only_so_much_bulk_work_is_at_the_models(void **state) {
    struct service_fixture *fixture = *state;
    enum { MOST = 2 + 4 };  // the fixture's decode threads, and two batches of two at the models
    struct uploader uploaders[UPLOADERS + 1];
    unsigned char pictures[UPLOADERS + 1][PICTURE_SIZE];
    atomic_store(&fake_engine.is_blocked, true);
    for (int i = 0; i < UPLOADERS; i++) {
        picture_of(i, 9, 0, pictures[i]);
        start_in(&uploaders[i], fixture, pictures[i], PICTURE_SIZE, QUEUE_BULK);
    }
    fake_engine_await_describes(MOST);
    pause_ms(20);  // time for more to come, and to be wrong
    assert_int_equal(atomic_load(&fake_engine.most_describing), MOST);
    picture_of(99, 9, 0, pictures[UPLOADERS]);
    start(&uploaders[UPLOADERS], fixture, pictures[UPLOADERS], PICTURE_SIZE);
    fake_engine_await_describes(MOST + 1);  // it does not wait for them
    atomic_store(&fake_engine.is_blocked, false);
    for (int i = 0; i <= UPLOADERS; i++) {
        (void)pthread_join(uploaders[i].thread, NULL);
        if (!uploaders[i].is_done) fail_msg("%s", uploaders[i].err.text);
    }
    assert_int_equal(stored_images(fixture), UPLOADERS + 1);
}

// The store's own functions, while a test has put others in their place.
static const struct store_operations *whole;

static atomic_bool is_removed, may_go_on;

static bool remove_and_wait(struct store *store, const char *id, struct error *err) {
    bool is_done = whole->remove(store, id, err);
    atomic_store(&is_removed, true);
    while (!atomic_load(&may_go_on)) pause_us(100);
    return is_done;
}

static void *delete_image(void *context) {
    struct uploader *uploader = context;  // an uploader of what is deleted here
    uploader->is_done =
        service_delete_image(uploader->service, uploader->result.record.id, &uploader->err);
    return NULL;
}

// The row is gone and the bytes are not yet: an upload of the same picture must wait, or it would
// lose its bytes to the deletion.
static void uploads_wait_for_a_deletion(void **state) {
    struct service_fixture *fixture = *state;
    struct store *store = fixture->options.store;
    struct uploader deleter = {.service = fixture->service}, uploader;
    assert_true(service_ingest_image(fixture->service, small_png, small_png_size,
                                     &(struct ingest_options){.lane = QUEUE_INTERACTIVE},
                                     &deleter.result, NULL));
    struct store_operations held = *(whole = store->operations);
    held.remove = remove_and_wait;
    store->operations = &held;
    atomic_store(&is_removed, false);
    atomic_store(&may_go_on, false);
    assert_int_equal(pthread_create(&deleter.thread, NULL, delete_image, &deleter), 0);
    while (!atomic_load(&is_removed)) pause_us(100);
    start(&uploader, fixture, small_png, small_png_size);
    pause_ms(20);
    int described = atomic_load(&fake_engine.describe_calls);
    atomic_store(&may_go_on, true);
    (void)pthread_join(deleter.thread, NULL);
    (void)pthread_join(uploader.thread, NULL);
    store->operations = whole;
    assert_int_equal(described, 1);
    assert_true(deleter.is_done && uploader.is_done);
    assert_false(uploader.result.was_known);
    assert_int_equal(stored_images(fixture), 1);
    assert_int_equal(stored_blobs(fixture), 1);
}

static struct service *deleting_service;

// Deletes what it has just found.
static bool get_and_lose(struct store *store, const char *id, struct image_record *record,
                         struct error *err) {
    store->operations = whole;
    return whole->get(store, id, record, err) && service_delete_image(deleting_service, id, err);
}

static void content_deleted_meanwhile_is_not_found(void **state) {
    struct service_fixture *fixture = *state;
    struct store *store = fixture->options.store;
    struct image_record record = upload_colour(fixture, 1, 2, 3).record;
    struct store_operations losing = *(whole = store->operations);
    losing.get = get_and_lose;
    deleting_service = fixture->service;
    store->operations = &losing;
    size_t size;
    struct error err = {0};
    assert_null(service_image_content(fixture->service, record.id, &record, &size, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

struct churn {
    struct service *service;
    atomic_int failures;
    char id[IMAGE_ID_SIZE];
};

static void *churn_uploads(void *context) {
    struct churn *churn = context;
    unsigned char picture[PICTURE_SIZE];
    picture_of(7, 7, 7, picture);
    for (int i = 0; i < 200; i++) {
        struct ingest_result result;
        if (!service_ingest_image(churn->service, picture, sizeof picture,
                                  &(struct ingest_options){.lane = QUEUE_INTERACTIVE}, &result,
                                  NULL))
            atomic_fetch_add(&churn->failures, 1);
    }
    return NULL;
}

static void *churn_deletions(void *context) {
    struct churn *churn = context;
    for (int i = 0; i < 200; i++) {
        struct error err = {0};
        if (!service_delete_image(churn->service, churn->id, &err) && err.kind != ERROR_NOT_FOUND)
            atomic_fetch_add(&churn->failures, 1);
    }
    return NULL;
}

// The image is there with its bytes or it is not there; never there without them.
static void *churn_reads(void *context) {
    struct churn *churn = context;
    for (int i = 0; i < 400; i++) {
        struct image_record record;
        size_t size;
        struct error err = {0};
        char *bytes = service_image_content(churn->service, churn->id, &record, &size, &err);
        if (bytes == NULL && err.kind != ERROR_NOT_FOUND) atomic_fetch_add(&churn->failures, 1);
        memory_free(bytes);
    }
    return NULL;
}

static void deletions_never_cross_uploads(void **state) {
    struct service_fixture *fixture = *state;
    struct churn churn = {.service = fixture->service};
    memcpy(churn.id, upload_colour(fixture, 7, 7, 7).record.id, sizeof churn.id);
    void *(*const work[])(void *) = {churn_uploads, churn_uploads, churn_deletions, churn_reads};
    enum { THREADS = sizeof work / sizeof work[0] };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work[i], &churn), 0);
    for (int i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&churn.failures), 0);
    assert_int_equal(stored_images(fixture), stored_blobs(fixture));
    (void)upload_colour(fixture, 7, 7, 7);
    struct image_record record;
    size_t size;
    char *bytes = service_image_content(fixture->service, churn.id, &record, &size, NULL);
    assert_non_null(bytes);
    memory_free(bytes);
}

int main(void) {
#define CONCURRENCY_TEST(test) \
    cmocka_unit_test_setup_teardown(test, service_fixture_setup, service_fixture_teardown)
    const struct CMUnitTest tests[] = {
        CONCURRENCY_TEST(identical_uploads_are_computed_once),
        CONCURRENCY_TEST(identical_uploads_share_a_failure),
        CONCURRENCY_TEST(waiting_for_the_models_holds_no_decode_slot),
        CONCURRENCY_TEST(decode_slots_bound_what_is_decoded_at_once),
        CONCURRENCY_TEST(only_so_much_bulk_work_is_at_the_models),
        CONCURRENCY_TEST(uploads_wait_for_a_deletion),
        CONCURRENCY_TEST(content_deleted_meanwhile_is_not_found),
        CONCURRENCY_TEST(deletions_never_cross_uploads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
