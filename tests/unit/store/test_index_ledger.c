// The ledger of `imgrouter index`: what is remembered of files, and whose files it refuses.
#include <fcntl.h>
#include <pthread.h>
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

#include "base/file.h"
#include "base/memory.h"
#include "store/index_ledger.h"
#include "store_fixture.h"

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

static struct index_ledger *open_ledger(void **state) {
    const struct test_folder *folder = *state;
    struct error err = {0};
    struct index_ledger *ledger = index_ledger_open(folder->path, &err);
    if (ledger == NULL) fail_msg("%s", err.text);
    return ledger;
}

static struct ledger_entry entry_of(const char *path, const char *reason) {
    struct ledger_entry entry = {.name_start = 1,
                                 .size_bytes = 1234,
                                 .modified_ns = 1700000000123456789,
                                 .is_done = reason == NULL,
                                 .target = "sqlite",
                                 .image_id = "0011223344556677"};
    (void)snprintf(entry.path, sizeof entry.path, "%s", path);
    if (reason != NULL) (void)snprintf(entry.reason, sizeof entry.reason, "%s", reason);
    return entry;
}

static void write_entry(struct index_ledger *ledger, const char *path, const char *reason) {
    struct ledger_entry entry = entry_of(path, reason);
    struct error err = {0};
    if (!index_ledger_write(ledger, &entry, &err)) fail_msg("%s", err.text);
}

static bool is_done(struct index_ledger *ledger, const struct ledger_entry *entry) {
    bool answer;
    struct error err = {0};
    if (!index_ledger_look_up(ledger, entry, &answer, &err)) fail_msg("%s", err.text);
    return answer;
}

static bool next_failed(struct index_ledger *ledger, struct ledger_entry *entry) {
    bool is_found;
    struct error err = {0};
    if (!index_ledger_next_failed(ledger, entry, &is_found, &err)) fail_msg("%s", err.text);
    return is_found;
}

static void done_is_what_has_not_changed(void **state) {
    struct index_ledger *ledger = open_ledger(state);
    struct ledger_entry entry = entry_of("/a/\xff picture.jpg", NULL), other;
    assert_false(is_done(ledger, &entry));
    write_entry(ledger, entry.path, NULL);
    assert_true(is_done(ledger, &entry));
    other = entry;
    other.size_bytes++;
    assert_false(is_done(ledger, &other));
    other = entry;
    other.modified_ns++;
    assert_false(is_done(ledger, &other));
    other = entry;
    (void)snprintf(other.target, sizeof other.target, "http://127.0.0.1:8001");
    assert_false(is_done(ledger, &other));  // it is here, not there
    index_ledger_close(ledger);
    ledger = open_ledger(state);
    assert_true(is_done(ledger, &entry));
    write_entry(ledger, entry.path, "it is damaged now");
    assert_false(is_done(ledger, &entry));
    write_entry(ledger, entry.path, NULL);
    assert_true(index_ledger_forget(ledger, entry.path, NULL));
    assert_false(is_done(ledger, &entry));
    index_ledger_close(ledger);
}

static void failures_are_listed_in_order_with_their_reasons(void **state) {
    struct index_ledger *ledger = open_ledger(state);
    struct ledger_entry entry = {0};
    assert_false(next_failed(ledger, &entry));
    write_entry(ledger, "/c", "the third");
    write_entry(ledger, "/a\xff", "the second");
    write_entry(ledger, "/b/done", NULL);
    write_entry(ledger, "/a", "the first");
    static const char *const expected[] = {"the first", "the second", "the third"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(next_failed(ledger, &entry));
        assert_string_equal(entry.reason, expected[i]);
        assert_int_equal(entry.size_bytes, 1234);
        assert_int_equal(entry.name_start, 1);
        assert_string_equal(entry.target, "sqlite");
        // What is written meanwhile does not disturb the list.
        write_entry(ledger, entry.path, "again");
    }
    assert_string_equal(entry.path, "/c");
    assert_false(next_failed(ledger, &entry));
    index_ledger_close(ledger);
}

static char *ledger_path(void **state) {
    return memory_copy_text(test_folder_path(*state, "index-ledger.db"));
}

