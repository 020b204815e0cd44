// What is PostgreSQL's own matter: the original service's table as a vector space, its names, and
// filters against pgvector's index. On the database that IMGROUTER_TEST_DATABASE_URL names.
#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "postgres_kind.h"
#include "store/postgres_store.h"
#include "store_fixture.h"

enum { OLD = 6, MANY = 3000, RARE = 500 };

static void run_sql(const char *sql) {
    PGconn *server = PQconnectdb(getenv("IMGROUTER_TEST_DATABASE_URL"));
    PGresult *result = PQexec(server, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(server));
    PQclear(result);
    PQfinish(server);
}

static void vector_sql(unsigned number, char text[static 256]) {
    float vector[SAMPLE_WIDTH];
    sample_vector(number, vector);
    size_t used = 0;
    for (int i = 0; i < SAMPLE_WIDTH; i++)
        used += (size_t)snprintf(text + used, 256 - used, "%s%.9g", i == 0 ? "[" : ",",
                                 (double)vector[i]);
    (void)snprintf(text + used, 256 - used, "]");
}

static int setup(void **state) {
    (void)state;
    postgres_prepare(NULL);
    return 0;
}

static void make_original_table(void) {
    char sql[512], vector[256];
    run_sql(
        "CREATE EXTENSION vector; CREATE TABLE images (id varchar(64) PRIMARY KEY,"
        " caption text, embed_vector vector(8), payload json)");
    for (unsigned i = 0; i < OLD; i++) {
        vector_sql(i, vector);
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO images VALUES ('%s', 'two dögs number%u', '%s', NULL)",
                       sample_id(i), i, vector);
        run_sql(sql);
    }
}

static struct store *open_store(void) {
    struct error err = {0};
    struct store *store = postgres_open(NULL, &err);
    if (store == NULL) fail_msg("%s", err.text);
    return store;
}

