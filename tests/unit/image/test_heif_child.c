// The server's side against children that lie, stop, hang or write too much, and the real child on
// real pictures and bombs. The children are this program again (heif_stand_in.h). After every test
// no child and no descriptor is left.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
// cmocka.h needs some of the above.
#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "heif_stand_in.h"
#include "image/heif_child.h"
#include "image/heif_protocol.h"
#include "picture_files.h"

static int descriptors_before;

static int descriptors_open(void) {
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    int count = 0;
    while (readdir(folder) != NULL) count++;
    (void)closedir(folder);
    return count;
}

static int start_clean(void **state) {
    (void)state;
    heif_child_enable("/proc/self/exe");
    descriptors_before = descriptors_open();
    return 0;
}

static int nothing_is_left(void **state) {
    (void)state;
    memory_fail_nth(0, false);
    assert_int_equal(descriptors_open(), descriptors_before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return 0;
}

static bool decode_text(const char *request, struct pixels *pixels, struct error *err) {
    return heif_child_decode((const uint8_t *)request, strlen(request), &image_limits_default,
                             pixels, err);
}

static void hostile_answers_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *request;
        const char *reason;
    } rows[] = {
        {"nothing", "ended early (signal 0)"},
        {"half header", "ended early (signal 0)"},
        {"half", "ended early (signal 0)"},
        {"abort", "ended early (signal 6)"},
        {"wrong magic", "something else than a picture"},
        {"no width", "something else than a picture"},
        {"everything", "something else than a picture"},
        {"wide", "something else than a picture"},
        {"one too many", "something else than a picture"},
        {"pixels and text", "something else than a picture"},
        {"one more", "something else than a picture"},
        {"unknown kind", "something else than a picture"},
        {"no text", "something else than a picture"},
        {"long text", "something else than a picture"},
        {"more text", "something else than a picture"},
        {"fill the pipe", "something else than a picture"},
        // These two stay alive: they have to be ended.
        {"lie and stay", "something else than a picture"},
        {"close and stay", "ended early"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pixels pixels;
        struct error err = {0};
        bool is_ok = decode_text(rows[i].request, &pixels, &err);
        if (is_ok || err.kind != ERROR_INVALID || strstr(err.text, rows[i].reason) == NULL ||
            strstr(err.text, "cannot be decoded within the limits: ") == NULL ||
            strstr(err.text, "; send") == NULL)
            fail_msg("%s: %s (%s)", rows[i].request, error_kind_name(err.kind), err.text);
        pixels_clear(&pixels);
    }
}

static void an_error_keeps_its_kind_and_loses_its_control_characters(void **state) {
    (void)state;
    struct pixels pixels;
    struct error err = {0};
    assert_false(decode_text("control characters", &pixels, &err));
    assert_int_equal(err.kind, ERROR_UNSUPPORTED);
    assert_string_equal(err.text, "?[2J??");
    assert_false(decode_text("half", &pixels, NULL));  // nobody asks why
    pixels_clear(&pixels);
}

static void a_silent_child_is_late(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "HEIF", 4), 4);
    struct pixels pixels;
    struct error err = {0};
    int64_t started = clock_monotonic_ns();
    enum heif_reply reply =
        heif_reply_read(ends[0], started + 100 * 1000000, &image_limits_default, &pixels, &err);
    assert_int_equal(reply, HEIF_REPLY_LATE);
    assert_true(clock_ms_since(started) >= 100);
    assert_true(clock_ms_since(started) < 5000);  // a busy machine
    assert_int_equal(err.kind, ERROR_NONE);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_child_inherits_nothing(void **state) {
    (void)state;
    int leak = open("/dev/null", O_RDWR);  // without O_CLOEXEC
    assert_true(leak >= 0);
    sigset_t term, before;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &term, &before), 0);
    struct pixels pixels;
    struct error err = {0};
    if (!decode_text("inherited", &pixels, &err)) fail_msg("%s", err.text);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)close(leak);
    assert_int_equal(pixels.width, 1);   // no variable, no blocked signal
    assert_int_equal(pixels.height, 3);  // descriptors 0, 1 and 2
    pixels_clear(&pixels);
}

