// Who captions an upload: the local models and the cloud in all their moods, what the record and
// its receipt say, and that an upload never fails because a provider does.
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cloud.h"
#include "service_fixture.h"

static int setup(void **state) {
    (void)service_fixture_setup(state);
    struct service_fixture *fixture = *state;
    fixture->options.cloud = fake_cloud_reset();
    fixture->options.policy =
        (struct route_policy){.confidence_threshold = 0.55, .latency_budget_ms = 600};
    service_fixture_restart(fixture);
    return 0;
}

static struct ingest_result upload(struct service_fixture *fixture, int red, enum queue_lane lane,
                                   enum route_quality quality) {
    unsigned char picture[PICTURE_SIZE];
    struct ingest_result result;
    struct error err = {0};
    picture_of(red, 0, 0, picture);
    if (!service_ingest_image(
            fixture->service, picture, sizeof picture,
            &(struct ingest_options){.file_name = "a.gif", .lane = lane, .quality = quality},
            &result, &err))
        fail_msg("%s", err.text);
    return result;
}

static struct ingest_result upload_now(struct service_fixture *fixture, int red,
                                       enum route_quality quality) {
    return upload(fixture, red, QUEUE_INTERACTIVE, quality);
}

static void a_sure_local_caption_stays_local(void **state) {
    struct ingest_result result = upload_now(*state, 1, QUALITY_AUTO);
    const struct receipt *receipt = &result.record.receipt;
    assert_string_equal(result.record.origin, "local");
    assert_string_equal(result.record.caption, "a picture of 1 0 0");
    assert_string_equal(receipt->provider, "local");
    assert_string_equal(receipt->reason, "local_sure");
    assert_true(receipt->words[0] != '\0' && receipt->local_ms > 0 && receipt->route_ms > 0);
    assert_true(receipt->cloud_ms == 0 && receipt->cost_nano_usd == 0 && !receipt->is_cached);
    assert_int_equal(atomic_load(&fake_cloud.asks), 0);
    assert_true(counted(*state, METRIC_ROUTER_LOCAL, NULL) == 1);
    assert_true(counted(*state, METRIC_CAPTIONS, "local_sure") == 1);
}

static void an_unsure_one_goes_to_the_cloud(void **state) {
    struct service_fixture *fixture = *state;
    fake_engine.confidence = 0.41F;
    (void)snprintf(fake_cloud.result.answer.tags, CLOUD_TAGS_SIZE, "car\nred, and bad\nroad");
    struct ingest_result result = upload_now(fixture, 255, QUALITY_AUTO);
    const struct image_record *record = &result.record;
    assert_string_equal(record->origin, "cloud");
    assert_string_equal(record->caption, "a red car");
    assert_string_equal(record->caption_model, "openai/gpt-4o-mini");
    assert_string_equal(record->embedding_model, "space@1");
    assert_string_equal(record->tags, "car\nroad");
    // As in the original service the local model's confidence stays.
    assert_true(fabs(record->confidence - 0.41) < 1e-6);
    assert_true(record->clip_score > 0.99);  // of the new caption and the red picture
    assert_string_equal(record->receipt.provider, "openrouter");
    assert_string_equal(record->receipt.reason, "low_confidence");
    assert_true(record->receipt.cost_nano_usd == 425000 && record->receipt.cloud_ms == 800);
    assert_true(record->receipt.local_ms > 0 && record->receipt.route_ms >= 0.5);
    assert_string_equal(fake_cloud.reason, "low_confidence");
    assert_string_equal(fake_cloud.sha256, record->sha256);
    // What is sent is a JPEG of the picture.
    assert_true(fake_cloud.width == 1 && fake_cloud.height == 1);
    assert_true(fake_cloud.picture_start[0] == 0xff && fake_cloud.picture_start[1] == 0xd8);
    assert_int_equal(atomic_load(&fake_engine.caption_calls), 0);
    assert_true(counted(fixture, METRIC_ROUTER_CLOUD, NULL) == 1);
    assert_true(counted(fixture, METRIC_CLOUD_DURATION, "openrouter") == 1);
    assert_true(counted(fixture, METRIC_CAPTION_TOKENS, NULL) == 5);  // of the local caption
    assert_true(counted(fixture, METRIC_CAPTION_CONFIDENCE, NULL) == 1);
    assert_true(counted(fixture, METRIC_ROUTER_LOCAL, NULL) == 0);
    // It is stored as it was answered.
    struct image_record stored;
    assert_true(service_get_image(fixture->service, record->id, &stored, NULL));
    assert_string_equal(stored.receipt.reason, "low_confidence");
    assert_true(stored.receipt.cost_nano_usd == 425000);
}