static void execute(const char *path, const char *sql) {
    sqlite3 *database;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(database);
}

static void assert_refused(void **state, const char *word) {
    const struct test_folder *folder = *state;
    char *path = ledger_path(state);
    size_t size, size_after;
    struct error err = {0};
    char *before = file_read_create(path, 1 << 20, &size, NULL);
    assert_null(index_ledger_open(folder->path, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    if (strstr(err.text, word) == NULL) fail_msg("%s", err.text);
    assert_non_null(strstr(err.text, "index-ledger.db"));
    char *after = file_read_create(path, 1 << 20, &size_after, NULL);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    memory_free(before);
    memory_free(after);
    memory_free(path);
}

static void files_of_others_are_refused_and_kept(void **state) {
    char *path = ledger_path(state);
    execute(path, "CREATE TABLE notes (text)");
    assert_refused(state, "another program");
    (void)unlink(path);
    execute(path, "PRAGMA application_id = 0x696d6772; PRAGMA user_version = 1");  // the store's
    assert_refused(state, "another program");
    (void)unlink(path);
    index_ledger_close(open_ledger(state));
    execute(path, "PRAGMA user_version = 2");
    assert_refused(state, "version 2");
    (void)unlink(path);
    char garbage[8192];
    memset(garbage, 'x', sizeof garbage);
    assert_true(file_write_atomic(path, garbage, sizeof garbage, NULL));
    assert_refused(state, "damaged");
    memory_free(path);
}

static void nobody_else_reads_it(void **state) {
    char *path = ledger_path(state);
    struct stat status;
    index_ledger_close(open_ledger(state));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0077, 0);
    memory_free(path);
}

// What was written is there for the next process, however this one ended.
static void a_killed_process_loses_nothing(void **state) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct index_ledger *ledger = index_ledger_open(((struct test_folder *)*state)->path, NULL);
        for (int i = 0; ledger != NULL && i < 500; i++) {
            char path[32];
            (void)snprintf(path, sizeof path, "/%d", i);
            struct ledger_entry entry = entry_of(path, NULL);
            if (!index_ledger_write(ledger, &entry, NULL)) _exit(1);
        }
        (void)kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct index_ledger *ledger = open_ledger(state);
    struct ledger_entry entry = entry_of("/499", NULL);
    assert_true(is_done(ledger, &entry));
    index_ledger_close(ledger);
}

struct writer {
    struct index_ledger *ledger;
    int number;
};

static void *write_many(void *context) {
    const struct writer *writer = context;
    bool is_fine = true;
    for (int i = 0; i < 200; i++) {
        char path[32];
        bool is_known;
        (void)snprintf(path, sizeof path, "/%d/%d", writer->number, i);
        struct ledger_entry entry = entry_of(path, i % 2 == 0 ? NULL : "odd");
        is_fine = is_fine && index_ledger_write(writer->ledger, &entry, NULL) &&
                  index_ledger_look_up(writer->ledger, &entry, &is_known, NULL) &&
                  is_known == (i % 2 == 0);
    }
    return is_fine ? context : NULL;
}

// Two ledgers, as two processes that index at the same time have them, two threads each.
static void threads_and_processes_share_it(void **state) {
    struct index_ledger *ledgers[] = {open_ledger(state), open_ledger(state)};
    struct writer writers[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        writers[i] = (struct writer){ledgers[i % 2], i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *answer;
        assert_int_equal(pthread_join(threads[i], &answer), 0);
        assert_non_null(answer);
    }
    struct ledger_entry entry = {0};
    int count = 0;
    while (next_failed(ledgers[0], &entry)) count++;
    assert_int_equal(count, 400);
    index_ledger_close(ledgers[0]);
    index_ledger_close(ledgers[1]);
}

int main(void) {
#define LEDGER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(done_is_what_has_not_changed),
        LEDGER_TEST(failures_are_listed_in_order_with_their_reasons),
        LEDGER_TEST(files_of_others_are_refused_and_kept),
        LEDGER_TEST(nobody_else_reads_it),
        LEDGER_TEST(a_killed_process_loses_nothing),
        LEDGER_TEST(threads_and_processes_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
