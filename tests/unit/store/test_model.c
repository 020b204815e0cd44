// Random operations with random restarts, held against the store in memory. The seed is printed and
// can be given as the first argument, so that a failure can be replayed; the second is the kind of
// store, SQLite without it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "contract.h"

enum { STEPS = 3000, IMAGES = 60, MODELS = 3, PAGE = 9 };

static unsigned seed;
static const struct store_kind *kind = store_kinds;

static unsigned pick(unsigned below) { return (unsigned)rand_r(&seed) % below; }

static const char *const models[MODELS] = {"one", "two", "three"};

// The same call on both stores must give the same answer.
struct pair {
    struct store *real;
    struct store *model;
};

static void assert_same_outcome(bool real, const struct error *real_err, bool model,
                                const struct error *model_err) {
    if (real != model || real_err->kind != model_err->kind)
        fail_msg("store: %d %s; model: %d %s", real, real_err->text, model, model_err->text);
}

static void step_put(const struct pair *pair) {
    unsigned number = pick(IMAGES);
    struct image_record record = sample_record(number);
    float vector[SAMPLE_WIDTH];
    sample_vector(number, vector);
    (void)snprintf(record.embedding_model, sizeof record.embedding_model, "%s",
                   models[pick(MODELS)]);
    record.created_ms += pick(3);
    if (pick(10) == 0) record.sha256[60] = record.sha256[60] == 'a' ? 'b' : 'a';
    bool real_new, model_new;
    struct error real_err = {0}, model_err = {0};
    bool real = pair->real->operations->put(pair->real, &record, vector, SAMPLE_WIDTH, &real_new,
                                            &real_err);
    bool model = pair->model->operations->put(pair->model, &record, vector, SAMPLE_WIDTH,
                                              &model_new, &model_err);
    assert_same_outcome(real, &real_err, model, &model_err);
    assert_int_equal(real_new, model_new);
}

static void step_get(const struct pair *pair) {
    unsigned number = pick(IMAGES);
    struct image_record real_record, model_record;
    struct error real_err = {0}, model_err = {0};
    bool real = pair->real->operations->get(pair->real, sample_id(number), &real_record, &real_err);
    bool model =
        pair->model->operations->get(pair->model, sample_id(number), &model_record, &model_err);
    assert_same_outcome(real, &real_err, model, &model_err);
    if (!real) return;
    assert_same_record(&real_record, &model_record);
    float real_vector[SAMPLE_WIDTH], model_vector[SAMPLE_WIDTH];
    const char *space = models[pick(MODELS)];
    error_clear(&real_err);
    error_clear(&model_err);
    real = pair->real->operations->get_vector(pair->real, sample_id(number), space, real_vector,
                                              SAMPLE_WIDTH, &real_err);
    model = pair->model->operations->get_vector(pair->model, sample_id(number), space, model_vector,
                                                SAMPLE_WIDTH, &model_err);
    assert_same_outcome(real, &real_err, model, &model_err);
    if (real) assert_memory_equal(real_vector, model_vector, sizeof real_vector);
}

static void step_remove(const struct pair *pair) {
    unsigned number = pick(IMAGES);
    struct error real_err = {0}, model_err = {0};
    bool real = pair->real->operations->remove(pair->real, sample_id(number), &real_err);
    bool model = pair->model->operations->remove(pair->model, sample_id(number), &model_err);
    assert_same_outcome(real, &real_err, model, &model_err);
}

static void step_update(const struct pair *pair) {
    unsigned number = pick(IMAGES);
    char caption[32], tags[32];
    struct error real_err = {0}, model_err = {0};
    struct image_change change = {0};
    (void)snprintf(caption, sizeof caption, "word%u word%u", pick(4), pick(4));
    (void)snprintf(tags, sizeof tags, "tag%u\nmore%u", pick(3), pick(3));
    if (pick(2) == 0) change.caption = caption;
    if (pick(2) == 0) change.tags = pick(4) == 0 ? "" : tags;
    bool real =
        pair->real->operations->update(pair->real, sample_id(number), &change, NULL, &real_err);
    bool model =
        pair->model->operations->update(pair->model, sample_id(number), &change, NULL, &model_err);
    assert_same_outcome(real, &real_err, model, &model_err);
}

static void step_put_vector(const struct pair *pair) {
    unsigned number = pick(IMAGES);
    float vector[SAMPLE_WIDTH];
    struct error real_err = {0}, model_err = {0};
    const char *space = models[pick(MODELS)];
    sample_vector(number + pick(1000), vector);
    bool real = pair->real->operations->put_vector(pair->real, sample_id(number), space, vector,
                                                   SAMPLE_WIDTH, &real_err);
    bool model = pair->model->operations->put_vector(pair->model, sample_id(number), space, vector,
                                                     SAMPLE_WIDTH, &model_err);
    assert_same_outcome(real, &real_err, model, &model_err);
}

