// An experiment at work: images go the way of their variant, each is written down, and the shadow
// captions others' images beside, without anybody waiting for it.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fake_book.h"
#include "fake_cloud.h"
#include "service/shadow.h"
#include "service_fixture.h"

// Two providers that answer "a red car", and local captions that are sure of themselves.
static int setup(void **state) {
    (void)service_fixture_setup(state);
    struct service_fixture *fixture = *state;
    fixture->options.cloud = fake_cloud_reset();
    fake_cloud.provider_count = 2;
    fixture->options.policy = (struct route_policy){.confidence_threshold = 0.55};
    fixture->options.ledger = fake_book_reset();
    fake_engine.caption = "a small square";
    return 0;
}

static int teardown(void **state) {
    struct service_fixture *fixture = *state;
    atomic_store(&fake_cloud.is_blocked, false);  // else a failed test would wait for it
    struct experiment *experiment = (struct experiment *)fixture->options.experiment;
    (void)service_fixture_teardown(state);
    experiment_destroy(experiment);
    return 0;
}

static void begin(struct service_fixture *fixture, const char *text) {
    struct error err = {0};
    fixture->options.experiment = experiment_parse_create(
        "test", text, strlen(text), &fixture->options.policy, fixture->options.cloud, &err);
    if (fixture->options.experiment == NULL) fail_msg("%s", err.text);
    service_fixture_restart(fixture);
}

// Its shadow sends every picture to the cloud: no local caption is that sure.
static void begin_shadow(struct service_fixture *fixture) {
    begin(fixture,
          "name: trial\n"
          "variants:\n"
          "  - {name: best, share_percent: 0, confidence_threshold: 1, model: google/x,\n"
          "     prompt: What is it, providers: [openai]}\n"
          "shadow: {variant: best, percent: 100, daily_budget_usd: 0.25}\n");
}

static struct ingest_result upload(struct service_fixture *fixture, int red, int green,
                                   enum route_quality quality) {
    unsigned char picture[PICTURE_SIZE];
    struct ingest_result result;
    struct error err = {0};
    picture_of(red, green, 0, picture);
    if (!service_ingest_image(fixture->service, picture, sizeof picture,
                              &(struct ingest_options){.file_name = "a.gif", .quality = quality},
                              &result, &err))
        fail_msg("%s", err.text);
    return result;
}

static double shadows(const struct service_fixture *fixture, const char *result) {
    return counted(fixture, METRIC_SHADOW_CAPTIONS, result);
}

