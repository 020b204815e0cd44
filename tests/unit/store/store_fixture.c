#define _XOPEN_SOURCE 700  // nftw
#include "store_fixture.h"

#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sha256.h"

void test_folder_create(struct test_folder *folder) {
    // In memory where that is to be had: a sync costs nothing there, and a killed process loses
    // neither more nor less than on a disk.
    const char *parent = getenv("TMPDIR");
    if (parent == NULL && access("/dev/shm", W_OK | X_OK) == 0) parent = "/dev/shm";
    (void)snprintf(folder->path, sizeof folder->path, "%s/imgrouter-test-XXXXXX",
                   parent == NULL ? P_tmpdir : parent);
    assert_non_null(mkdtemp(folder->path));
}

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *position) {
    (void)status, (void)type, (void)position;
    return remove(path);
}

void test_folder_destroy(struct test_folder *folder) {
    (void)nftw(folder->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_folder_path(const struct test_folder *folder, const char *name) {
    static _Thread_local char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%.4000s/%s", folder->path, name);
    return path;
}

static void sample_hex(unsigned number, char hex[static SHA256_HEX_SIZE]) {
    uint8_t digest[SHA256_SIZE];
    sha256(&number, sizeof number, digest);
    sha256_hex(digest, hex);
}

const char *sample_id(unsigned number) {
    static _Thread_local char hex[SHA256_HEX_SIZE];
    sample_hex(number, hex);
    hex[IMAGE_ID_SIZE - 1] = '\0';
    return hex;
}

uint64_t sample_hash(unsigned number) {
    char hex[SHA256_HEX_SIZE];
    sample_hex(number, hex);
    hex[16] = '\0';
    return strtoull(hex, NULL, 16);
}

struct receipt sample_receipt(unsigned number) {
    struct receipt receipt = {
        .reason = "low_confidence",
        .words = "the local model is \"not\" sure: 0.41 < 0.55 №",
        .provider = "openrouter",
        .variant = "b",
        .local_ms = 412.125,
        .cloud_ms = number / 1e3,
        .route_ms = 0.042,
        .cost_nano_usd = 9007199254740993 + number,  // a double would round it
        .is_cost_estimated = number % 2 == 0,
        .is_cached = number % 4 == 0,
    };
    return receipt;
}

struct image_record sample_record(unsigned number) {
    struct image_record record = {
        .origin = "local",
        .caption_model = "captioner",
        .embedding_model = "space",
        .confidence = 0.5 + number / 1e6,
        .clip_score = -0.25,
        .source = number % 2 == 0 ? SOURCE_UPLOAD : SOURCE_URL,
        .mime = "image/jpeg",
        .width = 640 + number % 100,
        .height = UINT32_MAX,
        .size_bytes = 5000000000 + number,
        .created_ms = 1700000000000 + number / 4,  // ties on purpose
        .has_perceptual_hash = number % 3 != 0,
    };
    sample_hex(number, record.sha256);
    (void)snprintf(record.id, sizeof record.id, "%s", record.sha256);
    if (record.has_perceptual_hash) record.perceptual_hash = sample_hash(number);
    if (number % 3 == 2) record.receipt = sample_receipt(number);
    if (number % 5 == 0) (void)snprintf(record.tags, sizeof record.tags, "fifth\nnr %u", number);
    (void)snprintf(record.caption, sizeof record.caption, "a \"cåt\" №%u; DROP TABLE", number);
    if (record.source == SOURCE_UPLOAD)
        (void)snprintf(record.file_name, sizeof record.file_name, "../%u'.jpg", number);
    else
        (void)snprintf(record.url, sizeof record.url, "https://example.org/%u?a=%%41", number);
    return record;
}

void sample_vector(unsigned number, float vector[static SAMPLE_WIDTH]) {
    uint32_t state = number * 2654435761U + 12345;  // Knuth's multiplicative hash
    float square = 0;
    for (int i = 0; i < SAMPLE_WIDTH; i++) {
        state = state * 1664525U + 1013904223U;  // Numerical Recipes' generator
        vector[i] = (float)(state >> 8) / (float)(1 << 23) - 1;
        square += vector[i] * vector[i];
    }
    for (int i = 0; i < SAMPLE_WIDTH; i++) vector[i] /= sqrtf(square);
}

void assert_same_receipt(const struct receipt *found, const struct receipt *expected) {
    char found_text[RECEIPT_TEXT_SIZE], expected_text[RECEIPT_TEXT_SIZE];
    receipt_write(found, found_text);
    receipt_write(expected, expected_text);
    assert_string_equal(found_text, expected_text);
}

void assert_same_record(const struct image_record *found, const struct image_record *expected) {
    assert_string_equal(found->id, expected->id);
    assert_string_equal(found->sha256, expected->sha256);
    assert_string_equal(found->caption, expected->caption);
    assert_string_equal(found->origin, expected->origin);
    assert_string_equal(found->caption_model, expected->caption_model);
    assert_string_equal(found->embedding_model, expected->embedding_model);
    assert_true(found->confidence == expected->confidence);
    assert_true(found->clip_score == expected->clip_score);
    assert_int_equal(found->source, expected->source);
    assert_string_equal(found->file_name, expected->file_name);
    assert_string_equal(found->url, expected->url);
    assert_string_equal(found->mime, expected->mime);
    assert_int_equal(found->width, expected->width);
    assert_int_equal(found->height, expected->height);
    assert_int_equal(found->size_bytes, expected->size_bytes);
    assert_int_equal(found->created_ms, expected->created_ms);
    assert_string_equal(found->tags, expected->tags);
    assert_int_equal(found->has_perceptual_hash, expected->has_perceptual_hash);
    assert_true(found->perceptual_hash == expected->perceptual_hash);
    assert_same_receipt(&found->receipt, &expected->receipt);
}

bool put_sample(struct store *store, unsigned number) {
    struct image_record record = sample_record(number);
    float vector[SAMPLE_WIDTH];
    bool was_new = false;
    struct error err = {0};
    sample_vector(number, vector);
    if (!store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, &err))
        fail_msg("put of sample %u: %s", number, err.text);
    return was_new;
}

bool search_nearest(struct store *store, const char *embedding_model, const float *query,
                    size_t width, size_t k, struct store_match *matches, size_t *count,
                    struct error *err) {
    struct store_search search = {
        .embedding_model = embedding_model, .query = query, .width = width, .k = k};
    return store->operations->search(store, &search, matches, count, err);
}
