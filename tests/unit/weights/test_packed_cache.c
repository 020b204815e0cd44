// The packed cache: what is written is found again; whatever else is in its place is refused with
// a reason, and the next writer puts a good file there.
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "weights/packed_format.h"
#include "weights/packed_lock.h"

enum { TEXT_SIZE = 128, BLOB_COUNT = 5, BIG_BLOB = 3000 };

static char folder[] = "/tmp/imgrouter-packed-XXXXXX";
static char source_path[TEXT_SIZE], cache_path[TEXT_SIZE], part_path[TEXT_SIZE];
static unsigned seed;

static const size_t blob_sizes[BLOB_COUNT] = {0, 1, PACKED_ALIGNMENT, 100, BIG_BLOB};

// Anew, as a file of its own, and without waiting for the disk: there are thousands.
static void write_file(const char *path, const void *bytes, size_t size) {
    (void)unlink(path);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, size), size);
    assert_int_equal(close(descriptor), 0);
}

static struct packed_origin origin_now(void) {
    struct packed_origin origin = {.source = source_path, .label = "int8, packing 1, tests"};
    struct error err = {0};
    if (!source_stamp_read(&origin.stamp, source_path, &err)) fail_msg("%s", err.text);
    return origin;
}

static void fill_blob(unsigned char *bytes, size_t number) {
    for (size_t i = 0; i < blob_sizes[number]; i++)
        bytes[i] = (unsigned char)(i * 7 + number * 31 + 1);
}

static bool add_blobs(struct packed_writer *writer, struct error *err) {
    unsigned char bytes[BIG_BLOB];
    char name[16];
    for (size_t i = 0; i < BLOB_COUNT; i++) {
        fill_blob(bytes, i);
        (void)snprintf(name, sizeof name, "blob %zu", i);
        if (!packed_writer_add(writer, name, bytes, blob_sizes[i], err)) return false;
    }
    return true;
}

static struct packed_cache *pack(const char *path, struct error *err) {
    struct packed_origin origin = origin_now();
    struct packed_writer *writer = packed_writer_create(path, &origin, err);
    struct packed_cache *cache = NULL;
    if (writer != NULL && add_blobs(writer, err)) cache = packed_writer_finish(writer, err);
    if (cache != NULL && !packed_writer_publish(writer, err)) {
        packed_cache_close(cache);
        cache = NULL;
    }
    packed_writer_destroy(writer);
    return cache;
}

static void check_blobs(const struct packed_cache *cache) {
    unsigned char expected[BIG_BLOB];
    char name[16];
    size_t size;
    for (size_t i = 0; i < BLOB_COUNT; i++) {
        (void)snprintf(name, sizeof name, "blob %zu", i);
        const void *bytes = packed_cache_find(cache, name, &size);
        assert_non_null(bytes);
        assert_int_equal(size, blob_sizes[i]);
        assert_int_equal((uintptr_t)bytes % PACKED_ALIGNMENT, 0);
        fill_blob(expected, i);
        assert_memory_equal(bytes, expected, size);
    }
    assert_null(packed_cache_find(cache, "blob 9", &size));
    assert_null(packed_cache_find(cache, "", &size));
}

// Opens with the right origin: the blobs, or NULL and a reason.
static struct packed_cache *reopen(struct error *err) {
    struct packed_origin origin = origin_now();
    *err = (struct error){0};
    struct packed_cache *cache = packed_cache_open(cache_path, &origin, err);
    assert_int_equal(cache == NULL, err->kind != ERROR_NONE);
    if (cache != NULL) check_blobs(cache);
    return cache;
}

static void expect_refused(const char *why) {
    struct error err;
    assert_null(reopen(&err));
    assert_int_equal(err.kind, ERROR_INVALID);
    if (strstr(err.text, why) == NULL) fail_msg("said \"%s\", wanted \"%s\"", err.text, why);
}

static void expect_accepted(void) {
    struct error err;
    struct packed_cache *cache = reopen(&err);
    if (cache == NULL) fail_msg("%s", err.text);
    packed_cache_close(cache);
}

