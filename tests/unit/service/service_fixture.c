#include "service_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/memory.h"

int service_fixture_setup(void **state) {
    struct service_fixture *fixture = memory_alloc(sizeof *fixture);
    struct error err = {0};
    test_folder_create(&fixture->folder);
    fake_fetch = (struct fake_fetch){0};
    fixture->options = (struct service_options){
        .engine = fake_engine_reset(),
        .store = memory_store_create(),
        .blobs = blob_folder_create(fixture->folder.path, &err),
        .metrics = metrics_create(&err),
        .image_limits = image_limits_default,
        .fetch_limits = {.max_bytes = 1234},
        .decode_threads = 2,
    };
    fixture->service = service_create(&fixture->options, &err);
    if (err.kind != ERROR_NONE) fail_msg("%s", err.text);
    *state = fixture;
    return 0;
}

int service_fixture_teardown(void **state) {
    struct service_fixture *fixture = *state;
    memory_fail_nth(0, false);
    atomic_store(&fake_engine.is_blocked, false);  // else a failed test would wait for it
    service_destroy(fixture->service);
    metrics_destroy(fixture->options.metrics);
    blob_folder_destroy(fixture->options.blobs);
    fixture->options.store->operations->destroy(fixture->options.store);
    test_folder_destroy(&fixture->folder);
    memory_free(fixture);
    return 0;
}

void service_fixture_restart(struct service_fixture *fixture) {
    service_destroy(fixture->service);
    fixture->service = service_create(&fixture->options, NULL);
    assert_non_null(fixture->service);
}

void picture_of(int red, int green, int blue, unsigned char picture[static PICTURE_SIZE]) {
    const unsigned char gif[PICTURE_SIZE] = {'G',
                                             'I',
                                             'F',
                                             '8',
                                             '9',
                                             'a',
                                             1,
                                             0,
                                             1,
                                             0,
                                             0x80,
                                             0,
                                             0,  // 1x1, two colours
                                             (unsigned char)red,
                                             (unsigned char)green,
                                             (unsigned char)blue,
                                             0,
                                             0,
                                             0,  // the colours
                                             0x2c,
                                             0,
                                             0,
                                             0,
                                             0,
                                             1,
                                             0,
                                             1,
                                             0,
                                             0,  // one image
                                             2,
                                             2,
                                             0x44,
                                             1,
                                             0,
                                             0x3b};  // one pixel, the end
    memcpy(picture, gif, sizeof gif);
}

const unsigned char small_png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44,
    0x52, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x02, 0x08, 0x02, 0x00, 0x00, 0x00, 0x12,
    0x16, 0xf1, 0x4d, 0x00, 0x00, 0x00, 0x1c, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x3c,
    0xc1, 0xc0, 0xc0, 0xc0, 0xc5, 0xc0, 0xc0, 0xc5, 0xc0, 0xc2, 0xc0, 0x20, 0xc2, 0xc0, 0xc0,
    0xc0, 0xc0, 0xc0, 0x00, 0x00, 0x10, 0xc2, 0x00, 0xf6, 0xaf, 0x2f, 0xcb, 0x0f, 0x00, 0x00,
    0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
const size_t small_png_size = sizeof small_png;

static void put_number(unsigned char *bytes, unsigned long number) {
    for (int i = 0; i < 4; i++) bytes[i] = (unsigned char)(number >> (24 - 8 * i));
}

// Length, type, content (in place already), checksum. Returns the size of the whole chunk.
static size_t seal_chunk(unsigned char *chunk, const char *type, size_t content_size) {
    put_number(chunk, content_size);
    memcpy(chunk + 4, type, 4);
    put_number(chunk + 8 + content_size, crc32(0, chunk + 4, (uInt)content_size + 4));
    return content_size + 12;
}

unsigned char *black_png_create(unsigned width, unsigned height, size_t *size) {
    size_t raw_size =
        ((size_t)(width + 7) / 8 + 1) * height;  // one bit a pixel, one filter byte a row
    uLongf packed_size = compressBound(raw_size);
    unsigned char *raw = memory_try_zeroed(raw_size, 1);
    unsigned char *png = memory_try_zeroed(packed_size + 100, 1);
    assert_non_null(raw);
    assert_non_null(png);
    memcpy(png, small_png, 8);  // the signature
    unsigned char *at = png + 8;
    put_number(at + 8, width);
    put_number(at + 12, height);
    at[16] = 1;  // bit depth; all else 0: grey, not interlaced
    at += seal_chunk(at, "IHDR", 13);
    assert_int_equal(compress(at + 8, &packed_size, raw, raw_size), Z_OK);
    at += seal_chunk(at, "IDAT", packed_size);
    at += seal_chunk(at, "IEND", 0);
    memory_free(raw);
    *size = (size_t)(at - png);
    return png;
}

struct ingest_result upload_colour(struct service_fixture *fixture, int red, int green, int blue) {
    unsigned char picture[PICTURE_SIZE];
    struct ingest_result result;
    struct error err = {0};
    picture_of(red, green, blue, picture);
    if (!service_ingest_image(
            fixture->service, picture, sizeof picture,
            &(struct ingest_options){.file_name = "a.gif", .lane = QUEUE_INTERACTIVE}, &result,
            &err))
        fail_msg("%s", err.text);
    return result;
}

size_t stored_images(const struct service_fixture *fixture) {
    struct store *store = fixture->options.store;
    size_t count = 0;
    assert_true(store->operations->count(store, &count, NULL));
    return count;
}

size_t stored_blobs(const struct service_fixture *fixture) {
    size_t count = 0;
    for (unsigned i = 0; i < 256; i++) {
        char name[3];
        (void)snprintf(name, sizeof name, "%02x", i);
        DIR *folder = opendir(test_folder_path(&fixture->folder, name));
        if (folder == NULL) continue;
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
            count += entry->d_name[0] != '.';
        (void)closedir(folder);
    }
    return count;
}

double counted(const struct service_fixture *fixture, enum metric metric, const char *label) {
    return metrics_value(fixture->options.metrics, metric, label, NULL);
}

double counted_uploads(const struct service_fixture *fixture, const char *result) {
    return metrics_value(fixture->options.metrics, METRIC_UPLOAD_RESULTS, result, "upload") +
           metrics_value(fixture->options.metrics, METRIC_UPLOAD_RESULTS, result, "url");
}