static void a_providers_own_confidence_is_taken(void **state) {
    fake_engine.confidence = 0.41F;
    fake_cloud.result.answer.confidence = 0.9;
    assert_true(upload_now(*state, 1, QUALITY_AUTO).record.confidence == 0.9);
}

static void repetition_goes_to_the_cloud(void **state) {
    fake_engine.caption = "dai dai dai dai dai";
    assert_string_equal(upload_now(*state, 1, QUALITY_AUTO).record.receipt.reason, "repetition");
}

static void fast_never_asks_the_cloud(void **state) {
    fake_engine.confidence = 0.01F;
    struct ingest_result result = upload_now(*state, 1, QUALITY_FAST);
    assert_string_equal(result.record.origin, "local");
    assert_string_equal(result.record.receipt.reason, "quality_fast");
    assert_int_equal(atomic_load(&fake_cloud.asks), 0);
}

static void high_asks_the_cloud_and_not_the_local_captioner(void **state) {
    struct ingest_result result = upload_now(*state, 1, QUALITY_HIGH);
    assert_string_equal(result.record.origin, "cloud");
    assert_string_equal(result.record.receipt.reason, "quality_high");
    assert_true(result.record.confidence == -1);  // nobody told one
    assert_int_equal(atomic_load(&fake_engine.describe_calls), 0);
    assert_int_equal(atomic_load(&fake_engine.caption_calls), 0);
}

static void without_a_cloud_everything_is_local(void **state) {
    struct service_fixture *fixture = *state;
    fixture->options.cloud = NULL;
    service_fixture_restart(fixture);
    fake_engine.confidence = 0.01F;
    assert_string_equal(upload_now(fixture, 1, QUALITY_AUTO).record.receipt.reason, "no_provider");
    assert_string_equal(upload_now(fixture, 2, QUALITY_HIGH).record.receipt.reason, "no_provider");
}

static void a_queue_that_takes_too_long_goes_to_the_cloud(void **state) {
    struct service_fixture *fixture = *state;
    fixture->options.policy.latency_budget_ms = 1;
    service_fixture_restart(fixture);
    (void)upload_now(fixture, 1, QUALITY_AUTO);  // now it is known how long one takes
    fake_engine.queue_depth = 100000;
    struct ingest_result result = upload_now(fixture, 2, QUALITY_AUTO);
    assert_string_equal(result.record.receipt.reason, "latency_budget");
    assert_string_equal(result.record.origin, "cloud");
    assert_int_equal(atomic_load(&fake_engine.describe_calls), 1);
    // Nobody waits for bulk work.
    assert_string_equal(upload(fixture, 3, QUEUE_BULK, QUALITY_AUTO).record.receipt.reason,
                        "local_sure");
}

static void whatever_is_in_the_way_the_local_caption_comes(void **state) {
    static const struct {
        enum cloud_obstacle obstacle;
        const char *reason;
    } cases[] = {{CLOUD_IS_AWAY, "cloud_away"},
                 {CLOUD_IS_OVER_BUDGET, "over_budget"},
                 {CLOUD_IS_LIMITED, "rate_limited"},
                 {CLOUD_HAS_FAILED, "cloud_failed"}};
    struct service_fixture *fixture = *state;
    fake_engine.confidence = 0.3F;
    (void)snprintf(fake_cloud.result.words, CLOUD_REASON_SIZE, "openrouter: HTTP 503");
    for (int i = 0; i < 4; i++) {
        fake_cloud.obstacle = cases[i].obstacle;
        for (int high = 0; high < 2; high++) {
            struct ingest_result result =
                upload_now(fixture, 10 * i + high, high ? QUALITY_HIGH : QUALITY_AUTO);
            const struct receipt *receipt = &result.record.receipt;
            assert_string_equal(result.record.origin, "local");
            assert_string_equal(receipt->reason, cases[i].reason);
            assert_non_null(strstr(receipt->words, "openrouter: HTTP 503"));
            assert_string_equal(receipt->provider, "local");
            assert_true(fabs(result.record.confidence - 0.3) < 1e-6);
            // What failed calls cost all the same is told.
            assert_true(receipt->cost_nano_usd == 425000);
        }
    }
    assert_int_equal(atomic_load(&fake_engine.caption_calls), 4);
}