static void pack_again(void) {
    struct error err = {0};
    struct packed_cache *cache = pack(cache_path, &err);
    if (cache == NULL) {
        fail_msg("%s", err.text);
        return;
    }
    check_blobs(cache);
    packed_cache_close(cache);
}

static unsigned char *read_cache(size_t *size) {
    struct error err = {0};
    char *bytes = file_read_create(cache_path, 1 << 20, size, &err);
    if (bytes == NULL) fail_msg("%s", err.text);
    return (unsigned char *)bytes;
}

static size_t count_entries(void) {
    size_t count = 0;
    DIR *entries = opendir(folder);
    while (readdir(entries) != NULL) count++;
    (void)closedir(entries);
    return count - 2;  // without . and ..
}

static int set_up(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) return -1;
    (void)snprintf(source_path, sizeof source_path, "%s/weights", folder);
    (void)snprintf(cache_path, sizeof cache_path, "%s/cache", folder);
    (void)snprintf(part_path, sizeof part_path, "%s/cache.part", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char lock_path[TEXT_SIZE];
    (void)snprintf(lock_path, sizeof lock_path, "%s/cache.lock", folder);
    (void)unlink(lock_path);
    (void)unlink(source_path);
    (void)unlink(cache_path);
    (void)unlink(part_path);
    return rmdir(folder);
}

static int each_set_up(void **state) {
    (void)state;
    write_file(source_path, "the weights of a model", 22);
    (void)unlink(cache_path);
    (void)unlink(part_path);
    return 0;
}

