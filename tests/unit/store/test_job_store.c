// Accepted uploads: their order, their end, and that neither they nor their bytes are lost.
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/job_store.h"
#include "store_fixture.h"

enum { MANY = 1000 };

static int setup(void **state) {
    struct test_folder *folder = memory_alloc(sizeof *folder);
    test_folder_create(folder);
    *state = folder;
    return 0;
}

static int teardown(void **state) {
    test_folder_destroy(*state);
    memory_free(*state);
    return 0;
}

static struct job_store *open_store(void **state) {
    const struct test_folder *folder = *state;
    struct error err = {0};
    struct job_store *store = job_store_open(folder->path, &err);
    if (store == NULL) fail_msg("%s", err.text);
    return store;
}

static struct job add(struct job_store *store, bool is_bulk, const char *bytes) {
    struct job job = {.is_bulk = is_bulk, .quality = 2, .file_name = "cat.png"};
    struct error err = {0};
    if (!job_store_add(store, &job, bytes, strlen(bytes), MANY, &err)) fail_msg("%s", err.text);
    assert_int_equal(strlen(job.id), 32);
    assert_true(job.sequence > 0);
    return job;
}

// The bytes of the next job, which are then taken; NULL: there is none.
static char *take(struct job_store *store, int64_t *taken, size_t *count, struct job *job) {
    struct error err = {0};
    char *bytes;
    size_t size;
    bool is_found;
    int64_t next_ms;
    if (!job_store_next(store, taken, *count, job, &bytes, &size, &is_found, &next_ms, &err))
        fail_msg("%s", err.text);
    if (!is_found) return NULL;
    taken[(*count)++] = job->sequence;
    bytes[size] = '\0';  // there is one more, for this
    return bytes;
}

static void expect_next(struct job_store *store, int64_t *taken, size_t *count,
                        const char *expected) {
    struct job job;
    char *bytes = take(store, taken, count, &job);
    if (expected == NULL)
        assert_null(bytes);
    else
        assert_string_equal(bytes, expected);
    memory_free(bytes);
}

static void test_interactive_ones_come_first(void **state) {
    struct job_store *store = open_store(state);
    int64_t taken[8];
    size_t count = 0;
    (void)add(store, true, "bulk 1");
    (void)add(store, true, "bulk 2");
    (void)add(store, false, "now 1");
    expect_next(store, taken, &count, "now 1");
    (void)add(store, false, "now 2");
    expect_next(store, taken, &count, "now 2");
    expect_next(store, taken, &count, "bulk 1");
    expect_next(store, taken, &count, "bulk 2");
    expect_next(store, taken, &count, NULL);
    job_store_close(store);
}

