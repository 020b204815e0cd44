// What the SQLite store does when the world is not as it should be: it refuses with a sentence,
// keeps the file, and goes on working when the cause is gone.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "store_fixture.h"

static int setup(void **state) {
    struct test_folder *folder = memory_alloc(sizeof *folder);
    test_folder_create(folder);
    *state = folder;
    return 0;
}

static int teardown(void **state) {
    memory_fail_nth(0, false);
    test_folder_destroy(*state);
    memory_free(*state);
    return 0;
}

static struct store *open_store(const struct test_folder *folder) {
    struct error err = {0};
    struct store *store = sqlite_store_create(folder->path, &err);
    if (store == NULL) fail_msg("%s", err.text);
    return store;
}

static void fill(const struct test_folder *folder, unsigned count) {
    struct store *store = open_store(folder);
    for (unsigned i = 0; i < count; i++) put_sample(store, i);
    store->operations->destroy(store);
}

// Opening fails with a sentence about `word`, and the file has the same bytes as before.
static void assert_refused_and_kept(const struct test_folder *folder, const char *word) {
    const char *path = test_folder_path(folder, "imgrouter.db");
    size_t before_size, after_size;
    char *before = file_read_create(path, 64 << 20, &before_size, NULL);
    assert_non_null(before);
    struct error err = {0};
    assert_null(sqlite_store_create(folder->path, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    if (strstr(err.text, word) == NULL) fail_msg("\"%s\" does not say \"%s\"", err.text, word);
    if (strstr(err.text, "imgrouter.db") == NULL) fail_msg("\"%s\" names no file", err.text);
    char *after = file_read_create(path, 64 << 20, &after_size, NULL);
    assert_non_null(after);
    assert_int_equal(after_size, before_size);
    assert_memory_equal(after, before, before_size);
    memory_free(before);
    memory_free(after);
}

static void write_database(const struct test_folder *folder, const void *bytes, size_t size) {
    assert_true(file_write_atomic(test_folder_path(folder, "imgrouter.db"), bytes, size, NULL));
}

static void no_database_is_refused(void **state) {
    char text[4096];
    memset(text, 'x', sizeof text);
    const size_t sizes[] = {2, 99, 100, 511, 512, sizeof text};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        write_database(*state, text, sizes[i]);
        assert_refused_and_kept(*state, "damaged");
    }
}

static void empty_file_is_a_new_database(void **state) {
    write_database(*state, "", 0);
    fill(*state, 1);
}

static void run_sql(const struct test_folder *folder, const char *sql) {
    sqlite3 *database;
    assert_int_equal(sqlite3_open(test_folder_path(folder, "imgrouter.db"), &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static void database_of_another_program_is_refused(void **state) {
    run_sql(*state, "CREATE TABLE images (name TEXT)");
    assert_refused_and_kept(*state, "another program");
}

static void newer_schema_is_refused(void **state) {
    fill(*state, 3);
    run_sql(*state, "PRAGMA user_version = 9999");
    assert_refused_and_kept(*state, "9999");
    run_sql(*state, "PRAGMA user_version = -1");
    assert_refused_and_kept(*state, "-1");
}

// Every page in turn is overwritten: the store refuses to start, or answers without a crash.
static void damaged_pages_never_crash(void **state) {
    enum { IMAGES = 60, PAGE_SIZE = 4096 };
    log_configure(LOG_OFF, LOG_FORMAT_AUTO);
    fill(*state, IMAGES);
    size_t size, refused = 0, failed = 0;
    char *whole = file_read_create(test_folder_path(*state, "imgrouter.db"), 64 << 20, &size, NULL);
    assert_non_null(whole);
    for (size_t at = 0; at < size; at += PAGE_SIZE) {
        char *damaged = memory_try(size);
        assert_non_null(damaged);
        memcpy(damaged, whole, size);
        for (size_t i = 0; i < PAGE_SIZE; i++) damaged[at + i] = (char)(i * 37 + at / PAGE_SIZE);
        write_database(*state, damaged, size);
        memory_free(damaged);
        struct error err = {0};
        struct store *store = sqlite_store_create(((struct test_folder *)*state)->path, &err);
        if (store == NULL) {
            assert_int_equal(err.kind, ERROR_STORAGE);
            refused++;
            continue;
        }
        for (unsigned i = 0; i < IMAGES; i++) {
            struct image_record found, expected = sample_record(i);
            error_clear(&err);
            if (store->operations->get(store, expected.id, &found, &err)) continue;
            assert_true(err.kind == ERROR_STORAGE || err.kind == ERROR_NOT_FOUND);
            failed++;
        }
        store->operations->destroy(store);
    }
    memory_free(whole);
    log_configure(LOG_INFO, LOG_FORMAT_AUTO);
    assert_true(refused >= 2);  // the first page, and vectors
    assert_true(failed >= 1);   // records
}

static void second_store_is_refused(void **state) {
    struct store *first = open_store(*state);
    struct error err = {0};
    assert_null(sqlite_store_create(((struct test_folder *)*state)->path, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "another imgrouter"));
    assert_true(put_sample(first, 1));
    first->operations->destroy(first);
    fill(*state, 1);  // the lock went with it
}

// A command looks while the server writes: it sees what is committed and changes nothing.
static void a_reader_works_beside_a_writer(void **state) {
    const struct test_folder *folder = *state;
    struct error err = {0};
    assert_null(sqlite_store_create_reader(folder->path, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_false(file_exists(test_folder_path(folder, "imgrouter.db")));
    write_database(folder, "", 0);  // a server that died as it made the file
    error_clear(&err);
    assert_null(sqlite_store_create_reader(folder->path, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);

    struct store *server = open_store(folder);
    put_sample(server, 1);
    error_clear(&err);
    struct store *reader = sqlite_store_create_reader(folder->path, &err);
    if (reader == NULL) fail_msg("%s", err.text);
    put_sample(server, 2);
    struct image_record found, record = sample_record(3);
    struct store_match match;
    float vector[SAMPLE_WIDTH];
    size_t count;
    bool was_new;
    assert_true(reader->operations->get(reader, sample_id(2), &found, &err));
    sample_vector(1, vector);
    assert_true(search_nearest(reader, "space", vector, SAMPLE_WIDTH, 1, &match, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(match.record.id, sample_id(1));
    assert_false(reader->operations->put(reader, &record, vector, SAMPLE_WIDTH, &was_new, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    error_clear(&err);
    assert_false(reader->operations->remove(reader, sample_id(1), &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    reader->operations->destroy(reader);
    assert_true(put_sample(server, 3));
    server->operations->destroy(server);
}

static void unusable_folders_are_refused(void **state) {
    const struct test_folder *folder = *state;
    struct error err = {0};
    assert_true(file_write_atomic(test_folder_path(folder, "file"), "x", 1, NULL));
    assert_null(sqlite_store_create(test_folder_path(folder, "file"), &err));
    assert_non_null(strstr(err.text, "folder"));
    error_clear(&err);
    assert_null(sqlite_store_create("", &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    error_clear(&err);
    char *path = memory_alloc(PATH_MAX + 1);
    memset(path, 'a', PATH_MAX);
    assert_null(sqlite_store_create(path, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    memory_free(path);
    error_clear(&err);
    assert_int_equal(mkdir(test_folder_path(folder, "imgrouter.db"), 0700), 0);
    assert_null(sqlite_store_create(folder->path, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
}

// Permissions do not bind the superuser, so a child gives that up first.
static void read_only_folder_is_refused(void **state) {
    const struct test_folder *folder = *state;
    fill(folder, 1);
    assert_int_equal(chmod(folder->path, 0555), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (getuid() == 0 && setuid(65534) != 0) _exit(77);  // 65534: nobody
        struct error err = {0};
        struct store *store = sqlite_store_create(folder->path, &err);
        _exit(store == NULL && err.kind == ERROR_STORAGE && strstr(err.text, "writable") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(folder->path, 0700), 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void database_is_private(void **state) {
    struct store *store = open_store(*state);
    put_sample(store, 1);
    const char *names[] = {"imgrouter.db", "imgrouter.db-wal", "imgrouter.lock"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct stat status;
        assert_int_equal(stat(test_folder_path(*state, names[i]), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
    store->operations->destroy(store);
}

// Each allocation fails in turn, once and from there on. After each: the right error, nothing half
// done, and the same call works.
static void running_out_of_memory_changes_nothing(void **state) {
    struct store *store = open_store(*state);
    unsigned number = 0;
    put_sample(store, number++);
    for (int is_sticky = 0; is_sticky < 2; is_sticky++) {
        bool was_whole = false;
        for (long nth = 1; !was_whole; nth++) {
            assert_true(nth < 100);
            struct image_record record = sample_record(number), found;
            float vector[SAMPLE_WIDTH];
            bool was_new;
            struct error err = {0};
            sample_vector(number, vector);
            if (nth % 2 == 0)  // a space of its own needs more memory
                (void)snprintf(record.embedding_model, sizeof record.embedding_model, "space %u",
                               number);
            memory_fail_nth(nth, is_sticky);
            bool is_put =
                store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, &err);
            memory_fail_nth(0, false);
            was_whole = is_put && nth > 8;
            if (!is_put) {
                assert_int_equal(err.kind, ERROR_INTERNAL);
                assert_false(store->operations->get(store, record.id, &found, NULL));
                error_clear(&err);
                if (!store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, &err))
                    fail_msg("%s", err.text);
                assert_true(was_new);
            }
            struct store_match match;
            size_t count;
            assert_true(search_nearest(store, record.embedding_model, vector, SAMPLE_WIDTH, 1,
                                       &match, &count, NULL));
            assert_string_equal(match.record.id, record.id);
            number++;
        }
    }
    struct store_match match;
    size_t count;
    float query[SAMPLE_WIDTH];
    struct error err = {0};
    sample_vector(0, query);
    memory_fail_nth(1, false);
    assert_false(search_nearest(store, "space", query, SAMPLE_WIDTH, 1, &match, &count, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_true(search_nearest(store, "space", query, SAMPLE_WIDTH, 1, &match, &count, NULL));
    assert_true(store->operations->count(store, &count, NULL));
    assert_int_equal(count, number);
    store->operations->destroy(store);
    for (long nth = 1; nth < 6; nth++) {
        memory_fail_nth(nth, false);
        store = sqlite_store_create(((struct test_folder *)*state)->path, &err);
        memory_fail_nth(0, false);
        if (store != NULL) store->operations->destroy(store);
    }
    fill(*state, 0);
}

// A file size limit stands for a full disk: writes fail, reads go on, and with room again the
// store works as before.
static void full_disk_fails_writes_only(void **state) {
    struct store *store = open_store(*state);
    (void)signal(SIGXFSZ, SIG_IGN);
    log_configure(LOG_OFF, LOG_FORMAT_AUTO);
    put_sample(store, 0);
    struct rlimit unlimited, small = {.rlim_cur = 64 << 10};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    small.rlim_max = unlimited.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    unsigned number = 1;
    struct error err = {0};
    for (bool is_put = true; is_put && number < 1000; number += is_put) {
        struct image_record record = sample_record(number);
        float vector[SAMPLE_WIDTH];
        bool was_new;
        sample_vector(number, vector);
        is_put = store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, &err);
    }
    struct image_record found;
    bool reads_go_on = store->operations->get(store, sample_id(0), &found, NULL);
    bool is_removed = store->operations->remove(store, sample_id(0), NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    log_configure(LOG_INFO, LOG_FORMAT_AUTO);
    assert_true(number < 1000);
    assert_int_equal(err.kind, ERROR_STORAGE);
    assert_true(reads_go_on);
    if (is_removed) assert_true(put_sample(store, 0));

    for (int round = 0; round < 2; round++) {
        size_t count;
        assert_true(store->operations->count(store, &count, NULL));
        assert_int_equal(count, number + (unsigned)round);
        if (round == 0) assert_true(put_sample(store, number));
        store->operations->destroy(store);
        store = open_store(*state);
    }
    store->operations->destroy(store);
}

// Another program that holds the database, as a backup does, delays a write; it does not break it.
static void a_held_database_is_waited_for(void **state) {
    struct store *store = open_store(*state);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(test_folder_path(*state, "imgrouter.db"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct image_record record = sample_record(1);
    float vector[SAMPLE_WIDTH] = {1};
    bool was_new;
    struct error err = {0};
    assert_false(store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, &err));
    assert_int_equal(err.kind, ERROR_OVERLOADED);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_true(put_sample(store, 1));
    store->operations->destroy(store);
}

int main(void) {
#define FAULT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        FAULT_TEST(no_database_is_refused),
        FAULT_TEST(empty_file_is_a_new_database),
        FAULT_TEST(database_of_another_program_is_refused),
        FAULT_TEST(newer_schema_is_refused),
        FAULT_TEST(damaged_pages_never_crash),
        FAULT_TEST(second_store_is_refused),
        FAULT_TEST(a_reader_works_beside_a_writer),
        FAULT_TEST(unusable_folders_are_refused),
        FAULT_TEST(read_only_folder_is_refused),
        FAULT_TEST(database_is_private),
        FAULT_TEST(running_out_of_memory_changes_nothing),
        FAULT_TEST(full_disk_fails_writes_only),
        FAULT_TEST(a_held_database_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