static void step_search_words(const struct pair *pair) {
    static struct store_match real[IMAGES], model[IMAGES];
    char word[16], tag[16], without[16];
    (void)snprintf(word, sizeof word, "word%u", pick(4));
    (void)snprintf(tag, sizeof tag, "tag%u", pick(3));
    (void)snprintf(without, sizeof without, "word%u", pick(4));
    const char *words[] = {word}, *tags[] = {tag}, *others[] = {without};
    struct store_word_search search = {.words = words, .word_count = 1, .k = IMAGES};
    if (pick(2) == 0) search.filter = (struct store_filter){.tags = tags, .tag_count = 1};
    if (pick(2) == 0) {
        search.filter.without_words = others;
        search.filter.without_word_count = 1;
    }
    size_t real_count, model_count;
    assert_true(pair->real->operations->search_words(pair->real, &search, real, &real_count, NULL));
    assert_true(
        pair->model->operations->search_words(pair->model, &search, model, &model_count, NULL));
    assert_int_equal(real_count, model_count);
    for (size_t i = 0; i < real_count; i++) {  // in any order: their scores differ
        size_t j = 0;
        while (j < model_count && strcmp(real[i].record.id, model[j].record.id) != 0) j++;
        assert_true(j < model_count);
    }
}

static void step_search_hash(const struct pair *pair) {
    static struct store_match real[IMAGES], model[IMAGES];
    size_t real_count, model_count;
    uint64_t hash = sample_hash(pick(IMAGES)) ^ (1ULL << pick(64));
    assert_true(pair->real->operations->search_hash(pair->real, hash, PERCEPTUAL_DISTANCE_MAX,
                                                    IMAGES, real, &real_count, NULL));
    assert_true(pair->model->operations->search_hash(pair->model, hash, PERCEPTUAL_DISTANCE_MAX,
                                                     IMAGES, model, &model_count, NULL));
    assert_int_equal(real_count, model_count);
    for (size_t i = 0; i < real_count; i++)
        assert_string_equal(real[i].record.id, model[i].record.id);
}

static void step_search(const struct pair *pair) {
    static struct store_match real[IMAGES], model[IMAGES];
    float query[SAMPLE_WIDTH];
    size_t real_count, model_count, k = 1 + pick(IMAGES);
    const char *space = models[pick(MODELS)];
    sample_vector(pick(1000), query);
    assert_true(search_nearest(pair->real, space, query, SAMPLE_WIDTH, k, real, &real_count, NULL));
    assert_true(
        search_nearest(pair->model, space, query, SAMPLE_WIDTH, k, model, &model_count, NULL));
    assert_int_equal(real_count, model_count);
    // Sample vectors differ, so equal ranks mean equal images up to rounding of near ties.
    for (size_t i = 0; i < real_count; i++) {
        assert_float_equal(real[i].score, model[i].score, 1e-5);
    }
}

static void step_list(const struct pair *pair) {
    static struct image_record real[PAGE], model[PAGE];
    struct store_cursor real_cursor = {0}, model_cursor = {0};
    size_t real_count, model_count, limit = 1 + pick(PAGE);
    bool real_more = true, model_more = true;
    while (real_more) {
        assert_true(pair->real->operations->list(pair->real, &real_cursor, limit, real, &real_count,
                                                 &real_more, NULL));
        assert_true(pair->model->operations->list(pair->model, &model_cursor, limit, model,
                                                  &model_count, &model_more, NULL));
        assert_int_equal(real_count, model_count);
        assert_int_equal(real_more, model_more);
        for (size_t i = 0; i < real_count; i++) assert_same_record(&real[i], &model[i]);
    }
}

static void random_operations_match_the_model(void **state) {
    (void)state;
    struct test_folder folder;
    test_folder_create(&folder);
    struct error err = {0};
    if (kind->prepare != NULL) kind->prepare(folder.path);
    struct pair pair = {.real = kind->open(folder.path, &err), .model = memory_store_create()};
    if (pair.real == NULL) fail_msg("%s", err.text);
    static void (*const steps[])(const struct pair *) = {
        step_put,        step_put,          step_put,         step_get,    step_remove, step_update,
        step_put_vector, step_search_words, step_search_hash, step_search, step_list};
    for (int i = 0; i < STEPS; i++) {
        steps[pick(sizeof steps / sizeof steps[0])](&pair);
        if (pick(100) != 0) continue;
        pair.real->operations->destroy(pair.real);
        pair.real = kind->open(folder.path, &err);
        if (pair.real == NULL) fail_msg("restart at step %d: %s", i, err.text);
    }
    size_t real_count, model_count;
    assert_true(pair.real->operations->count(pair.real, &real_count, NULL));
    assert_true(pair.model->operations->count(pair.model, &model_count, NULL));
    assert_int_equal(real_count, model_count);
    pair.real->operations->destroy(pair.real);
    pair.model->operations->destroy(pair.model);
    test_folder_destroy(&folder);
}

int main(int argument_count, char **arguments) {
    seed = argument_count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : (unsigned)time(NULL);
    while (argument_count > 2 && kind->name != NULL && strcmp(kind->name, arguments[2]) != 0)
        kind++;
    if (kind->name == NULL) return 1;
    print_message("seed %u\n", seed);
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_operations_match_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
