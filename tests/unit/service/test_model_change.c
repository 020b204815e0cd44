// Another search model: pictures get new vectors while searches use the former ones, then all
// searches change over at once. The two fake models have vectors of different widths, so a search
// that mixed their spaces would fail. Meant for ThreadSanitizer as well.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "service_fixture.h"

enum { PICTURES = 40 };

#define FORMER "former@1"
#define OWN "space@1"

static int opened;  // how often the former model was

static struct engine *open_former(const void *context, const char *embedding_model) {
    (void)context;
    assert_string_equal(embedding_model, FORMER);
    opened++;
    return fake_former();
}

static void pause_ms(long ms) {
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

// PICTURES from the former model, none of which is of one colour alone, and a red one.
static void upload_formerly(struct service_fixture *fixture) {
    struct engine *own = fixture->options.engine;
    fixture->options.engine = fake_former();
    service_fixture_restart(fixture);
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    for (int i = 1; i < PICTURES; i++) (void)upload_colour(fixture, 60 + i, 100, 100);
    (void)upload_colour(fixture, 255, 0, 0);
    fixture->options.engine = own;
}

// Starts anew with the other model.
static void change_model(struct service_fixture *fixture) {
    opened = 0;
    fixture->options.open_former = open_former;
    service_fixture_restart(fixture);
}

static struct reindex_progress progress_of(struct service_fixture *fixture) {
    struct reindex_progress progress;
    service_reindex_progress(fixture->service, &progress);
    return progress;
}

static void await_state(struct service_fixture *fixture, enum reindex_state state) {
    while (progress_of(fixture).state != state) pause_ms(1);
}

static size_t vectors_in(struct service_fixture *fixture, const char *space) {
    struct store_space spaces[STORE_SPACES_MAX];
    struct store *store = fixture->options.store;
    size_t count, vectors = 0;
    assert_true(store->operations->list_spaces(store, spaces, &count, NULL));
    for (size_t i = 0; i < count; i++)
        if (strcmp(spaces[i].embedding_model, space) == 0) vectors = spaces[i].count;
    return vectors;
}

static void assert_active(struct service_fixture *fixture, const char *space) {
    char active[STORE_MODEL_SIZE];
    struct store *store = fixture->options.store;
    assert_true(store->operations->get_active_space(store, active, NULL));
    assert_string_equal(active, space);
}

static void assert_all_are_of(struct service_fixture *fixture, const char *space) {
    struct image_record records[2 * PICTURES];
    struct store_cursor cursor = {0};
    size_t count;
    bool has_more;
    assert_true(service_list_images(fixture->service, &cursor, 2 * PICTURES, records, &count,
                                    &has_more, NULL));
    for (size_t i = 0; i < count; i++) assert_string_equal(records[i].embedding_model, space);
    assert_int_equal(vectors_in(fixture, space), count);
}

// Looks for red; true when the model that runs answered, and not the former.
static bool search_red(struct service *service, size_t least) {
    struct search_request request = {.query = "red", .k = 2 * PICTURES};
    struct search_answer answer;
    struct error err = {0};
    if (!service_search(service, &request, &answer, &err)) fail_msg("%s", err.text);
    bool is_new = strcmp(answer.embedding_model, OWN) == 0;
    assert_true(answer.count >= least);
    assert_true(answer.results[0].score > 0.9999F);
    assert_string_equal(answer.results[0].record.caption, "a picture of 255 0 0");
    // The first picture's score is 0.68 in the former space and 0.39 in the other.
    for (size_t i = 0; i < answer.count; i++)
        if (strcmp(answer.results[i].record.caption, "a picture of 61 100 100") == 0)
            assert_true((answer.results[i].score < 0.5F) == is_new);
    search_answer_clear(&answer);
    return is_new;
}

static void searches_use_the_former_space_until_all_have_moved(void **state) {
    struct service_fixture *fixture = *state;
    upload_formerly(fixture);
    assert_all_are_of(fixture, FORMER);
    change_model(fixture);
    atomic_store(&fake_engine.is_blocked, true);
    assert_true(service_reindex_start(fixture->service, NULL));
    await_state(fixture, REINDEX_RUNNING);
    struct reindex_progress progress = progress_of(fixture);
    assert_string_equal(progress.from, FORMER);
    assert_string_equal(progress.to, OWN);
    assert_true(progress.is_from_searched);
    assert_int_equal(progress.done, 0);
    assert_int_equal(progress.total, PICTURES);
    assert_false(search_red(fixture->service, PICTURES));

    atomic_store(&fake_engine.is_blocked, false);
    await_state(fixture, REINDEX_COMPLETE);
    service_reindex_stop(fixture->service);  // tidies up before
    progress = progress_of(fixture);
    assert_false(progress.is_from_searched);
    assert_int_equal(progress.done, PICTURES);
    assert_int_equal(progress.failed, 0);
    assert_true(search_red(fixture->service, PICTURES));
    assert_active(fixture, OWN);
    assert_all_are_of(fixture, OWN);
    assert_int_equal(vectors_in(fixture, FORMER), 0);
    assert_int_equal(opened, 1);
    assert_int_equal(atomic_load(&fake_engines_destroyed), 1);
}

struct searcher {
    pthread_t thread;
    struct service *service;
    atomic_bool *ends;
    int before, after;
    bool went_back;
};

static void *search_on(void *context) {
    struct searcher *searcher = context;
    while (!atomic_load(searcher->ends) || searcher->after == 0) {
        bool is_new = search_red(searcher->service, PICTURES);
        searcher->before += !is_new;
        searcher->after += is_new;
        searcher->went_back = searcher->went_back || (!is_new && searcher->after > 0);
    }
    return NULL;
}

static void searches_and_uploads_meanwhile_change_over_at_once(void **state) {
    struct service_fixture *fixture = *state;
    struct searcher searchers[3];
    atomic_bool ends;
    atomic_init(&ends, false);
    upload_formerly(fixture);
    change_model(fixture);
    for (int i = 0; i < 3; i++) {
        searchers[i] = (struct searcher){.service = fixture->service, .ends = &ends};
        assert_int_equal(pthread_create(&searchers[i].thread, NULL, search_on, &searchers[i]), 0);
    }
    assert_true(service_reindex_start(fixture->service, NULL));
    for (int i = 0; i < PICTURES / 2; i++) {
        struct ingest_result result = upload_colour(fixture, 100, 60 + i, 100);
        if (i % 2 == 0) assert_true(service_delete_image(fixture->service, result.record.id, NULL));
    }
    await_state(fixture, REINDEX_COMPLETE);
    service_reindex_stop(fixture->service);
    atomic_store(&ends, true);
    for (int i = 0; i < 3; i++) {
        (void)pthread_join(searchers[i].thread, NULL);
        assert_false(searchers[i].went_back);
        assert_true(searchers[i].after > 0);
    }
    assert_int_equal(stored_images(fixture), PICTURES + PICTURES / 4);
    assert_all_are_of(fixture, OWN);
    assert_int_equal(vectors_in(fixture, FORMER), 0);
}

static void uploads_meanwhile_are_found_at_once_in_both(void **state) {
    struct service_fixture *fixture = *state;
    upload_formerly(fixture);
    change_model(fixture);
    struct ingest_result result = upload_colour(fixture, 0, 255, 0);
    assert_string_equal(result.record.embedding_model, FORMER);
    assert_int_equal(vectors_in(fixture, FORMER), PICTURES + 1);
    assert_int_equal(vectors_in(fixture, OWN), 1);
    assert_true(upload_colour(fixture, 255, 0, 0).was_known);  // it is on its way anyhow
    assert_false(search_red(fixture->service, PICTURES + 1));
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    assert_all_are_of(fixture, OWN);
    assert_true(search_red(fixture->service, PICTURES + 1));
}

// The store's own functions, while a test has put others in their place.
static const struct store_operations *whole;
static atomic_int puts_left;

static bool put_vector_or_fail(struct store *store, const char *id, const char *embedding_model,
                               const float *vector, size_t width, struct error *err) {
    if (atomic_fetch_sub(&puts_left, 1) <= 0)
        return error_set(err, ERROR_UNAVAILABLE, "the store is away");
    return whole->put_vector(store, id, embedding_model, vector, width, err);
}

static struct store_operations break_after(struct service_fixture *fixture, int puts) {
    whole = fixture->options.store->operations;
    struct store_operations broken = *whole;
    broken.put_vector = put_vector_or_fail;
    atomic_store(&puts_left, puts);
    return broken;
}

static void work_goes_on_where_it_was_interrupted(void **state) {
    struct service_fixture *fixture = *state;
    struct error err = {0};
    upload_formerly(fixture);
    change_model(fixture);
    const struct store_operations broken = break_after(fixture, 15);
    fixture->options.store->operations = &broken;
    assert_false(service_reindex_run(fixture->service, NULL, NULL, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    fixture->options.store->operations = whole;
    assert_int_equal(vectors_in(fixture, OWN), 15);
    assert_active(fixture, FORMER);
    assert_false(search_red(fixture->service, PICTURES));

    change_model(fixture);
    atomic_store(&fake_engine.embed_calls, 0);
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    assert_int_equal(atomic_load(&fake_engine.embed_calls), PICTURES - 15);
    assert_all_are_of(fixture, OWN);
    change_model(fixture);  // and then there is nothing left to do
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    assert_int_equal(atomic_load(&fake_engine.embed_calls), PICTURES - 15);
    assert_int_equal(opened, 0);
}

static void work_waits_for_a_store_that_is_away(void **state) {
    struct service_fixture *fixture = *state;
    upload_formerly(fixture);
    change_model(fixture);
    const struct store_operations broken = break_after(fixture, 5);
    fixture->options.store->operations = &broken;
    assert_true(service_reindex_start(fixture->service, NULL));
    await_state(fixture, REINDEX_WAITING);
    atomic_store(&puts_left, 1000);
    await_state(fixture, REINDEX_COMPLETE);
    service_reindex_stop(fixture->service);
    fixture->options.store->operations = whole;
    assert_all_are_of(fixture, OWN);
}

static void work_stops_fast_and_waits_for_the_queue(void **state) {
    struct service_fixture *fixture = *state;
    upload_formerly(fixture);
    change_model(fixture);
    atomic_store(&fake_engine.refused_embeds, 1000000);
    assert_true(service_reindex_start(fixture->service, NULL));
    while (atomic_load(&fake_engine.embed_calls) < 10) pause_ms(1);
    service_reindex_stop(fixture->service);
    assert_int_equal(vectors_in(fixture, OWN), 0);
    change_model(fixture);
    atomic_store(&fake_engine.refused_embeds, 10);
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    assert_int_equal(progress_of(fixture).failed, 0);
    assert_all_are_of(fixture, OWN);
}

static void lost_bytes_hold_nothing_up(void **state) {
    struct service_fixture *fixture = *state;
    struct image_record record;
    upload_formerly(fixture);
    struct ingest_result lost = upload_colour(fixture, 1, 2, 3);
    assert_true(service_get_image(fixture->service, lost.record.id, &record, NULL));
    assert_true(blob_folder_remove(fixture->options.blobs, record.sha256, NULL));
    change_model(fixture);
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    struct reindex_progress progress = progress_of(fixture);
    assert_int_equal(progress.state, REINDEX_COMPLETE);
    assert_int_equal(progress.failed, 1);
    assert_int_equal(progress.total - progress.done, 1);
    assert_active(fixture, OWN);
    assert_true(search_red(fixture->service, PICTURES));
    assert_true(vectors_in(fixture, FORMER) > 0);  // not all have moved

    assert_true(service_delete_image(fixture->service, lost.record.id, NULL));
    change_model(fixture);
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    assert_int_equal(vectors_in(fixture, FORMER), 0);
}

static void without_the_former_model_the_new_space_is_used_at_once(void **state) {
    struct service_fixture *fixture = *state;
    upload_formerly(fixture);
    service_fixture_restart(fixture);
    (void)upload_colour(fixture, 255, 0, 0);  // known, but not in the space that searches use
    assert_true(search_red(fixture->service, 1));
    assert_int_equal(vectors_in(fixture, OWN), 1);
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    assert_true(search_red(fixture->service, PICTURES));
    assert_all_are_of(fixture, OWN);
}

static void a_worse_model_replaces_nothing(void **state) {
    struct service_fixture *fixture = *state;
    upload_formerly(fixture);
    (void)snprintf(fake_engine.info.embedding_model, MODEL_NAME_SIZE, "imgrouter-demo-clip@1");
    change_model(fixture);
    (void)upload_colour(fixture, 255, 0, 9);
    atomic_store(&fake_engine.embed_calls, 0);
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    struct reindex_progress progress = progress_of(fixture);
    assert_int_equal(progress.state, REINDEX_HELD);
    assert_int_equal(progress.done, 1);
    assert_int_equal(progress.total, PICTURES + 1);
    assert_int_equal(atomic_load(&fake_engine.embed_calls), 0);
    assert_int_equal(opened, 0);
    assert_active(fixture, FORMER);
    assert_int_equal(vectors_in(fixture, FORMER), PICTURES);

    // The better one is back: it sees what came meanwhile, and the worse one's vectors go.
    fixture->options.engine = fake_former();
    service_fixture_restart(fixture);
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    assert_all_are_of(fixture, FORMER);
    assert_int_equal(vectors_in(fixture, "imgrouter-demo-clip@1"), 0);
}

// As versions left it that kept no active space.
static void the_space_of_most_pictures_counts_where_none_was_chosen(void **state) {
    struct service_fixture *fixture = *state;
    struct store *store = fixture->options.store;
    upload_formerly(fixture);
    assert_true(store->operations->set_active_space(store, "", NULL));
    change_model(fixture);
    assert_false(search_red(fixture->service, PICTURES));
    assert_int_equal(opened, 1);
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    assert_active(fixture, OWN);
}

// Another server on the same store is faster: this one is held up with its first pictures.
static void searches_follow_another_server(void **state) {
    struct service_fixture *fixture = *state;
    struct store *store = fixture->options.store;
    upload_formerly(fixture);
    change_model(fixture);
    atomic_store(&fake_engine.is_blocked, true);
    assert_true(service_reindex_start(fixture->service, NULL));
    while (atomic_load(&fake_engine.embed_calls) == 0) pause_ms(1);
    assert_true(store->operations->set_active_space(store, OWN, NULL));
    assert_true(progress_of(fixture).is_from_searched);
    atomic_store(&fake_engine.is_blocked, false);
    await_state(fixture, REINDEX_COMPLETE);
    assert_true(search_red(fixture->service, PICTURES));
    assert_int_equal(atomic_load(&fake_engines_destroyed), 1);
}

// Others may still search the former vectors, or be making those of a newer model.
static void vectors_on_a_shared_store_go_late(void **state) {
    struct service_fixture *fixture = *state;
    upload_formerly(fixture);
    whole = fixture->options.store->operations;
    struct store_operations shared = *whole;
    shared.is_shared = true;
    fixture->options.store->operations = &shared;
    change_model(fixture);
    assert_true(service_reindex_start(fixture->service, NULL));
    await_state(fixture, REINDEX_COMPLETE);
    assert_true(search_red(fixture->service, PICTURES));
    assert_int_equal(vectors_in(fixture, FORMER), PICTURES);
    change_model(fixture);
    assert_true(service_reindex_run(fixture->service, NULL, NULL, NULL));
    assert_int_equal(vectors_in(fixture, FORMER), PICTURES);
    fixture->options.store->operations = whole;
}

int main(void) {
#define CHANGE_TEST(test) \
    cmocka_unit_test_setup_teardown(test, service_fixture_setup, service_fixture_teardown)
    const struct CMUnitTest tests[] = {
        CHANGE_TEST(searches_use_the_former_space_until_all_have_moved),
        CHANGE_TEST(searches_and_uploads_meanwhile_change_over_at_once),
        CHANGE_TEST(uploads_meanwhile_are_found_at_once_in_both),
        CHANGE_TEST(work_goes_on_where_it_was_interrupted),
        CHANGE_TEST(work_waits_for_a_store_that_is_away),
        CHANGE_TEST(work_stops_fast_and_waits_for_the_queue),
        CHANGE_TEST(lost_bytes_hold_nothing_up),
        CHANGE_TEST(without_the_former_model_the_new_space_is_used_at_once),
        CHANGE_TEST(a_worse_model_replaces_nothing),
        CHANGE_TEST(the_space_of_most_pictures_counts_where_none_was_chosen),
        CHANGE_TEST(searches_follow_another_server),
        CHANGE_TEST(vectors_on_a_shared_store_go_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