static void a_child_cannot_leave_its_limits(void **state) {
    (void)state;
#ifdef IMGROUTER_SANITIZED
    skip();  // a sanitizer needs what the limits take
#endif
    struct pixels pixels;
    struct error err = {0};
    assert_false(decode_text("escape", &pixels, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.text, "done:");
}

static void our_own_failures_are_not_the_pictures(void **state) {
    (void)state;
    size_t size;
    uint8_t *bytes = picture_file_read("golden/image", "plain.avif", &size);
    struct pixels pixels;
    struct error err = {0};
    if (image_format_is_readable(IMAGE_AVIF)) {
        memory_fail_nth(1, true);
        assert_false(heif_child_decode(bytes, size, &image_limits_default, &pixels, &err));
        memory_fail_nth(0, false);
        assert_int_equal(err.kind, ERROR_INTERNAL);
        assert_null(pixels.rgb);
    }
    heif_child_enable("/nowhere/imgrouter");
    err = (struct error){0};
    assert_false(heif_child_decode(bytes, size, &image_limits_default, &pixels, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_null(pixels.rgb);
    memory_free(bytes);
}

// Through image_decode, as the service does it, and once more in this process.
static void check_same_pixels(const char *folder, const char *name) {
    size_t size;
    uint8_t *bytes = picture_file_read(folder, name, &size);
    struct pixels here, there;
    struct image_info info_here, info_there;
    struct error err = {0};
    if (!image_decode(bytes, size, &image_limits_default, &there, &info_there, &err))
        fail_msg("%s: %s", name, err.text);
    heif_child_enable(NULL);
    if (!image_decode(bytes, size, &image_limits_default, &here, &info_here, &err))
        fail_msg("%s: %s", name, err.text);
    heif_child_enable("/proc/self/exe");
    assert_int_equal(here.width, there.width);
    assert_int_equal(here.height, there.height);
    assert_memory_equal(here.rgb, there.rgb, (size_t)here.width * here.height * 3);
    assert_memory_equal(&info_here, &info_there, sizeof info_here);
    pixels_clear(&here);
    pixels_clear(&there);
    memory_free(bytes);
}

static void pictures_come_through_unchanged(void **state) {
    (void)state;
    static const struct {
        const char *folder;
        const char *name;
    } rows[] = {
        {"golden/image", "plain.heic"},       {"golden/image", "turned.heic"},
        {"golden/image", "alpha.heic"},       {"suites/image/readable", "tiles.heic"},
        {"golden/image", "plain.avif"},       {"golden/image", "turned.avif"},
        {"golden/image", "full_colour.avif"}, {"suites/image/readable", "tiles.avif"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (image_format_is_readable(strstr(rows[i].name, "heic") != NULL ? IMAGE_HEIC
                                                                          : IMAGE_AVIF))
            check_same_pixels(rows[i].folder, rows[i].name);
}

static void limits_reach_the_child(void **state) {
    (void)state;
    if (!image_format_is_readable(IMAGE_AVIF)) skip();
    size_t size;
    uint8_t *bytes = picture_file_read("golden/image", "plain.avif", &size);
    const struct image_limits rows[] = {{size, 64 * 48 - 1, 64}, {size, 64 * 48, 63}};
    for (size_t i = 0; i < 2; i++) {
        struct pixels pixels;
        struct error err = {0};
        assert_false(heif_child_decode(bytes, size, &rows[i], &pixels, &err));
        assert_int_equal(err.kind, ERROR_TOO_LARGE);
        assert_non_null(strstr(err.text, "64x48"));
    }
    memory_free(bytes);
}

static void bombs_are_refused_in_little_memory(void **state) {
    (void)state;
    static const char *const names[] = {"81_megapixels.avif", "81_megapixels.heic"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        uint8_t *bytes = picture_file_read("suites/image/bombs", names[i], &size);
        struct pixels pixels;
        struct image_info info;
        struct error err = {0};
        bool is_readable = image_format_is_readable(image_sniff(bytes, size));
        assert_false(image_decode(bytes, size, &image_limits_default, &pixels, &info, &err));
        bool is_refused = err.kind == ERROR_INVALID || err.kind == ERROR_TOO_LARGE;
        if (is_readable && !is_refused) fail_msg("%s: %s", names[i], err.text);
        memory_free(bytes);
    }
#ifndef IMGROUTER_SANITIZED
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
    assert_in_range(usage.ru_maxrss, 1, 150 * 1024);  // KiB, the largest of all children
#endif
}

static void *decode_repeatedly(void *argument) {
    long *failures = argument;
    size_t size;
    uint8_t *bytes = picture_file_read("golden/image", "plain.heic", &size);
    for (int i = 0; i < 10; i++) {
        struct pixels pixels;
        struct error err = {0};
        if (decode_text("half", &pixels, &err) || err.kind != ERROR_INVALID) ++*failures;
        pixels_clear(&pixels);
        bool is_ok = heif_child_decode(bytes, size, &image_limits_default, &pixels, NULL);
        if (is_ok != image_format_is_readable(IMAGE_HEIC)) ++*failures;
        pixels_clear(&pixels);
    }
    memory_free(bytes);
    return NULL;
}

static void threads_do_not_take_each_others_children(void **state) {
    (void)state;
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    long failures[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decode_repeatedly, &failures[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_clean, nothing_is_left)

int main(int argc, char **argv) {
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "decode-heif") == 0) _exit(heif_stand_in_main());
    const struct CMUnitTest tests[] = {
        TEST(hostile_answers_are_refused),
        TEST(an_error_keeps_its_kind_and_loses_its_control_characters),
        TEST(a_silent_child_is_late),
        TEST(a_child_inherits_nothing),
        TEST(a_child_cannot_leave_its_limits),
        TEST(our_own_failures_are_not_the_pictures),
        TEST(pictures_come_through_unchanged),
        TEST(limits_reach_the_child),
        TEST(bombs_are_refused_in_little_memory),
        TEST(threads_do_not_take_each_others_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