static void test_what_was_asked_is_kept(void **state) {
    struct job_store *store = open_store(state);
    struct error err = {0};
    struct job job = {.quality = 1,
                      .url = "https://example.org/a.png",
                      .trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
    struct job found;
    char *bytes;
    size_t size;
    bool is_found;
    int64_t next_ms;
    assert_true(job_store_add(store, &job, NULL, 0, MANY, &err));
    job_store_close(store);
    store = open_store(state);
    assert_true(job_store_next(store, NULL, 0, &found, &bytes, &size, &is_found, &next_ms, &err));
    assert_true(is_found);
    assert_null(bytes);
    assert_string_equal(found.id, job.id);
    assert_string_equal(found.url, job.url);
    assert_string_equal(found.trace_parent, job.trace_parent);
    assert_int_equal(found.quality, 1);
    assert_int_equal(found.created_ms, job.created_ms);
    assert_false(found.is_bulk);
    assert_int_equal(found.state, JOB_QUEUED);
    job_store_close(store);
}

static void test_an_end_is_kept_and_the_bytes_go(void **state) {
    struct job_store *store = open_store(state);
    struct error err = {0};
    struct job done = add(store, true, "a"), failed = add(store, true, "b"), found;
    int64_t taken[2];
    size_t count = 0;
    done.state = JOB_DONE;
    done.finished_ms = clock_utc_ms();
    done.started_ms = done.finished_ms - 5;
    done.was_known = true;
    (void)snprintf(done.image_id, sizeof done.image_id, "0011223344556677");
    assert_true(job_store_finish(store, &done, &err));
    failed.state = JOB_FAILED;
    failed.attempts = 3;
    failed.finished_ms = clock_utc_ms();
    (void)error_set(&failed.problem, ERROR_TIMEOUT, "no answer");
    assert_true(job_store_finish(store, &failed, &err));
    expect_next(store, taken, &count, NULL);
    job_store_close(store);
    store = open_store(state);
    assert_true(job_store_get(store, done.id, &found, &err));
    assert_int_equal(found.state, JOB_DONE);
    assert_true(found.was_known);
    assert_string_equal(found.image_id, done.image_id);
    assert_int_equal(found.started_ms, done.started_ms);
    assert_int_equal(found.problem.kind, ERROR_NONE);
    assert_true(job_store_get(store, failed.id, &found, &err));
    assert_int_equal(found.state, JOB_FAILED);
    assert_int_equal(found.attempts, 3);
    assert_int_equal(found.problem.kind, ERROR_TIMEOUT);
    assert_string_equal(found.problem.text, "no answer");
    job_store_close(store);
}

static void test_the_bytes_are_given_back_to_the_disk(void **state) {
    const struct test_folder *folder = *state;
    struct job_store *store = open_store(state);
    struct error err = {0};
    char path[512];
    struct stat info;
    size_t size = 1 << 20;
    char *bytes = memory_alloc(size);
    for (int i = 0; i < 8; i++) {
        struct job job = {.is_bulk = true};
        assert_true(job_store_add(store, &job, bytes, size, MANY, &err));
        job.state = JOB_FAILED;
        job.finished_ms = clock_utc_ms();
        assert_true(job_store_finish(store, &job, &err));
    }
    memory_free(bytes);
    job_store_close(store);
    store = open_store(state);  // what is old goes, and what is free
    job_store_close(store);
    (void)snprintf(path, sizeof path, "%s/jobs.db", folder->path);
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_size < (1 << 18));
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void test_a_pause_is_kept(void **state) {
    struct job_store *store = open_store(state);
    struct error err = {0};
    struct job job = add(store, true, "a"), found;
    char *bytes;
    size_t size;
    bool is_found;
    int64_t next_ms, later = clock_utc_ms() + 60000;
    job.attempts = 2;
    assert_true(job_store_postpone(store, &job, later, &err));
    job_store_close(store);
    store = open_store(state);
    assert_true(job_store_next(store, NULL, 0, &found, &bytes, &size, &is_found, &next_ms, &err));
    assert_false(is_found);
    assert_int_equal(next_ms, later);
    assert_true(job_store_postpone(store, &job, clock_utc_ms() - 1, &err));
    int64_t taken[1];
    size_t count = 0;
    bytes = take(store, taken, &count, &found);
    assert_string_equal(bytes, "a");
    assert_int_equal(found.attempts, 2);
    memory_free(bytes);
    job_store_close(store);
}

static void test_so_many_may_wait(void **state) {
    struct job_store *store = open_store(state);
    struct error err = {0};
    struct job job = {.is_bulk = true};
    struct job first = add(store, true, "a");
    (void)add(store, true, "b");
    assert_false(job_store_add(store, &job, "c", 1, 2, &err));
    assert_int_equal(err.kind, ERROR_OVERLOADED);
    error_clear(&err);
    assert_int_equal(job_store_waiting(store), 2);
    assert_true(job_store_remove(store, first.id, &err));
    assert_true(job_store_add(store, &job, "c", 1, 2, &err));
    assert_int_equal(job_store_waiting(store), 2);
    job.state = JOB_DONE;
    job.finished_ms = clock_utc_ms();
    assert_true(job_store_finish(store, &job, &err));
    assert_int_equal(job_store_waiting(store), 1);
    assert_true(job_store_remove(store, job.id, &err));  // it was over already
    assert_int_equal(job_store_waiting(store), 1);
    job_store_close(store);
    store = open_store(state);
    assert_int_equal(job_store_waiting(store), 1);
    job_store_close(store);
}

static void test_removed_ones_are_gone(void **state) {
    struct job_store *store = open_store(state);
    struct error err = {0};
    struct job job = add(store, true, "a"), found;
    int64_t taken[1];
    size_t count = 0;
    assert_true(job_store_remove(store, job.id, &err));
    expect_next(store, taken, &count, NULL);
    assert_false(job_store_get(store, job.id, &found, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    error_clear(&err);
    assert_false(job_store_remove(store, job.id, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    job_store_close(store);
}

static void test_lists_are_newest_first(void **state) {
    struct job_store *store = open_store(state);
    struct error err = {0};
    struct job jobs[3] = {add(store, true, "a"), add(store, false, "b"), add(store, true, "c")};
    struct job found[3];
    size_t count;
    jobs[1].state = JOB_DONE;
    jobs[1].finished_ms = clock_utc_ms();
    assert_true(job_store_finish(store, &jobs[1], &err));
    assert_true(job_store_list(store, JOB_STATE_COUNT, 3, found, &count, &err));
    assert_int_equal(count, 3);
    for (int i = 0; i < 3; i++) assert_string_equal(found[i].id, jobs[2 - i].id);
    assert_true(job_store_list(store, JOB_QUEUED, 1, found, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(found[0].id, jobs[2].id);
    assert_true(job_store_list(store, JOB_DONE, 3, found, &count, &err));
    assert_int_equal(count, 1);
    job_store_close(store);
}

static void test_old_ones_are_forgotten(void **state) {
    struct job_store *store = open_store(state);
    struct error err = {0};
    struct job old = add(store, true, "a"), fresh = add(store, true, "b"), found;
    struct job waiting = add(store, true, "c");
    old.state = fresh.state = JOB_DONE;
    fresh.finished_ms = clock_utc_ms();
    old.finished_ms = fresh.finished_ms - (JOBS_KEPT_DAYS * 24LL + 1) * 3600 * 1000;
    assert_true(job_store_finish(store, &old, &err) && job_store_finish(store, &fresh, &err));
    job_store_close(store);
    store = open_store(state);
    assert_false(job_store_get(store, old.id, &found, NULL));
    assert_true(job_store_get(store, fresh.id, &found, &err));
    assert_true(job_store_get(store, waiting.id, &found, &err));
    job_store_close(store);
}

static void test_one_process_at_a_time(void **state) {
    const struct test_folder *folder = *state;
    struct job_store *store = open_store(state);
    struct error err = {0};
    assert_null(job_store_open(folder->path, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    job_store_close(store);
    store = open_store(state);
    job_store_close(store);
}

static void test_files_of_others_are_kept(void **state) {
    const struct test_folder *folder = *state;
    char path[512];
    sqlite3 *database;
    struct error err = {0};
    (void)snprintf(path, sizeof path, "%s/jobs.db", folder->path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "CREATE TABLE theirs (a)", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    assert_null(job_store_open(folder->path, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    assert_non_null(strstr(err.text, "another program"));
}

// What was told to be accepted is there, whenever the process ends.
static void test_accepted_ones_survive_a_kill(void **state) {
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct job_store *store = open_store(state);
        for (;;) {
            struct job job = add(store, true, "picture");
            if (write(told[1], job.id, JOB_ID_SIZE) != JOB_ID_SIZE) _exit(1);
        }
    }
    (void)close(told[1]);
    char ids[50][JOB_ID_SIZE];
    for (int i = 0; i < 50; i++) assert_int_equal(read(told[0], ids[i], JOB_ID_SIZE), JOB_ID_SIZE);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    (void)close(told[0]);
    struct job_store *store = open_store(state);
    struct error err = {0};
    struct job found;
    for (int i = 0; i < 50; i++)
        if (!job_store_get(store, ids[i], &found, &err)) fail_msg("%s", err.text);
    int64_t taken[1];
    size_t count = 0;
    expect_next(store, taken, &count, "picture");
    job_store_close(store);
}

int main(void) {
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_interactive_ones_come_first),
        WITH_FOLDER(test_what_was_asked_is_kept),
        WITH_FOLDER(test_an_end_is_kept_and_the_bytes_go),
        WITH_FOLDER(test_the_bytes_are_given_back_to_the_disk),
        WITH_FOLDER(test_a_pause_is_kept),
        WITH_FOLDER(test_so_many_may_wait),
        WITH_FOLDER(test_removed_ones_are_gone),
        WITH_FOLDER(test_lists_are_newest_first),
        WITH_FOLDER(test_old_ones_are_forgotten),
        WITH_FOLDER(test_one_process_at_a_time),
        WITH_FOLDER(test_files_of_others_are_kept),
        WITH_FOLDER(test_accepted_ones_survive_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