static void without_budget_or_provider_nobody_is_asked(void **state) {
    struct service_fixture *fixture = *state;
    fake_cloud.budget_left = 999;
    assert_string_equal(upload_now(fixture, 1, QUALITY_HIGH).record.receipt.reason, "over_budget");
    fake_cloud.budget_left = NANO_USD_PER_USD;
    fake_cloud.is_away[0] = true;
    assert_string_equal(upload_now(fixture, 2, QUALITY_HIGH).record.receipt.reason, "cloud_away");
    assert_int_equal(atomic_load(&fake_cloud.asks), 0);
    fake_cloud.provider_count = 2;
    service_fixture_restart(fixture);
    assert_string_equal(upload_now(fixture, 3, QUALITY_HIGH).record.receipt.reason, "quality_high");
    assert_int_equal(fake_cloud.first_provider, 1);
}

static void the_same_bytes_cost_once(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result first = upload_now(fixture, 1, QUALITY_HIGH);
    struct ingest_result again = upload_now(fixture, 1, QUALITY_HIGH);
    assert_true(!first.was_known && again.was_known);
    assert_string_equal(again.record.receipt.reason, "quality_high");
    (void)upload_now(fixture, 1, QUALITY_AUTO);
    assert_int_equal(atomic_load(&fake_cloud.asks), 1);
}

static void high_makes_a_local_caption_better(void **state) {
    struct service_fixture *fixture = *state;
    struct ingest_result first = upload_now(fixture, 1, QUALITY_AUTO);
    struct image_record tagged;
    assert_true(service_change_image(fixture->service, first.record.id,
                                     &(struct image_change){.tags = "mine"}, &tagged, NULL));
    struct ingest_result better = upload_now(fixture, 1, QUALITY_HIGH);
    assert_string_equal(better.record.id, first.record.id);
    assert_string_equal(better.record.origin, "cloud");
    assert_string_equal(better.record.tags, "mine");
    assert_true(better.record.created_ms == first.record.created_ms && !better.was_known);
    // What a user wrote stays.
    assert_true(service_change_image(fixture->service, first.record.id,
                                     &(struct image_change){.caption = "my car"}, &tagged, NULL));
    assert_string_equal(upload_now(fixture, 1, QUALITY_HIGH).record.caption, "my car");
    assert_int_equal(atomic_load(&fake_cloud.asks), 1);
}

static void a_paid_caption_outlives_a_change_of_models(void **state) {
    struct service_fixture *fixture = *state;
    (void)upload_now(fixture, 255, QUALITY_HIGH);
    (void)snprintf(fake_engine.info.caption_model, MODEL_NAME_SIZE, "another captioner");
    assert_true(upload_now(fixture, 255, QUALITY_AUTO).was_known);
    // A new space needs a new vector, and no new caption.
    (void)snprintf(fake_engine.info.embedding_model, MODEL_NAME_SIZE, "space@2");
    service_fixture_restart(fixture);
    struct ingest_result result = upload_now(fixture, 255, QUALITY_AUTO);
    assert_string_equal(result.record.caption, "a red car");
    assert_string_equal(result.record.receipt.provider, "openrouter");
    assert_int_equal(atomic_load(&fake_cloud.asks), 1);
    assert_int_equal(atomic_load(&fake_engine.describe_calls), 0);
}

