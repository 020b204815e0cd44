// An export read back into an empty store is the store again; one that was changed on the way is
// refused with the file and the line.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive/archive.h"
#include "archive/archive_line.h"
#include "archive/file_checksum.h"
#include "archive/npy_file.h"
#include "base/file.h"
#include "base/float_bytes.h"
#include "base/memory.h"
#include "store/store_copy.h"
#include "store_fixture.h"

enum { IMAGES = IMAGE_PAGE_MAX + 50, FILE_MAX = 1 << 24 };

static struct test_folder folder;

static int set_up(void **state) {
    (void)state;
    test_folder_create(&folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    test_folder_destroy(&folder);
    return 0;
}

// "FOLDER/export" or a file in it, in a buffer of its own.
static const char *export_path(const char *name) {
    static char path[2][PATH_MAX];
    static int turn;
    turn = 1 - turn;
    (void)snprintf(path[turn], PATH_MAX, "%.4000s/export%s%s", folder.path, *name == 0 ? "" : "/",
                   name);
    return path[turn];
}

static void fill(struct store *store, unsigned count) {
    float vector[SAMPLE_WIDTH];
    for (unsigned i = 0; i < count; i++) {
        put_sample(store, i);
        sample_vector(i + 5000, vector);
        if (i % 3 == 0)
            assert_true(store->operations->put_vector(store, sample_id(i), "another", vector,
                                                      SAMPLE_WIDTH, NULL));
    }
    assert_true(store->operations->set_active_space(store, "space", NULL));
}

static bool try_export(struct store *store, struct archive_report *report, struct error *err) {
    struct store_pages pages;
    struct archive_export export = {.from = &pages.pages, .folder = export_path("")};
    assert_true(store_pages_open(&pages, store, err));
    return archive_write(&export, report, err);
}

static void export_sample(unsigned count) {
    struct store *store = memory_store_create();
    struct archive_report report;
    struct error err = {0};
    fill(store, count);
    if (!try_export(store, &report, &err)) fail_msg("%s", err.text);
    assert_int_equal(report.images, count);
    store->operations->destroy(store);
}

static bool try_import(struct store *store, struct error *err) {
    struct store_copy_report report;
    struct archive *archive = archive_open(export_path(""), err);
    if (archive == NULL) return false;
    struct store_copy copy = {.from = archive_pages(archive), .to = store};
    bool is_done = store_copy_run(&copy, &report, err);
    archive_close(archive);
    return is_done;
}

static void assert_refused(const char *wanted) {
    struct store *store = memory_store_create();
    struct error err = {0};
    bool is_done = try_import(store, &err);
    if (is_done || err.kind != ERROR_INVALID || strstr(err.text, wanted) == NULL)
        fail_msg("said \"%s\", wanted \"%s\"", err.text, wanted);
    store->operations->destroy(store);
}

static void an_import_gives_the_store_again(void **state) {
    (void)state;
    struct store *from = memory_store_create(), *to = memory_store_create();
    struct archive_report report;
    struct error err = {0};
    struct store_pages pages;
    fill(from, IMAGES);
    if (!try_export(from, &report, &err)) fail_msg("%s", err.text);
    assert_int_equal(report.vectors[0], (IMAGES + 2) / 3);  // "another" is first by name
    assert_int_equal(report.vectors[1], IMAGES);
    assert_false(file_exists(export_path("pictures")));
    for (int round = 0; round < 2; round++)
        if (!try_import(to, &err)) fail_msg("%s", err.text);
    struct store_verification found;
    struct store_copy copy = {.from = &pages.pages, .to = to};
    assert_true(store_pages_open(&pages, from, &err));
    assert_true(store_copy_verify(&copy, &found, &err));
    assert_true(found.is_same);
    assert_int_equal(found.images, IMAGES);
    assert_int_equal(found.extra, 0);
    assert_string_equal(found.from_checksum, found.to_checksum);
    char active[STORE_MODEL_SIZE];
    assert_true(to->operations->get_active_space(to, active, &err));
    assert_string_equal(active, "space");
    from->operations->destroy(from);
    to->operations->destroy(to);
}

static void an_empty_store_comes_back(void **state) {
    (void)state;
    struct store *store = memory_store_create();
    struct error err = {0};
    size_t count;
    export_sample(0);
    if (!try_import(store, &err)) fail_msg("%s", err.text);
    assert_true(store->operations->count(store, &count, &err));
    assert_int_equal(count, 0);
    store->operations->destroy(store);
}

static void what_is_there_is_not_overwritten(void **state) {
    (void)state;
    struct store *store = memory_store_create();
    struct archive_report report;
    struct error err = {0};
    fill(store, 3);
    assert_true(mkdir(export_path(""), 0700) == 0);
    assert_false(try_export(store, &report, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_true(rmdir(export_path("")) == 0);
    assert_true(mkdir(test_folder_path(&folder, "export.partial"), 0700) == 0);
    error_clear(&err);
    assert_false(try_export(store, &report, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_non_null(strstr(err.text, ".partial is there"));
    store->operations->destroy(store);
}

// A source that fails on its second page.
static const struct store_operations *healthy;

static bool failing_list(struct store *store, struct store_cursor *cursor, size_t limit,
                         struct image_record *records, size_t *count, bool *has_more,
                         struct error *err) {
    if (cursor->id[0] != '\0') return error_set(err, ERROR_UNAVAILABLE, "the store is gone");
    return healthy->list(store, cursor, limit, records, count, has_more, err);
}

static void a_broken_export_never_has_the_name(void **state) {
    (void)state;
    struct store *store = memory_store_create();
    struct archive_report report;
    struct error err = {0};
    struct stat status;
    fill(store, IMAGES);
    healthy = store->operations;
    struct store_operations failing = *healthy;
    failing.list = failing_list;
    store->operations = &failing;
    assert_false(try_export(store, &report, &err));
    store->operations = healthy;
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "export.partial: delete it"));
    assert_int_not_equal(stat(export_path(""), &status), 0);
    assert_int_equal(stat(test_folder_path(&folder, "export.partial"), &status), 0);
    store->operations->destroy(store);
}

static char *read_export(const char *name, size_t *size) {
    char *bytes = file_read_create(export_path(name), FILE_MAX, size, NULL);
    assert_non_null(bytes);
    return bytes;
}

static void write_export(const char *name, const void *bytes, size_t size) {
    assert_true(file_write_atomic(export_path(name), bytes, size, NULL));
}

// Makes the manifest say what the files are now, as somebody who made an export by hand would.
static void sign(size_t images, size_t first_vectors, size_t second_vectors) {
    size_t size;
    const size_t counts[] = {first_vectors, second_vectors};
    char *text = read_export("manifest.json", &size);
    struct archive_manifest manifest;
    assert_true(archive_manifest_read(text, size, &manifest, NULL));
    memory_free(text);
    manifest.image_count = images;
    assert_true(file_checksum(export_path("images.jsonl"), manifest.images_sha256, NULL));
    for (size_t i = 0; i < manifest.space_count; i++) {
        char name[ARCHIVE_FILE_NAME_SIZE];
        archive_vectors_name(i, name);
        manifest.spaces[i].space.count = counts[i];
        assert_true(file_checksum(export_path(name), manifest.spaces[i].sha256, NULL));
    }
    text = archive_manifest_write(&manifest, NULL);
    write_export("manifest.json", text, strlen(text));
    memory_free(text);
}

static void files_that_changed_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {"images.jsonl", "vectors-0.npy", "vectors-1.npy"};
    export_sample(10);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        char wanted[64];
        char *bytes = read_export(names[i], &size);
        bytes[size - 20] ^= 1;
        write_export(names[i], bytes, size);
        (void)snprintf(wanted, sizeof wanted, "%s is not what was exported", names[i]);
        assert_refused(wanted);
        bytes[size - 20] ^= 1;
        write_export(names[i], bytes, size);
        memory_free(bytes);
    }
    assert_true(unlink(export_path("vectors-1.npy")) == 0);
    struct error err = {0};
    assert_null(archive_open(export_path(""), &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_true(unlink(export_path("manifest.json")) == 0);
    error_clear(&err);
    assert_null(archive_open(export_path(""), &err));
    assert_non_null(strstr(err.text, "is no export"));
}

static void lines_out_of_order_are_refused(void **state) {
    (void)state;
    export_sample(10);
    size_t size;
    char *bytes = read_export("images.jsonl", &size);
    size_t first = strcspn(bytes, "\n") + 1;
    size_t second = strcspn(bytes + first, "\n") + 1;
    char *changed = memory_try(size + 1);
    assert_non_null(changed);
    memcpy(changed, bytes + first, second);  // the second, then the first
    memcpy(changed + second, bytes, first);
    memcpy(changed + first + second, bytes + first + second, size - first - second);
    write_export("images.jsonl", changed, size);
    sign(10, 4, 10);
    assert_refused("images.jsonl line 1: row 1 of vectors-1.npy is not the next, 0");
    memcpy(changed, bytes, first);  // the first twice
    memcpy(changed + first, bytes, first);
    write_export("images.jsonl", changed, 2 * first);
    sign(2, 4, 10);
    assert_refused("images.jsonl line 2: it is not in order");
    memory_free(changed);
    memory_free(bytes);
}

static void counts_that_do_not_agree_are_refused(void **state) {
    (void)state;
    export_sample(10);
    size_t size;
    char *bytes = read_export("images.jsonl", &size);
    sign(11, 4, 10);
    assert_refused("images.jsonl has 10 images, and the manifest says 11");
    sign(10, 4, 11);
    assert_refused("vectors-1.npy has 10 rows of 8 numbers, and the manifest says 11 of 8");
    write_export("images.jsonl", bytes, strcspn(bytes, "\n") + 1);
    sign(1, 4, 10);
    assert_refused("images.jsonl names 0 rows of vectors-0.npy, which has 4");
    write_export("images.jsonl", bytes, size - 1);
    sign(10, 4, 10);
    assert_refused("images.jsonl line 10: it has no line end");
    bytes[3] = '\x01';
    write_export("images.jsonl", bytes, size);
    sign(10, 4, 10);
    assert_refused("images.jsonl line 1: it is not JSON");
    memory_free(bytes);
}

static void vectors_that_are_none_are_refused(void **state) {
    (void)state;
    static const float wrong[] = {0, 3, NAN, INFINITY};
    export_sample(10);
    size_t size;
    char *bytes = read_export("vectors-1.npy", &size);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t at = NPY_HEADER_SIZE + 4 * (size_t)SAMPLE_WIDTH * 6;
        char kept[4 * SAMPLE_WIDTH];
        memcpy(kept, bytes + at, sizeof kept);
        for (int j = 0; j < SAMPLE_WIDTH; j++)
            float_bytes_write(&wrong[i], 1, (unsigned char *)bytes + at + 4 * j);
        write_export("vectors-1.npy", bytes, size);
        sign(10, 4, 10);
        assert_refused("images.jsonl line 7: row 6 of vectors-1.npy is not a unit vector");
        memcpy(bytes + at, kept, sizeof kept);
    }
    memory_free(bytes);
}

static void running_out_of_memory_is_an_error(void **state) {
    (void)state;
    struct store *store = memory_store_create();
    fill(store, 20);
    bool is_done = false;
    for (long nth = 1; !is_done; nth++) {
        struct store_pages pages;
        struct archive_report report;
        struct archive_export export = {.from = &pages.pages};
        struct error err = {0};
        test_folder_destroy(&folder);
        test_folder_create(&folder);
        export.folder = export_path("");
        assert_true(store_pages_open(&pages, store, &err));
        memory_fail_nth(nth, true);
        is_done = archive_write(&export, &report, &err);
        memory_fail_nth(0, false);
        assert_int_equal(err.kind, is_done ? ERROR_NONE : ERROR_INTERNAL);
    }
    struct archive *archive = NULL;
    for (long nth = 1; archive == NULL; nth++) {
        struct error err = {0};
        memory_fail_nth(nth, true);
        archive = archive_open(export_path(""), &err);
        memory_fail_nth(0, false);
        assert_int_equal(err.kind, archive != NULL ? ERROR_NONE : ERROR_INTERNAL);
    }
    archive_close(archive);
    store->operations->destroy(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_import_gives_the_store_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_store_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_there_is_not_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_export_never_has_the_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_changed_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_out_of_order_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_that_do_not_agree_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(vectors_that_are_none_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(running_out_of_memory_is_an_error, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
