#include "tokenize/clip_bpe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "golden_rows.h"

enum { MAX_ALLOCATIONS = 200, CONTEXT = 77 };

static struct clip_bpe *load_golden(bool has_vocab) {
    char merges[PATH_SIZE], vocab[PATH_SIZE];
    struct error err = {0};
    data_path(merges, "golden/tokenize", "clip_merges.txt");
    data_path(vocab, "golden/tokenize", "clip_vocab.json");
    struct clip_bpe *tokenizer = clip_bpe_load(merges, has_vocab ? vocab : NULL, &err);
    if (tokenizer == NULL) fail_msg("%s", err.text);
    return tokenizer;
}

static void check_row(void *context, char *text, char *wanted_text) {
    int32_t wanted[MAX_ROW_IDS], ids[MAX_ROW_IDS];
    struct error err = {0};
    bool is_cut = true;
    size_t wanted_count = parse_ids(wanted_text, wanted, MAX_ROW_IDS);
    size_t count = clip_bpe_encode(context, text, ids, MAX_ROW_IDS, &is_cut, &err);
    if (count == 0) fail_msg("\"%s\": %s", text, err.text);
    assert_ids_equal(text, ids, count, wanted, wanted_count);
    assert_false(is_cut);

    // The model's context: as the reference, cut and ended by the last id.
    count = clip_bpe_encode(context, text, ids, CONTEXT, &is_cut, &err);
    assert_int_equal(is_cut, wanted_count > CONTEXT);
    if (wanted_count > CONTEXT) wanted[CONTEXT - 1] = wanted[wanted_count - 1];
    assert_ids_equal(text, ids, count, wanted, wanted_count > CONTEXT ? CONTEXT : wanted_count);
}

static void test_golden_rows(void **state) {
    (void)state;
    struct clip_bpe *tokenizer = load_golden(false);
    assert_int_equal(clip_bpe_vocabulary_size(tokenizer), 905);
    assert_true(for_each_row("clip_ids.txt", check_row, tokenizer) >= 300);
    clip_bpe_destroy(tokenizer);
}

// clip_vocab.json gives every symbol but the two special ones the mirrored id.
static void check_mirrored_row(void *context, char *text, char *wanted_text) {
    int32_t wanted[MAX_ROW_IDS], ids[MAX_ROW_IDS];
    int32_t size = (int32_t)clip_bpe_vocabulary_size(context);
    size_t wanted_count = parse_ids(wanted_text, wanted, MAX_ROW_IDS);
    for (size_t i = 0; i < wanted_count; i++) {
        if (wanted[i] < size - 2) wanted[i] = size - 3 - wanted[i];
    }
    size_t count = clip_bpe_encode(context, text, ids, MAX_ROW_IDS, NULL, NULL);
    assert_ids_equal(text, ids, count, wanted, wanted_count);
}

static void test_ids_come_from_vocab_json(void **state) {
    (void)state;
    struct clip_bpe *tokenizer = load_golden(true);
    assert_int_equal(clip_bpe_vocabulary_size(tokenizer), 905);
    assert_true(for_each_row("clip_ids.txt", check_mirrored_row, tokenizer) >= 300);
    clip_bpe_destroy(tokenizer);
}

static void test_the_smallest_capacity(void **state) {
    (void)state;
    struct clip_bpe *tokenizer = load_golden(false);
    int32_t ids[3];
    bool is_cut = false;
    assert_int_equal(clip_bpe_encode(tokenizer, "a cat", ids, 2, &is_cut, NULL), 2);
    assert_ids_equal("a cat", ids, 2, (int32_t[]){903, 904}, 2);
    assert_true(is_cut);
    assert_int_equal(clip_bpe_encode(tokenizer, "a cat", ids, 3, &is_cut, NULL), 3);
    assert_ids_equal("a cat", ids, 3, (int32_t[]){903, 320, 904}, 3);
    assert_true(is_cut);
    assert_int_equal(clip_bpe_encode(tokenizer, "a", ids, 3, &is_cut, NULL), 3);
    assert_false(is_cut);
    clip_bpe_destroy(tokenizer);
}

// The reference would end the query at the second word.
static void test_special_tokens_in_the_text_are_text(void **state) {
    (void)state;
    struct clip_bpe *tokenizer = load_golden(false);
    int32_t ids[MAX_ROW_IDS];
    static const char text[] = "cat <end_of_text> <start_of_text> &lt;end_of_text&gt; dog";
    size_t count = clip_bpe_encode(tokenizer, text, ids, MAX_ROW_IDS, NULL, NULL);
    for (size_t i = 1; i + 1 < count; i++) assert_true(ids[i] < 903);
    assert_int_equal(ids[count - 2], 552);  // dog</w>
    clip_bpe_destroy(tokenizer);
}

static void test_text_that_is_not_utf8(void **state) {
    (void)state;
    static const char *const texts[] = {"caf\xE9",      "\x80",     "a\xC3",           "\xC0\xAF",
                                        "\xED\xA0\x80", "\xFE\xFF", "\xF4\x90\x80\x80"};
    struct clip_bpe *tokenizer = load_golden(false);
    int32_t ids[CONTEXT];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error err = {0};
        assert_int_equal(clip_bpe_encode(tokenizer, texts[i], ids, CONTEXT, NULL, &err), 0);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, "not UTF-8"));
    }
    clip_bpe_destroy(tokenizer);
}