struct uploader {
    struct service_fixture *fixture;
    int red;
    enum queue_lane lane;
    enum route_quality quality;
    struct ingest_result result;
};

static void *run_uploader(void *context) {
    struct uploader *uploader = context;
    uploader->result = upload(uploader->fixture, uploader->red, uploader->lane, uploader->quality);
    return NULL;
}

static void the_same_bytes_at_once_cost_once(void **state) {
    enum { UPLOADERS = 16 };
    pthread_t threads[UPLOADERS];
    static struct uploader uploaders[UPLOADERS];
    atomic_store(&fake_cloud.is_blocked, true);
    for (int i = 0; i < UPLOADERS; i++) {
        uploaders[i] = (struct uploader){.fixture = *state, .quality = QUALITY_HIGH};
        assert_int_equal(pthread_create(&threads[i], NULL, run_uploader, &uploaders[i]), 0);
    }
    while (atomic_load(&fake_cloud.asks) == 0) continue;
    atomic_store(&fake_cloud.is_blocked, false);
    for (int i = 0; i < UPLOADERS; i++) (void)pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&fake_cloud.asks), 1);
    for (int i = 0; i < UPLOADERS; i++)
        assert_string_equal(uploaders[i].result.record.origin, "cloud");
}

// Who wanted less leads, who wants the best does not make do with that.
static void high_beside_auto_gets_the_best(void **state) {
    pthread_t threads[2];
    struct uploader uploaders[2] = {{.fixture = *state, .red = 5, .quality = QUALITY_AUTO},
                                    {.fixture = *state, .red = 5, .quality = QUALITY_HIGH}};
    atomic_store(&fake_engine.is_blocked, true);
    assert_int_equal(pthread_create(&threads[0], NULL, run_uploader, &uploaders[0]), 0);
    fake_engine_await_describes(1);
    assert_int_equal(pthread_create(&threads[1], NULL, run_uploader, &uploaders[1]), 0);
    atomic_store(&fake_engine.is_blocked, false);
    for (int i = 0; i < 2; i++) (void)pthread_join(threads[i], NULL);
    assert_string_equal(uploaders[0].result.record.origin, "local");
    assert_string_equal(uploaders[1].result.record.origin, "cloud");
}

// Who waits for a provider keeps no place from the others.
static void bulk_work_goes_on_while_the_cloud_is_slow(void **state) {
    enum { UPLOADERS = 16 };  // more than there are bulk slots
    pthread_t threads[UPLOADERS];
    static struct uploader uploaders[UPLOADERS];
    atomic_store(&fake_cloud.is_blocked, true);
    fake_engine.confidence = 0.1F;
    for (int i = 0; i < UPLOADERS; i++) {
        uploaders[i] = (struct uploader){.fixture = *state, .red = i, .lane = QUEUE_BULK};
        assert_int_equal(pthread_create(&threads[i], NULL, run_uploader, &uploaders[i]), 0);
    }
    while (atomic_load(&fake_cloud.asks) < UPLOADERS) continue;
    atomic_store(&fake_cloud.is_blocked, false);
    for (int i = 0; i < UPLOADERS; i++) (void)pthread_join(threads[i], NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, service_fixture_teardown)
        TEST(a_sure_local_caption_stays_local),
        TEST(an_unsure_one_goes_to_the_cloud),
        TEST(a_providers_own_confidence_is_taken),
        TEST(repetition_goes_to_the_cloud),
        TEST(fast_never_asks_the_cloud),
        TEST(high_asks_the_cloud_and_not_the_local_captioner),
        TEST(without_a_cloud_everything_is_local),
        TEST(a_queue_that_takes_too_long_goes_to_the_cloud),
        TEST(whatever_is_in_the_way_the_local_caption_comes),
        TEST(without_budget_or_provider_nobody_is_asked),
        TEST(the_same_bytes_cost_once),
        TEST(high_makes_a_local_caption_better),
        TEST(a_paid_caption_outlives_a_change_of_models),
        TEST(the_same_bytes_at_once_cost_once),
        TEST(high_beside_auto_gets_the_best),
        TEST(bulk_work_goes_on_while_the_cloud_is_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