static size_t count_spaces(struct store *store, const char *name, size_t *vectors) {
    struct store_space spaces[STORE_SPACES_MAX];
    size_t count;
    struct error err = {0};
    *vectors = 0;
    if (!store->operations->list_spaces(store, spaces, &count, &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++)
        if (strcmp(spaces[i].embedding_model, name) == 0) *vectors = spaces[i].count;
    return count;
}

static void original_images_are_served_as_the_chosen_models(void **state) {
    (void)state;
    make_original_table();
    struct store *store = open_store();
    const struct store_operations *operations = store->operations;
    struct image_record record;
    struct error err = {0};
    size_t count, vectors;
    assert_true(operations->get(store, sample_id(2), &record, &err));
    assert_string_equal(record.embedding_model, "original");
    assert_string_equal(record.sha256, "");
    assert_true(operations->set_active_space(store, "space", &err));
    assert_int_equal(count_spaces(store, "space", &vectors), 1);
    assert_int_equal(vectors, OLD);
    assert_true(operations->get(store, sample_id(2), &record, &err));
    assert_string_equal(record.embedding_model, "space");

    for (unsigned i = OLD; i < 2 * OLD; i++) assert_true(put_sample(store, i));
    assert_false(put_sample(store, 1));  // the same picture, though its SHA-256 was not known
    operations->destroy(store);
    store = open_store();
    float query[SAMPLE_WIDTH], found[SAMPLE_WIDTH];
    struct store_match matches[2 * OLD];
    for (unsigned i = 0; i < 2 * OLD; i++) {
        sample_vector(i, query);
        assert_true(
            search_nearest(store, "space", query, SAMPLE_WIDTH, 2 * OLD, matches, &count, &err));
        assert_int_equal(count, 2 * OLD);
        assert_string_equal(matches[0].record.id, sample_id(i));
        assert_string_equal(matches[0].record.embedding_model, "space");
        assert_true(
            operations->get_vector(store, sample_id(i), "space", found, SAMPLE_WIDTH, &err));
        assert_float_equal(found[0], query[0], 1e-6);
    }
    const char *words[] = {"DOG", "number3"};
    struct store_word_search search = {.words = words, .word_count = 2, .k = OLD};
    assert_true(operations->search_words(store, &search, matches, &count, &err));
    assert_int_equal(count, OLD);
    assert_string_equal(matches[0].record.id, sample_id(3));

    record = sample_record(0);
    assert_true(operations->replace(store, &record, query, SAMPLE_WIDTH, &err));
    assert_true(operations->remove(store, sample_id(1), &err));
    operations->destroy(store);
    store = open_store();  // and does not take it over again
    assert_false(operations->get(store, sample_id(1), &record, NULL));
    assert_true(operations->get(store, sample_id(0), &record, &err));
    assert_string_not_equal(record.sha256, "");
    assert_true(operations->count(store, &count, &err));
    assert_int_equal(count, 2 * OLD - 1);
    operations->destroy(store);
}

static void the_first_that_is_asked_for_gets_them_too(void **state) {
    (void)state;
    make_original_table();
    struct store *store = open_store();
    float query[2 * SAMPLE_WIDTH] = {1};
    struct store_match matches[OLD];
    size_t count;
    struct error err = {0};
    assert_true(search_nearest(store, "wide", query, 2 * SAMPLE_WIDTH, OLD, matches, &count, &err));
    assert_int_equal(count, 0);
    assert_true(search_nearest(store, "space", query, SAMPLE_WIDTH, OLD, matches, &count, &err));
    assert_int_equal(count, OLD);
    assert_true(search_nearest(store, "other", query, SAMPLE_WIDTH, OLD, matches, &count, &err));
    assert_int_equal(count, 0);
    store->operations->destroy(store);
}

static void a_model_of_another_width_leaves_them_alone(void **state) {
    (void)state;
    make_original_table();
    struct store *store = open_store();
    const struct store_operations *operations = store->operations;
    struct image_record record = sample_record(50);
    float vector[2 * SAMPLE_WIDTH] = {1};
    bool was_new;
    size_t vectors;
    struct error err = {0};
    assert_true(operations->set_active_space(store, "space", &err));
    assert_true(operations->put(store, &record, vector, 2 * SAMPLE_WIDTH, &was_new, &err));
    assert_int_equal(count_spaces(store, "original", &vectors), 2);
    assert_int_equal(vectors, OLD);
    (void)count_spaces(store, "space", &vectors);
    assert_int_equal(vectors, 1);
    assert_true(operations->remove_space(store, "original", &err));
    assert_int_equal(count_spaces(store, "space", &vectors), 1);
    operations->destroy(store);
    store = open_store();
    assert_true(operations->get(store, sample_id(2), &record, &err));
    operations->destroy(store);
}

static void a_rare_filter_finds_what_the_index_passes_over(void **state) {
    (void)state;
    static struct store_entry entries[STORE_BATCH_MAX];
    static float vectors[STORE_BATCH_MAX][SAMPLE_WIDTH];
    struct store *store = open_store();
    const struct store_operations *operations = store->operations;
    struct error err = {0};
    for (unsigned first = 0; first < MANY; first += STORE_BATCH_MAX) {
        for (unsigned i = 0; i < STORE_BATCH_MAX; i++) {
            entries[i] = (struct store_entry){
                .record = sample_record(first + i), .vector = vectors[i], .width = SAMPLE_WIDTH};
            if ((first + i) % RARE == 0) (void)snprintf(entries[i].record.tags, 8, "rare");
            sample_vector(first + i, vectors[i]);
        }
        if (!operations->put_many(store, entries, STORE_BATCH_MAX, &err)) fail_msg("%s", err.text);
    }
    run_sql("ANALYZE");
    const char *tags[] = {"rare"}, *ids[] = {sample_id(7)};
    for (unsigned i = 0; i < 20; i++) {
        struct store_match matches[10];
        float query[SAMPLE_WIDTH];
        size_t count;
        sample_vector(100000 + i, query);
        struct store_search search = {
            .embedding_model = "space", .query = query, .width = SAMPLE_WIDTH, .k = 10};
        assert_true(operations->search(store, &search, matches, &count, &err));
        assert_int_equal(count, 10);
        search.filter = (struct store_filter){.tags = tags, .tag_count = 1};
        assert_true(operations->search(store, &search, matches, &count, &err));
        assert_int_equal(count, MANY / RARE);
        search.filter = (struct store_filter){.ids = ids, .id_count = 1};
        assert_true(operations->search(store, &search, matches, &count, &err));
        assert_int_equal(count, 1);
    }
    operations->destroy(store);
}

static void vectors_without_a_direction_have_a_score(void **state) {
    (void)state;
    struct store *store = open_store();
    struct image_record record = sample_record(1);
    struct store_match matches[3];
    const float zero[SAMPLE_WIDTH] = {0};
    float query[SAMPLE_WIDTH];
    bool was_new;
    size_t count;
    struct error err = {0};
    put_sample(store, 2);
    assert_true(store->operations->put(store, &record, zero, SAMPLE_WIDTH, &was_new, &err));
    sample_vector(2, query);
    assert_true(search_nearest(store, "space", query, SAMPLE_WIDTH, 3, matches, &count, &err));
    assert_int_equal(count, 2);
    assert_float_equal(matches[0].score, 1, 1e-6);
    assert_true(matches[1].score == 0);
    assert_true(search_nearest(store, "space", zero, SAMPLE_WIDTH, 3, matches, &count, &err));
    assert_int_equal(count, 2);
    assert_true(matches[0].score == 0);
    store->operations->destroy(store);
}

static void tables_of_version_1_are_brought_up_to_date(void **state) {
    (void)state;
    struct image_record found, expected = sample_record(1);
    struct error err = {0};
    struct store *store = open_store();
    assert_true(put_sample(store, 1));
    store->operations->destroy(store);
    run_sql(
        "ALTER TABLE imgrouter_images DROP COLUMN receipt;"
        "DROP TABLE imgrouter_costs_days, imgrouter_costs_calls, imgrouter_costs_totals,"
        " imgrouter_costs_answers, imgrouter_costs_observations;"
        "UPDATE imgrouter_schema SET version = 1");
    store = open_store();
    assert_true(store->operations->get(store, expected.id, &found, &err));
    assert_same_record(&found, &expected);
    assert_true(put_sample(store, 2));
    expected = sample_record(2);
    assert_true(store->operations->get(store, expected.id, &found, &err));
    assert_same_record(&found, &expected);
    store->operations->destroy(store);
}

static void a_reader_only_looks(void **state) {
    (void)state;
    const char *url = getenv("IMGROUTER_TEST_DATABASE_URL");
    struct error err = {0};
    assert_null(postgres_store_create(url, true, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    error_clear(&err);
    struct store *store = open_store();
    put_sample(store, 1);
    struct store *reader = postgres_store_create(url, true, &err);
    assert_non_null(reader);
    struct image_record record;
    assert_true(reader->operations->get(reader, sample_id(1), &record, &err));
    assert_false(reader->operations->remove(reader, sample_id(1), &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    reader->operations->destroy(reader);
    store->operations->destroy(store);
}

// Every operation that takes memory for its input, with the nth piece of it refused.
static bool do_everything(struct store *store, struct error *err) {
    const char *words[] = {"cåt", "new-york"}, *tags[] = {"\"a\\"}, *ids[] = {sample_id(1)};
    struct store_match matches[4];
    float vector[SAMPLE_WIDTH], vectors[SAMPLE_WIDTH];
    struct image_record record = sample_record(1);
    struct image_change change = {.caption = "other words"};
    bool was_new, is_there;
    size_t count;
    sample_vector(1, vector);
    struct store_filter filter = {.ids = ids,
                                  .id_count = 1,
                                  .tags = tags,
                                  .tag_count = 1,
                                  .caption_words = words,
                                  .caption_word_count = 2,
                                  .without_words = words,
                                  .without_word_count = 2};
    struct store_search search = {.embedding_model = "space",
                                  .query = vector,
                                  .width = SAMPLE_WIDTH,
                                  .k = 4,
                                  .filter = filter};
    struct store_word_search word_search = {
        .words = words, .word_count = 2, .k = 4, .filter = filter};
    const struct store_operations *operations = store->operations;
    return operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, err) &&
           operations->replace(store, &record, vector, SAMPLE_WIDTH, err) &&
           operations->put_vector(store, record.id, "space", vector, SAMPLE_WIDTH, err) &&
           operations->update(store, record.id, &change, NULL, err) &&
           operations->get_vectors(store, ids, 1, "space", vectors, SAMPLE_WIDTH, &is_there, err) &&
           operations->search(store, &search, matches, &count, err) &&
           operations->search_words(store, &word_search, matches, &count, err);
}

static void running_out_of_memory_is_an_error(void **state) {
    (void)state;
    struct store *store = open_store();
    struct error err = {0};
    if (!do_everything(store, &err)) fail_msg("%s", err.text);
    long failures = 0;
    for (bool is_done = false; !is_done; failures++) {
        error_clear(&err);
        memory_fail_nth(failures + 1, false);
        is_done = do_everything(store, &err);
        memory_fail_nth(0, false);
        assert_int_equal(err.kind, is_done ? ERROR_NONE : ERROR_INTERNAL);
    }
    assert_true(failures > 20);
    store->operations->destroy(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(original_images_are_served_as_the_chosen_models, setup),
        cmocka_unit_test_setup(the_first_that_is_asked_for_gets_them_too, setup),
        cmocka_unit_test_setup(a_model_of_another_width_leaves_them_alone, setup),
        cmocka_unit_test_setup(a_rare_filter_finds_what_the_index_passes_over, setup),
        cmocka_unit_test_setup(vectors_without_a_direction_have_a_score, setup),
        cmocka_unit_test_setup(tables_of_version_1_are_brought_up_to_date, setup),
        cmocka_unit_test_setup(a_reader_only_looks, setup),
        cmocka_unit_test_setup(running_out_of_memory_is_an_error, setup),
    };
    const char *obstacle = postgres_find_obstacle();
    if (obstacle == NULL) return cmocka_run_group_tests(tests, NULL, NULL);
    print_message("skipped: %s\n", obstacle);
    return 77;
}