static void test_what_is_written_is_found(void **state) {
    (void)state;
    struct error err;
    assert_null(reopen(&err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    pack_again();
    expect_accepted();
    pack_again();  // over the old one
    expect_accepted();
    struct stat status;
    assert_int_equal(stat(cache_path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_in_memory(void **state) {
    (void)state;
    struct error err = {0};
    size_t entries = count_entries();
    struct packed_cache *cache = pack(NULL, &err);
    assert_non_null(cache);
    check_blobs(cache);
    packed_cache_close(cache);
    assert_int_equal(count_entries(), entries);
}

static void test_what_is_not_published_goes_away(void **state) {
    (void)state;
    pack_again();
    struct packed_origin origin = origin_now();
    struct packed_writer *writer = packed_writer_create(cache_path, &origin, NULL);
    assert_non_null(writer);
    assert_true(add_blobs(writer, NULL));
    struct packed_cache *cache = packed_writer_finish(writer, NULL);
    assert_non_null(cache);
    size_t entries = count_entries();
    packed_writer_destroy(writer);
    assert_int_equal(count_entries(), entries - 1);
    check_blobs(cache);  // while it is open it lives on
    packed_cache_close(cache);
    expect_accepted();  // the old one
}

static void test_every_cut_and_extension_is_refused(void **state) {
    (void)state;
    pack_again();
    size_t size;
    unsigned char *bytes = read_cache(&size);
    for (size_t length = 0; length < size; length++) {
        write_file(cache_path, bytes, length);
        expect_refused("");
    }
    unsigned char *longer = memory_alloc(size + PACKED_ALIGNMENT);
    memcpy(longer, bytes, size);
    write_file(cache_path, longer, size + PACKED_ALIGNMENT);
    expect_refused("cut short or too long");
    memory_free(longer);
    memory_free(bytes);
    pack_again();
    expect_accepted();
}

// A flipped bit of the stamp only costs another look at the source.
static void test_every_flipped_bit_is_noticed(void **state) {
    (void)state;
    pack_again();
    size_t size;
    unsigned char *bytes = read_cache(&size);
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= (unsigned char)(1u << (at % 8));
        write_file(cache_path, bytes, size);
        bool is_stamp = at >= offsetof(struct packed_header, stamp) && at < PACKED_HEADER_SIZE;
        if (is_stamp)
            expect_accepted();
        else
            expect_refused("");
        bytes[at] ^= (unsigned char)(1u << (at % 8));
    }
    memory_free(bytes);
}

static void test_other_owners_and_kinds_of_file_are_refused(void **state) {
    (void)state;
    pack_again();
    assert_int_equal(chmod(cache_path, 0620), 0);
    expect_refused("others may write");
    assert_int_equal(chmod(cache_path, 0602), 0);
    expect_refused("others may write");
    assert_int_equal(chmod(cache_path, 0644), 0);
    expect_accepted();
    if (geteuid() == 0) {
        assert_int_equal(chown(cache_path, 1, 1), 0);
        expect_refused("another user");
    }
    char target[TEXT_SIZE];
    (void)snprintf(target, sizeof target, "%s/target", folder);
    assert_int_equal(rename(cache_path, target), 0);
    assert_int_equal(symlink(target, cache_path), 0);
    expect_refused("cannot be opened");
    (void)unlink(cache_path);
    (void)unlink(target);
    assert_int_equal(mkfifo(cache_path, 0600), 0);
    expect_refused("not a regular file");
    (void)unlink(cache_path);
}

static void test_another_label_or_version_is_refused(void **state) {
    (void)state;
    pack_again();
    struct packed_origin origin = origin_now();
    struct error err = {0};
    origin.label = "f16, packing 1, tests";
    assert_null(packed_cache_open(cache_path, &origin, &err));
    assert_non_null(strstr(err.text, "other settings"));
}

static void set_times(const char *path, time_t seconds) {
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_touched_source_renews_the_stamp(void **state) {
    (void)state;
    pack_again();
    set_times(source_path, 1000000000);
    expect_accepted();
    size_t size;
    unsigned char *bytes = read_cache(&size);
    struct packed_header header;
    memcpy(&header, bytes, sizeof header);
    struct packed_origin origin = origin_now();
    assert_true(source_stamp_is_same(&header.stamp.source, &origin.stamp));
    assert_true(header.stamp.hash == packed_stamp_hash(&header.stamp));
    memory_free(bytes);
    // Copied back, under another inode.
    write_file(source_path, "the weights of a model", 22);
    expect_accepted();
}

static void test_another_source_is_refused(void **state) {
    (void)state;
    pack_again();
    write_file(source_path, "the weights of another", 22);
    expect_refused("other weights");
    pack_again();
    expect_accepted();
}

static void test_source_that_changes_meanwhile_is_not_packed(void **state) {
    (void)state;
    struct error err = {0};
    struct packed_origin origin = origin_now();
    write_file(source_path, "the weights of another", 22);
    assert_null(packed_writer_create(cache_path, &origin, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_int_equal(access(cache_path, F_OK), -1);
    assert_int_equal(access(part_path, F_OK), -1);
}

static void test_full_disk_is_reported_and_cleared_away(void **state) {
    (void)state;
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    for (rlim_t most = 0; most < 4000; most += 333) {
        struct error err = {0};
        limit = (struct rlimit){.rlim_cur = most, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        struct packed_cache *cache = pack(cache_path, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_null(cache);
        assert_int_equal(err.kind, ERROR_STORAGE);
        assert_int_equal(access(cache_path, F_OK), -1);
        assert_int_equal(access(part_path, F_OK), -1);
    }
}

// Every allocation that may fail does, one at a time: an error, no cache, no rest.
static void test_out_of_memory(void **state) {
    (void)state;
    struct packed_cache *cache = NULL;
    long nth = 0;
    while (cache == NULL) {
        struct error err = {0};
        memory_fail_nth(++nth, false);
        cache = pack(cache_path, &err);
        memory_fail_nth(0, false);
        assert_int_equal(cache == NULL, err.kind == ERROR_INTERNAL);
        assert_int_equal(access(part_path, F_OK), -1);
    }
    assert_true(nth > 2);
    packed_cache_close(cache);
}

// The hashes of what was changed are made right again, so that the checks behind them are reached.
static void write_with_hashes(unsigned char *bytes, size_t size) {
    struct packed_header header;
    memcpy(&header, bytes, sizeof header);
    size_t table_size = header.count * sizeof(struct packed_record);
    if (header.table_offset <= size && table_size <= size - header.table_offset)
        header.table_hash = XXH3_64bits(bytes + header.table_offset, table_size);
    header.hash = packed_header_hash(&header);
    memcpy(bytes, &header, sizeof header);
    write_file(cache_path, bytes, size);
}

static void test_impossible_places_are_refused(void **state) {
    (void)state;
    pack_again();
    size_t size;
    unsigned char *bytes = read_cache(&size), *changed = memory_alloc(size);
    struct packed_header good;
    memcpy(&good, bytes, sizeof good);
    const struct {
        uint32_t version, count;
        uint64_t size_bytes, table_offset;
        const char *why;
    } headers[] = {
        {2, BLOB_COUNT, size, good.table_offset, "another version"},
        {1, BLOB_COUNT, size + 1, good.table_offset, "cut short"},
        {1, UINT32_MAX, size, good.table_offset, "place of its table"},
        {1, PACKED_COUNT_MAX, size, good.table_offset, "place of its table"},
        {1, BLOB_COUNT + 1, size, good.table_offset, "place of its table"},
        {1, BLOB_COUNT - 1, size, good.table_offset, "place of its table"},
        {1, BLOB_COUNT - 1, size, good.table_offset + 128, "more than its table"},
        {1, 0, size, size, "more than its table"},
        {1, BLOB_COUNT, size, UINT64_MAX - 63, "place of its table"},
        {1, BLOB_COUNT, size, 0, "place of its table"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct packed_header header = good;
        header.version = headers[i].version;
        header.count = headers[i].count;
        header.size_bytes = headers[i].size_bytes;
        header.table_offset = headers[i].table_offset;
        memcpy(changed, bytes, size);
        memcpy(changed, &header, sizeof header);
        write_with_hashes(changed, size);
        expect_refused(headers[i].why);
    }
    const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX - 63, size, good.table_offset, BIG_BLOB + 64};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memcpy(changed, bytes, size);
        struct packed_record *record = (void *)(changed + good.table_offset);
        record[BLOB_COUNT - 1].size_bytes = sizes[i];
        write_with_hashes(changed, size);
        expect_refused("");
    }
    memcpy(changed, bytes, size);
    memset(changed + good.table_offset, 'x', PACKED_NAME_SIZE);
    write_with_hashes(changed, size);
    expect_refused("a name in its table");
    memory_free(changed);
    memory_free(bytes);
}

static void test_random_changes_behind_right_hashes(void **state) {
    (void)state;
    pack_again();
    size_t size, accepted = 0;
    unsigned char *bytes = read_cache(&size), *changed = memory_alloc(size);
    size_t table = size - BLOB_COUNT * sizeof(struct packed_record);
    for (int round = 0; round < 4000; round++) {
        memcpy(changed, bytes, size);
        for (int change = 0; change <= round % 3; change++) {
            size_t at = rand_r(&seed) % 3 == 0 ? (size_t)rand_r(&seed) % PACKED_HEADER_SIZE
                                               : table + (size_t)rand_r(&seed) % (size - table);
            changed[at] = (unsigned char)rand_r(&seed);
        }
        write_with_hashes(changed, size);
        struct packed_origin origin = origin_now();
        struct error err = {0};
        struct packed_cache *cache = packed_cache_open(cache_path, &origin, &err);
        assert_int_equal(cache == NULL, err.kind != ERROR_NONE);
        // What is accepted may have other names, never other bytes.
        size_t found;
        if (cache != NULL) (void)packed_cache_find(cache, "blob 4", &found);
        accepted += cache != NULL;
        packed_cache_close(cache);
    }
    assert_true(accepted > 0 && accepted < 4000);
    memory_free(changed);
    memory_free(bytes);
}

static _Noreturn void child_packs_forever(void) {
    for (;;) {
        struct packed_cache *cache = pack(cache_path, NULL);
        if (cache == NULL) _exit(1);
        packed_cache_close(cache);
    }
}

static void test_killed_writer_leaves_the_old_file_or_the_new(void **state) {
    (void)state;
    size_t parts = 0;
    pack_again();
    for (int round = 0; round < 60; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) child_packs_forever();
        struct timespec pause = {.tv_nsec = 1000L * (rand_r(&seed) % 15000)};
        (void)nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        parts += access(part_path, F_OK) == 0;
        expect_accepted();
    }
    assert_true(parts > 0);  // else no kill came in the middle
    pack_again();
    assert_int_equal(access(part_path, F_OK), -1);  // the rest of the last kill is gone
}

// As two starts at once do: whoever has the lock packs, unless it is done already.
static _Noreturn void child_races(void) {
    int lock;
    if (!packed_lock_take(cache_path, 30, &lock)) _exit(2);
    struct packed_origin origin = origin_now();
    struct packed_cache *cache = packed_cache_open(cache_path, &origin, NULL);
    bool is_first = cache == NULL;
    if (is_first) cache = pack(cache_path, NULL);
    if (cache == NULL) _exit(3);
    check_blobs(cache);
    packed_lock_release(lock);
    packed_cache_close(cache);
    _exit(is_first ? 1 : 0);
}

static void test_racing_processes_pack_once(void **state) {
    (void)state;
    enum { CHILDREN = 6 };
    for (int round = 0; round < 10; round++) {
        pid_t children[CHILDREN];
        int packed = 0;
        (void)unlink(cache_path);
        for (int i = 0; i < CHILDREN; i++) {
            children[i] = fork();
            assert_true(children[i] >= 0);
            if (children[i] == 0) child_races();
        }
        for (int i = 0; i < CHILDREN; i++) {
            int status;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
            packed += WEXITSTATUS(status);
        }
        assert_int_equal(packed, 1);
        expect_accepted();
    }
}

// Without the lock, as where the file system has none: every process ends with good blobs.
static void test_racing_writers_without_a_lock(void **state) {
    (void)state;
    enum { CHILDREN = 4 };
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] != 0) continue;
        for (int round = 0; round < 50; round++) {
            struct packed_cache *cache = pack(cache_path, NULL);
            if (cache != NULL) check_blobs(cache);
            packed_cache_close(cache);
        }
        _exit(0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    pack_again();
    expect_accepted();
}

static void test_held_lock_is_given_up(void **state) {
    (void)state;
    int lock, second;
    assert_true(packed_lock_take(cache_path, 0, &lock));
    assert_false(packed_lock_take(cache_path, 0, &second));
    packed_lock_release(lock);
    assert_true(packed_lock_take(cache_path, 0, &second));
    packed_lock_release(second);
    assert_false(packed_lock_take("/nowhere/cache", 0, &second));
}

int main(int argument_count, char **arguments) {
    seed = argument_count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : (unsigned)time(NULL);
    (void)printf("seed %u\n", seed);
    log_configure(LOG_WARNING, LOG_FORMAT_TEXT);  // many wait for the lock here
#define TEST(function) cmocka_unit_test_setup(function, each_set_up)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_written_is_found),
        TEST(test_in_memory),
        TEST(test_what_is_not_published_goes_away),
        TEST(test_every_cut_and_extension_is_refused),
        TEST(test_every_flipped_bit_is_noticed),
        TEST(test_other_owners_and_kinds_of_file_are_refused),
        TEST(test_another_label_or_version_is_refused),
        TEST(test_touched_source_renews_the_stamp),
        TEST(test_another_source_is_refused),
        TEST(test_source_that_changes_meanwhile_is_not_packed),
        TEST(test_full_disk_is_reported_and_cleared_away),
        TEST(test_out_of_memory),
        TEST(test_impossible_places_are_refused),
        TEST(test_random_changes_behind_right_hashes),
        TEST(test_killed_writer_leaves_the_old_file_or_the_new),
        TEST(test_racing_processes_pack_once),
        TEST(test_racing_writers_without_a_lock),
        TEST(test_held_lock_is_given_up),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
