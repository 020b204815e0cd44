// Puts, searches, listings and removals at the same time: every answer is whole, and what stays
// is what was put and not removed. Meant for ThreadSanitizer as well.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "contract.h"

enum { WRITERS = 3, SEARCHERS = 6, IMAGES_A_WRITER = 60, K = 10 };

struct work {
    struct store *store;
    atomic_bool is_over;
    atomic_int failures;  // cmocka's assertions belong to the main thread only
    atomic_int searches;
};

struct writer {
    struct work *work;
    unsigned first;
};

static void expect(struct work *work, bool is_true) {
    if (!is_true) atomic_fetch_add(&work->failures, 1);
}

// Puts all its images; removes every third again.
static void *write_images(void *context) {
    const struct writer *writer = context;
    struct work *work = writer->work;
    for (unsigned i = writer->first; i < writer->first + IMAGES_A_WRITER; i++) {
        struct image_record record = sample_record(i);
        float vector[SAMPLE_WIDTH];
        bool was_new = false;
        sample_vector(i, vector);
        expect(work, work->store->operations->put(work->store, &record, vector, SAMPLE_WIDTH,
                                                  &was_new, NULL));
        expect(work, was_new);
        struct store_match match;
        size_t count = 0;
        expect(work,
               search_nearest(work->store, "space", vector, SAMPLE_WIDTH, 1, &match, &count, NULL));
        expect(work, count == 1 && strcmp(match.record.id, record.id) == 0);
        if (i % 3 == 0) expect(work, work->store->operations->remove(work->store, record.id, NULL));
    }
    return NULL;
}

static void *search_images(void *context) {
    struct work *work = context;
    for (unsigned i = 0; !atomic_load(&work->is_over); i++) {
        struct store_match matches[K];
        struct image_record page[K];
        struct store_cursor cursor = {0};
        float query[SAMPLE_WIDTH];
        size_t count = 0;
        bool has_more;
        sample_vector(i, query);
        expect(work,
               search_nearest(work->store, "space", query, SAMPLE_WIDTH, K, matches, &count, NULL));
        // More than 100 images are always there: removed ones must not make an answer short.
        expect(work, count == K);
        for (size_t m = 0; m < count; m++) {
            const struct image_record *record = &matches[m].record;
            expect(work, strncmp(record->id, record->sha256, 16) == 0);
            expect(work, m == 0 || matches[m - 1].score >= matches[m].score);
        }
        expect(work, work->store->operations->list(work->store, &cursor, K, page, &count, &has_more,
                                                   NULL));
        expect(work, count == K && has_more);
        atomic_fetch_add(&work->searches, 1);
    }
    return NULL;
}

static void run(struct store *store) {
    enum { KEPT = 100 };
    for (unsigned i = 0; i < KEPT; i++) put_sample(store, i);
    struct work work = {.store = store};
    pthread_t writers[WRITERS], searchers[SEARCHERS];
    struct writer contexts[WRITERS];
    for (unsigned i = 0; i < SEARCHERS; i++)
        assert_int_equal(pthread_create(&searchers[i], NULL, search_images, &work), 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        contexts[i] = (struct writer){.work = &work, .first = 1000 * (i + 1)};
        assert_int_equal(pthread_create(&writers[i], NULL, write_images, &contexts[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) (void)pthread_join(writers[i], NULL);
    atomic_store(&work.is_over, true);
    for (unsigned i = 0; i < SEARCHERS; i++) (void)pthread_join(searchers[i], NULL);
    assert_int_equal(atomic_load(&work.failures), 0);
    assert_true(atomic_load(&work.searches) > 0);

    size_t count, expected = KEPT;
    for (unsigned i = 0; i < WRITERS; i++)
        for (unsigned j = 0; j < IMAGES_A_WRITER; j++) expected += (1000 * (i + 1) + j) % 3 != 0;
    assert_true(store->operations->count(store, &count, NULL));
    assert_int_equal(count, expected);
    store->operations->destroy(store);
}

static void with_many_threads(void **state) {
    const struct store_kind *kind = *state;
    struct test_folder folder;
    struct error err = {0};
    test_folder_create(&folder);
    if (kind->prepare != NULL) kind->prepare(folder.path);
    struct store *store = kind->open(folder.path, &err);
    if (store == NULL) fail_msg("%s", err.text);
    run(store);
    test_folder_destroy(&folder);
}

// Every kind of store that is to be had here; with an argument, that kind.
int main(int argument_count, char **arguments) {
    int result = 0;
    for (const struct store_kind *kind = store_kinds; kind->name != NULL; kind++) {
        const struct CMUnitTest tests[] = {
            {kind->name, with_many_threads, NULL, NULL, (void *)kind},
        };
        if (argument_count > 1 && strcmp(arguments[1], kind->name) != 0) continue;
        if (kind->find_obstacle == NULL || kind->find_obstacle() == NULL)
            result += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return result;
}
