// kill -9 in the middle of writing: a child puts images and tells each one that was answered
// through a pipe; the parent kills it at a random moment, opens the store again, and every
// acknowledged image must be there, readable and found. In even rounds the moment is counted from
// the start, so that opening is killed too; in odd ones from the first answer, so that on the
// slowest machine half of the kills still hit the writing.
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_fixture.h"

enum { ROUNDS = 30, LONGEST_ROUND_US = 20000, FIRST_ANSWER_MS = 60000 };

static unsigned seed;

static _Noreturn void child_puts(const char *folder, unsigned first, int acknowledge) {
    struct store *store = sqlite_store_create(folder, NULL);
    if (store == NULL) _exit(2);
    for (unsigned number = first;; number++) {
        struct image_record record = sample_record(number);
        float vector[SAMPLE_WIDTH];
        bool was_new;
        sample_vector(number, vector);
        if (!store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, NULL)) _exit(3);
        if (number % 5 == 4 && !store->operations->remove(store, record.id, NULL)) _exit(4);
        if (write(acknowledge, &number, sizeof number) != sizeof number) _exit(5);
    }
}

// Images up to end-1 were acknowledged; one more may have been written. Those from `first` on are
// looked at one by one.
static void check_images(const char *folder, unsigned first, unsigned end) {
    struct error err = {0};
    struct store *store = sqlite_store_create(folder, &err);
    if (store == NULL) {
        fail_msg("after the kill: %s", err.text);
        return;
    }
    size_t count, kept = end - end / 5;  // the child removes every fifth
    for (unsigned number = first; number < end; number++) {
        struct image_record found, expected = sample_record(number);
        bool is_there = store->operations->get(store, expected.id, &found, &err);
        if (number % 5 == 4) {
            assert_false(is_there);
            assert_int_equal(err.kind, ERROR_NOT_FOUND);
            error_clear(&err);
            continue;
        }
        if (!is_there) fail_msg("image %u was acknowledged and is lost: %s", number, err.text);
        assert_same_record(&found, &expected);
        float vector[SAMPLE_WIDTH];
        struct store_match match;
        sample_vector(number, vector);
        assert_true(search_nearest(store, "space", vector, SAMPLE_WIDTH, 1, &match, &count, NULL));
        assert_string_equal(match.record.id, expected.id);
    }
    assert_true(store->operations->count(store, &count, NULL));
    assert_true(count == kept || count == kept + 1);
    store->operations->destroy(store);
}

static void acknowledged_images_survive_kill(void **state) {
    (void)state;
    struct test_folder folder;
    test_folder_create(&folder);
    unsigned next = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int pipe_ends[2];
        assert_int_equal(pipe(pipe_ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) child_puts(folder.path, next, pipe_ends[1]);
        (void)close(pipe_ends[1]);
        if (round % 2 == 1) {
            struct pollfd answer = {.fd = pipe_ends[0], .events = POLLIN};
            assert_int_equal(poll(&answer, 1, FIRST_ANSWER_MS), 1);
        }
        struct timespec pause = {.tv_nsec = 1000L * (rand_r(&seed) % LONGEST_ROUND_US)};
        (void)nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        unsigned number, first = next;
        while (read(pipe_ends[0], &number, sizeof number) == sizeof number) {
            assert_int_equal(number, next);
            next++;
        }
        (void)close(pipe_ends[0]);
        check_images(folder.path, first, next);
    }
    check_images(folder.path, 0, next);
    assert_true(next >= ROUNDS / 2);  // else the kills came before any work
    test_folder_destroy(&folder);
}

int main(int argument_count, char **arguments) {
    seed = argument_count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    const struct CMUnitTest tests[] = {cmocka_unit_test(acknowledged_images_survive_kill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