static void await_shadows(const struct service_fixture *fixture, const char *result, double count) {
    while (shadows(fixture, result) < count)
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

static void await_asks(int count) {
    while (atomic_load(&fake_cloud.asks) < count)
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

static void without_an_experiment_nothing_is_written_down(void **state) {
    struct service_fixture *fixture = *state;
    service_fixture_restart(fixture);
    assert_string_equal(upload(fixture, 1, 0, QUALITY_AUTO).record.receipt.variant, "");
    assert_string_equal(upload(fixture, 2, 0, QUALITY_HIGH).record.receipt.variant, "");
    assert_int_equal(atomic_load(&fake_book.attempts), 0);
    assert_true(fake_cloud.model[0] == '\0' && fake_cloud.prompt[0] == '\0');
    assert_true(fake_cloud.purse[0] == '\0' && fake_cloud.asked_count == 2);
}

static void a_variant_goes_its_own_way(void **state) {
    struct service_fixture *fixture = *state;
    begin(fixture,
          "name: trial\nvariants:\n"
          "  - {name: best, share_percent: 100, confidence_threshold: 0.9,\n"
          "     providers: [openai, openrouter], model: google/x, prompt: What is it}\n");
    struct ingest_result result = upload(fixture, 255, 0, QUALITY_AUTO);
    assert_string_equal(result.record.origin, "cloud");  // 0.75 is sure enough for the settings
    assert_string_equal(result.record.receipt.variant, "best");
    assert_string_equal(result.record.receipt.provider, "openai");
    assert_string_equal(result.record.receipt.reason, "low_confidence");
    assert_string_equal(fake_cloud.reason, "low_confidence");
    assert_string_equal(fake_cloud.model, "google/x");
    assert_string_equal(fake_cloud.prompt, "What is it");
    assert_string_equal(fake_cloud.purse, "");
    assert_true(fake_cloud.first_provider == 1 && fake_cloud.asked_count == 2);
    // One of them alone.
    fake_cloud.is_away[1] = true;
    assert_string_equal(upload(fixture, 254, 0, QUALITY_HIGH).record.receipt.provider,
                        "openrouter");
    assert_int_equal(fake_cloud.first_provider, 0);
}

static void every_caption_is_written_down(void **state) {
    struct service_fixture *fixture = *state;
    begin(fixture, "name: trial\nvariants: [{name: best, share_percent: 0}]\n");
    struct ingest_result local = upload(fixture, 1, 0, QUALITY_AUTO);
    struct ingest_result best = upload(fixture, 255, 0, QUALITY_HIGH);
    (void)upload(fixture, 255, 0, QUALITY_HIGH);  // known
    assert_int_equal(atomic_load(&fake_book.count), 2);
    const struct fake_observation *first = &fake_book.observations[0], *second = first + 1;
    assert_string_equal(first->experiment, "trial");
    assert_string_equal(first->variant, "control");
    assert_string_equal(first->image_id, local.record.id);
    assert_string_equal(first->provider, "local");
    assert_string_equal(first->model, "captioner");
    assert_string_equal(first->caption, local.record.caption);
    assert_true(first->figures.cost_nano_usd == 0 && !first->figures.is_shadow);
    assert_true(fabs(first->figures.confidence - 0.75) < 1e-6);
    assert_true(fabs(first->figures.clip_score - 0.25) < 1e-6);
    assert_true(isnan(first->figures.agreement));
    assert_true(first->figures.latency_ms >= local.record.receipt.local_ms);
    assert_string_equal(second->image_id, best.record.id);
    assert_string_equal(second->provider, "openrouter");
    assert_string_equal(second->model, "openai/gpt-4o-mini");
    assert_string_equal(second->caption, "a red car");
    assert_int_equal(second->figures.cost_nano_usd, 425000);
    assert_true(isnan(second->figures.confidence));  // nobody told one
    assert_true(second->figures.clip_score > 0.99);
}

static void a_kept_caption_is_no_new_one(void **state) {
    struct service_fixture *fixture = *state;
    begin(fixture, "name: trial\nvariants: [{name: best, share_percent: 0}]\n");
    (void)upload(fixture, 255, 0, QUALITY_HIGH);
    (void)snprintf(fake_engine.info.embedding_model, MODEL_NAME_SIZE, "space@2");
    service_fixture_restart(fixture);
    assert_false(upload(fixture, 255, 0, QUALITY_AUTO).was_known);  // a new vector only
    assert_int_equal(atomic_load(&fake_book.count), 1);
}

static void a_book_that_fails_fails_no_upload(void **state) {
    struct service_fixture *fixture = *state;
    begin(fixture, "name: trial\nvariants: [{name: best, share_percent: 0}]\n");
    atomic_store(&fake_book.fails, true);
    assert_string_equal(upload(fixture, 1, 0, QUALITY_AUTO).record.origin, "local");
    assert_int_equal(atomic_load(&fake_book.attempts), 1);
    assert_int_equal(stored_images(fixture), 1);
}

static void the_shadow_captions_beside(void **state) {
    struct service_fixture *fixture = *state;
    begin_shadow(fixture);
    fake_engine.caption = "a red and blue thing";
    struct ingest_result result = upload(fixture, 255, 0, QUALITY_AUTO);
    assert_string_equal(result.record.caption, "a red and blue thing");
    assert_string_equal(result.record.receipt.variant, "control");
    fake_book_await(2);
    const struct fake_observation *shadow = &fake_book.observations[1];
    assert_true(shadow->figures.is_shadow);
    assert_string_equal(shadow->variant, "best");
    assert_string_equal(shadow->image_id, result.record.id);
    assert_string_equal(shadow->caption, "a red car");
    assert_string_equal(shadow->provider, "openai");
    assert_int_equal(shadow->figures.cost_nano_usd, 425000);
    assert_true(shadow->figures.clip_score > 0.99);
    float red[FAKE_WIDTH], both[FAKE_WIDTH];
    double agreement = 0;
    fake_engine_vector(255, 0, 0, red);
    fake_engine_vector(255, 0, 255, both);
    for (int i = 0; i < FAKE_WIDTH; i++) agreement += (double)red[i] * (double)both[i];
    assert_true(agreement > 0.6 && agreement < 0.8);
    assert_true(fabs(shadow->figures.agreement - agreement) < 1e-6);
    // It is paid from its own purse, and told apart.
    assert_string_equal(fake_cloud.reason, "shadow");
    assert_string_equal(fake_cloud.purse, "shadow:trial");
    assert_int_equal(fake_cloud.purse_daily, 250000000);
    assert_string_equal(fake_cloud.model, "google/x");
    assert_string_equal(fake_cloud.prompt, "What is it");
    // What was stored stays as it was, and so do the figures of uploads.
    struct image_record stored;
    assert_true(service_get_image(fixture->service, result.record.id, &stored, NULL));
    assert_string_equal(stored.caption, "a red and blue thing");
    assert_true(stored.receipt.cost_nano_usd == 0);
    assert_true(counted(fixture, METRIC_ROUTER_CLOUD, NULL) == 0);
    assert_true(counted(fixture, METRIC_CLOUD_COST, NULL) == 0);
    await_shadows(fixture, "observed", 1);
}

static void the_shadow_wants_the_best_where_the_upload_did(void **state) {
    struct service_fixture *fixture = *state;
    begin_shadow(fixture);
    (void)upload(fixture, 1, 0, QUALITY_HIGH);
    fake_book_await(2);
    assert_string_equal(fake_cloud.reason, "shadow");
    assert_int_equal(fake_cloud.patience_ms, 0);  // but it never waits for the limit of a minute
}

static void fast_uploads_have_no_shadow(void **state) {
    struct service_fixture *fixture = *state;
    begin_shadow(fixture);
    (void)upload(fixture, 1, 0, QUALITY_FAST);
    struct ingest_result result = upload(fixture, 2, 0, QUALITY_AUTO);
    fake_book_await(3);
    await_shadows(fixture, "observed", 1);
    assert_string_equal(fake_book.observations[2].image_id, result.record.id);
    assert_true(fake_book.observations[2].figures.is_shadow);
    assert_int_equal(atomic_load(&fake_cloud.asks), 1);
    assert_int_equal(atomic_load(&fake_book.count), 3);
    assert_true(shadows(fixture, "dropped") == 0);
}

static void nobody_waits_for_the_shadow(void **state) {
    struct service_fixture *fixture = *state;
    begin_shadow(fixture);
    atomic_store(&fake_cloud.is_blocked, true);
    (void)upload(fixture, 0, 0, QUALITY_AUTO);
    await_asks(1);  // it is stuck from now on
    for (int i = 1; i <= SHADOW_WAITING_MAX + 3; i++) (void)upload(fixture, i, 0, QUALITY_AUTO);
    assert_true(shadows(fixture, "dropped") == 3);
    assert_int_equal(atomic_load(&fake_cloud.asks), 1);
    atomic_store(&fake_cloud.is_blocked, false);
    await_shadows(fixture, "observed", SHADOW_WAITING_MAX + 1);
    assert_int_equal(atomic_load(&fake_cloud.asks), SHADOW_WAITING_MAX + 1);
}

static void it_stops_with_the_image_under_way(void **state) {
    struct service_fixture *fixture = *state;
    begin_shadow(fixture);
    atomic_store(&fake_cloud.is_blocked, true);
    for (int i = 0; i < 20; i++) (void)upload(fixture, i, 0, QUALITY_AUTO);
    await_asks(1);
    service_stop_shadow(fixture->service);                                    // does not wait
    assert_int_equal(upload(fixture, 99, 0, QUALITY_AUTO).was_known, false);  // nor does it fail
    atomic_store(&fake_cloud.is_blocked, false);
    service_fixture_restart(fixture);  // the former one has ended
    assert_int_equal(atomic_load(&fake_cloud.asks), 1);
}

static void what_is_in_the_way_is_waited_for(void **state) {
    struct service_fixture *fixture = *state;
    static const enum cloud_obstacle obstacles[] = {CLOUD_IS_OVER_BUDGET, CLOUD_IS_LIMITED,
                                                    CLOUD_IS_OVER_DAY, CLOUD_IS_AWAY};
    begin_shadow(fixture);
    for (int i = 0; i < 4; i++) {
        atomic_store(&fake_cloud.obstacle, obstacles[i]);
        struct ingest_result result = upload(fixture, i, 0, QUALITY_AUTO);
        await_shadows(fixture, "impeded", i + 1);
        assert_int_equal(atomic_load(&fake_book.count), 2 * i + 1);  // the upload's alone
        atomic_store(&fake_cloud.obstacle, CLOUD_NO_OBSTACLE);
        fake_book_await((size_t)(2 * i + 2));
        assert_true(fake_book.observations[2 * i + 1].figures.is_shadow);
        assert_string_equal(fake_book.observations[2 * i + 1].image_id, result.record.id);
        assert_string_equal(fake_book.observations[2 * i + 1].provider, "openai");
    }
    // A provider that fails is the variant's own doing.
    atomic_store(&fake_cloud.obstacle, CLOUD_HAS_FAILED);
    (void)upload(fixture, 9, 0, QUALITY_AUTO);
    fake_book_await(10);
    assert_string_equal(fake_book.observations[9].provider, "local");
    assert_int_equal(fake_book.observations[9].figures.cost_nano_usd, 425000);
}

// Else images that need no provider would be all that is observed while the purse is empty.
static void no_image_passes_one_that_waits(void **state) {
    struct service_fixture *fixture = *state;
    begin_shadow(fixture);
    atomic_store(&fake_cloud.obstacle, CLOUD_IS_OVER_BUDGET);
    struct ingest_result first = upload(fixture, 1, 0, QUALITY_AUTO);
    await_asks(1);
    struct ingest_result second = upload(fixture, 2, 0, QUALITY_AUTO);
    await_asks(2);  // the first again
    assert_int_equal(atomic_load(&fake_book.count), 2);
    atomic_store(&fake_cloud.obstacle, CLOUD_NO_OBSTACLE);
    fake_book_await(4);
    assert_string_equal(fake_book.observations[2].image_id, first.record.id);
    assert_string_equal(fake_book.observations[3].image_id, second.record.id);
    assert_true(shadows(fixture, "impeded") == 1);
}

static void it_stops_while_it_waits(void **state) {
    struct service_fixture *fixture = *state;
    begin_shadow(fixture);
    atomic_store(&fake_cloud.obstacle, CLOUD_IS_OVER_BUDGET);
    (void)upload(fixture, 1, 0, QUALITY_AUTO);
    await_asks(3);  // the next one would come after a second
    int64_t started = clock_monotonic_ns();
    service_fixture_restart(fixture);
    assert_true(clock_ms_since(started) < 500);
    assert_int_equal(atomic_load(&fake_cloud.asks), 3);
}

static void a_deleted_image_is_passed_over(void **state) {
    struct service_fixture *fixture = *state;
    begin_shadow(fixture);
    atomic_store(&fake_cloud.is_blocked, true);
    (void)upload(fixture, 1, 0, QUALITY_AUTO);
    await_asks(1);
    struct ingest_result gone = upload(fixture, 2, 0, QUALITY_AUTO);
    assert_true(service_delete_image(fixture->service, gone.record.id, NULL));
    atomic_store(&fake_cloud.is_blocked, false);
    await_shadows(fixture, "failed", 1);
    assert_int_equal(atomic_load(&fake_cloud.asks), 1);
    assert_int_equal(atomic_load(&fake_book.count), 3);
}

// Models too busy for bulk work are waited for, and interactive uploads pass.
static void it_works_in_the_bulk_lane(void **state) {
    struct service_fixture *fixture = *state;
    begin_shadow(fixture);
    (void)upload(fixture, 1, 0, QUALITY_AUTO);
    fake_book_await(2);
    assert_int_equal(atomic_load(&fake_engine.lane), QUEUE_BULK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(without_an_experiment_nothing_is_written_down),
        TEST(a_variant_goes_its_own_way),
        TEST(every_caption_is_written_down),
        TEST(a_kept_caption_is_no_new_one),
        TEST(a_book_that_fails_fails_no_upload),
        TEST(the_shadow_captions_beside),
        TEST(the_shadow_wants_the_best_where_the_upload_did),
        TEST(fast_uploads_have_no_shadow),
        TEST(nobody_waits_for_the_shadow),
        TEST(it_stops_with_the_image_under_way),
        TEST(what_is_in_the_way_is_waited_for),
        TEST(no_image_passes_one_that_waits),
        TEST(it_stops_while_it_waits),
        TEST(a_deleted_image_is_passed_over),
        TEST(it_works_in_the_bulk_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