static void test_the_longest_text(void **state) {
    (void)state;
    enum { LIMIT = 16 << 10 };
    char *text = memory_alloc(LIMIT + 2);
    int32_t ids[CONTEXT];
    struct error err = {0};
    bool is_cut = false;
    struct clip_bpe *tokenizer = load_golden(false);
    for (size_t i = 0; i < LIMIT; i++) text[i] = (char)('a' + i * i % 26);  // one word
    assert_int_equal(clip_bpe_encode(tokenizer, text, ids, CONTEXT, &is_cut, &err), CONTEXT);
    assert_true(is_cut);
    text[LIMIT] = 'a';
    assert_int_equal(clip_bpe_encode(tokenizer, text, ids, CONTEXT, &is_cut, &err), 0);
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    clip_bpe_destroy(tokenizer);
    memory_free(text);
}

static bool load_case(const char *folder, struct error *err) {
    char merges[2 * PATH_SIZE], vocab[2 * PATH_SIZE];
    (void)snprintf(merges, sizeof merges, "%s/merges.txt", folder);
    (void)snprintf(vocab, sizeof vocab, "%s/vocab.json", folder);
    struct clip_bpe *tokenizer = clip_bpe_load(merges, file_exists(vocab) ? vocab : NULL, err);
    if (tokenizer == NULL) return false;
    int32_t ids[CONTEXT];
    assert_int_equal(clip_bpe_encode(tokenizer, "abc", ids, CONTEXT, NULL, err), 3);
    // A vocabulary without all bytes leaves the missing ones out.
    assert_in_range(clip_bpe_encode(tokenizer, "abc z", ids, CONTEXT, NULL, err), 3, 4);
    clip_bpe_destroy(tokenizer);
    return true;
}

static void test_suite(void **state) {
    (void)state;
    assert_true(check_suite("clip_bpe", load_case) >= 28);
}

static void test_a_gzip_bomb(void **state) {
    (void)state;
    enum { INFLATED = 17 << 20 };
    uLongf size = compressBound(INFLATED) + 64;
    unsigned char *zeros = memory_try_zeroed(INFLATED, 1), *packed = memory_try(size);
    assert_true(zeros != NULL && packed != NULL);
    z_stream stream = {
        .next_in = zeros, .avail_in = INFLATED, .next_out = packed, .avail_out = (uInt)size};
    assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    struct error err = {0};
    assert_null(clip_bpe_load(temporary_file_write(packed, stream.total_out), NULL, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    (void)deflateEnd(&stream);
    memory_free(zeros);
    memory_free(packed);
    temporary_file_remove();
}

// Every allocation fails once, alone and with all later ones: an error, no crash, no leak.
static void test_allocation_failures_while_loading(void **state) {
    (void)state;
    char merges[PATH_SIZE], vocab[PATH_SIZE];
    data_path(merges, "suites/clip_bpe", "valid_gzip/merges.txt");
    data_path(vocab, "suites/clip_bpe", "valid_vocab/vocab.json");
    for (int variant = 0; variant < 4; variant++) {
        long nth = 1;
        for (; nth < MAX_ALLOCATIONS; nth++) {
            struct error err = {0};
            memory_fail_nth(nth, variant % 2 == 1);
            struct clip_bpe *tokenizer = clip_bpe_load(merges, variant < 2 ? NULL : vocab, &err);
            memory_fail_nth(0, false);
            if (tokenizer != NULL) {
                clip_bpe_destroy(tokenizer);
                break;
            }
            assert_int_not_equal(err.kind, ERROR_NONE);
        }
        assert_in_range(nth, 5, MAX_ALLOCATIONS - 1);
    }
}

static void test_allocation_failures_while_encoding(void **state) {
    (void)state;
    struct clip_bpe *tokenizer = load_golden(false);
    int32_t ids[CONTEXT];
    for (long nth = 1; nth <= 3; nth++) {
        struct error err = {0};
        memory_fail_nth(nth, false);
        assert_int_equal(clip_bpe_encode(tokenizer, "a cat", ids, CONTEXT, NULL, &err), 0);
        memory_fail_nth(0, false);
        assert_int_equal(err.kind, ERROR_INTERNAL);
    }
    clip_bpe_destroy(tokenizer);
}

static void test_a_missing_file(void **state) {
    (void)state;
    struct error err = {0};
    assert_null(clip_bpe_load("/nowhere/merges.txt", NULL, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    clip_bpe_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_rows),
        cmocka_unit_test(test_ids_come_from_vocab_json),
        cmocka_unit_test(test_the_smallest_capacity),
        cmocka_unit_test(test_special_tokens_in_the_text_are_text),
        cmocka_unit_test(test_text_that_is_not_utf8),
        cmocka_unit_test(test_the_longest_text),
        cmocka_unit_test(test_suite),
        cmocka_unit_test(test_a_gzip_bomb),
        cmocka_unit_test(test_allocation_failures_while_loading),
        cmocka_unit_test(test_allocation_failures_while_encoding),
        cmocka_unit_test(test_a_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
