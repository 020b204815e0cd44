#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "base/memory.h"
#include "mcp/line_reader.h"

enum { LINE_MAX_BYTES = 100 * 1000 };

static struct line_reader reader;
static int feed;

static int setup(void **state) {
    (void)state;
    int ends[2];
    if (pipe(ends) != 0) return -1;
    feed = ends[1];
    line_reader_init(&reader, ends[0], LINE_MAX_BYTES, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    line_reader_clear(&reader);
    (void)close(reader.descriptor);
    if (feed >= 0) (void)close(feed);
    return 0;
}

static void put(const char *text) {
    assert_int_equal(write(feed, text, strlen(text)), (ssize_t)strlen(text));
}

static void end(void) {
    (void)close(feed);
    feed = -1;
}

static void expect_line(const char *expected) {
    const char *line;
    size_t size;
    assert_int_equal(line_reader_next(&reader, &line, &size, NULL), LINE_READ);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(line, expected, size);
}

static enum line_outcome next(void) {
    const char *line;
    size_t size;
    return line_reader_next(&reader, &line, &size, NULL);
}

static void lines_come_one_by_one(void **state) {
    (void)state;
    put("one\ntwo\r\n\n\r\nth");
    expect_line("one");
    expect_line("two");
    expect_line("");
    expect_line("");
    put("ree\r\r\nfour");
    expect_line("three\r");
    end();
    expect_line("four");
    assert_int_equal(next(), LINE_END);
    assert_int_equal(next(), LINE_END);
}

static void nothing_at_all_ends(void **state) {
    (void)state;
    end();
    assert_int_equal(next(), LINE_END);
}

// Writes `size` letters and a line end, then "after"; a pipe does not hold so many at once.
static void put_bytes(const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t written = write(feed, bytes, size);
        if (written <= 0) return;
        bytes += written;
        size -= (size_t)written;
    }
}

static void *put_long(void *context) {
    static const char rest[] = "\nafter\n";
    size_t size = *(size_t *)context;
    char *text = memory_alloc(size);
    memset(text, 'x', size);
    put_bytes(text, size);
    put_bytes(rest, sizeof rest - 1);
    memory_free(text);
    return NULL;
}

static void the_ceiling_is_exact(void **state) {
    (void)state;
    static const struct {
        size_t size;
        enum line_outcome outcome;
    } cases[] = {{LINE_MAX_BYTES, LINE_READ},
                 {LINE_MAX_BYTES + 1, LINE_TOO_LONG},
                 {LINE_MAX_BYTES * 20, LINE_TOO_LONG},
                 {LINE_MAX_BYTES - 1, LINE_READ}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pthread_t writer;
        const char *line;
        size_t size = cases[i].size, got = 0;
        assert_int_equal(pthread_create(&writer, NULL, put_long, &size), 0);
        assert_int_equal(line_reader_next(&reader, &line, &got, NULL), cases[i].outcome);
        if (cases[i].outcome == LINE_READ) assert_int_equal(got, cases[i].size);
        expect_line("after");  // a long one is passed over to its end
        (void)pthread_join(writer, NULL);
        assert_true(reader.capacity <= 4 * LINE_MAX_BYTES);
    }
}

static void a_long_line_without_an_end_ends_too(void **state) {
    (void)state;
    line_reader_clear(&reader);
    line_reader_init(&reader, reader.descriptor, 4, NULL);
    put("12345");
    assert_int_equal(next(), LINE_TOO_LONG);
    put("6789");
    end();
    assert_int_equal(next(), LINE_END);
}

static void note(int number) { (void)number; }

static void a_signal_ends_the_wait(void **state) {
    (void)state;
    struct sigaction action = {.sa_handler = note};
    sigset_t blocked, waiting;
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &blocked, &waiting);
    reader.signals = &waiting;
    put("whole\npart");
    expect_line("whole");
    (void)raise(SIGUSR1);  // pending until input is waited for
    assert_int_equal(next(), LINE_INTERRUPTED);
    put(" and rest\n");
    expect_line("part and rest");
}

static void what_cannot_be_read_is_told(void **state) {
    (void)state;
    struct error err = {0};
    const char *line;
    size_t size;
    struct line_reader broken;
    line_reader_init(&broken, feed, 10, NULL);  // the end for writing
    put("x\n");
    int descriptor = dup(feed);
    (void)close(descriptor);
    broken.descriptor = descriptor;
    assert_int_equal(line_reader_next(&broken, &line, &size, &err), LINE_FAILED);
    assert_int_equal(err.kind, ERROR_INTERNAL);
    line_reader_clear(&broken);
    memory_fail_nth(1, false);
    error_clear(&err);
    line_reader_init(&broken, reader.descriptor, 10, NULL);
    assert_int_equal(line_reader_next(&broken, &line, &size, &err), LINE_FAILED);
    memory_fail_nth(0, false);
    line_reader_clear(&broken);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_come_one_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_at_all_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(the_ceiling_is_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_line_without_an_end_ends_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signal_ends_the_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
