#include "tokenize/wordpiece.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "golden_rows.h"

enum { MAX_ALLOCATIONS = 50 };

static struct wordpiece *load_golden(void) {
    char path[PATH_SIZE];
    struct error err = {0};
    data_path(path, "golden/tokenize", "wordpiece_vocab.txt");
    struct wordpiece *tokenizer = wordpiece_load(path, &err);
    if (tokenizer == NULL) fail_msg("%s", err.text);
    return tokenizer;
}

static void check_encoding(void *context, char *text, char *wanted_text) {
    int32_t wanted[MAX_ROW_IDS], ids[MAX_ROW_IDS];
    struct error err = {0};
    size_t wanted_count = parse_ids(wanted_text, wanted, MAX_ROW_IDS);
    size_t count = wordpiece_encode(context, text, ids, MAX_ROW_IDS, &err);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_ids_equal(text, ids, count, wanted, wanted_count);
}

static void test_golden_encodings(void **state) {
    (void)state;
    struct wordpiece *tokenizer = load_golden();
    assert_true(for_each_row("wordpiece_ids.txt", check_encoding, tokenizer) >= 300);
    wordpiece_destroy(tokenizer);
}

static void check_decoding(void *context, char *ids_text, char *wanted) {
    int32_t ids[MAX_ROW_IDS];
    struct error err = {0};
    size_t count = parse_ids(ids_text, ids, MAX_ROW_IDS);
    char *text = wordpiece_decode_copy(context, ids, count, &err);
    if (text == NULL) fail_msg("%s: %s", ids_text, err.text);
    assert_string_equal(text, wanted);
    memory_free(text);
}

static void test_golden_decodings(void **state) {
    (void)state;
    struct wordpiece *tokenizer = load_golden();
    assert_true(for_each_row("wordpiece_texts.txt", check_decoding, tokenizer) >= 400);
    wordpiece_destroy(tokenizer);
}

// A vocabulary of its own, to decode what the golden one does not have.
static void test_clean_up(void **state) {
    (void)state;
    static const char vocab[] =
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n.\n?\n!\n,\n'\nn\nt\nm\ns\nve\nre\n##b\ndo\ni\n";
    struct wordpiece *tokenizer =
        wordpiece_load(temporary_file_write(vocab, sizeof vocab - 1), NULL);
    assert_non_null(tokenizer);
    assert_int_equal(wordpiece_vocabulary_size(tokenizer), 20);
    static const struct {
        const char *ids, *text;
    } cases[] = {
        {"", ""},
        {"5", "a"},
        {"5 17 17", "abb"},
        {"17 5", "##b a"},  // nothing to glue it to
        {"5 6 5 7 5 8 5 9 5", "a. a? a! a, a"},
        {"18 11 10 12", "don't"},
        {"19 10 13", "i'm"},
        {"5 10 14", "a's"},
        {"19 10 15", "i've"},
        {"5 10 16", "a're"},
        {"5 10", "a '"},
        {"2 5 0 17 3 4 1", "ab"},    // special ones vanish
        {"-1 5 20 30522 17", "ab"},  // so do ids that are not in the vocabulary
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char ids[64], wanted[64];
        (void)snprintf(ids, sizeof ids, "%s", cases[i].ids);
        (void)snprintf(wanted, sizeof wanted, "%s", cases[i].text);
        check_decoding(tokenizer, ids, wanted);
    }
    wordpiece_destroy(tokenizer);
    temporary_file_remove();
}

static void test_a_full_list_ends_the_encoding(void **state) {
    (void)state;
    struct wordpiece *tokenizer = load_golden();
    int32_t all[8], ids[8];
    size_t count = wordpiece_encode(tokenizer, "the cat is walking.", all, 8, NULL);
    assert_int_equal(count, 5);
    for (size_t capacity = 0; capacity < count; capacity++) {
        assert_int_equal(wordpiece_encode(tokenizer, "the cat is walking.", ids, capacity, NULL),
                         capacity);
        assert_memory_equal(ids, all, capacity * sizeof *ids);
    }
    wordpiece_destroy(tokenizer);
}

static void test_bad_texts(void **state) {
    (void)state;
    struct wordpiece *tokenizer = load_golden();
    int32_t ids[8];
    struct error err = {0};
    assert_int_equal(wordpiece_encode(tokenizer, "caf\xE9", ids, 8, &err), 0);
    assert_int_equal(err.kind, ERROR_INVALID);
    wordpiece_destroy(tokenizer);
}

static bool load_case(const char *folder, struct error *err) {
    char path[2 * PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/vocab.txt", folder);
    struct wordpiece *tokenizer = wordpiece_load(path, err);
    if (tokenizer == NULL) return false;
    int32_t ids[8];
    assert_int_equal(wordpiece_encode(tokenizer, "Cats cat dog", ids, 8, err), 4);
    assert_ids_equal("Cats cat dog", ids, 4, (int32_t[]){2, 3, 2, 1}, 4);
    wordpiece_destroy(tokenizer);
    return true;
}

static void test_suite(void **state) {
    (void)state;
    assert_true(check_suite("wordpiece", load_case) >= 8);
}

// Every allocation fails once: an error, no crash, no leak.
static void test_allocation_failures(void **state) {
    (void)state;
    char path[PATH_SIZE];
    data_path(path, "golden/tokenize", "wordpiece_vocab.txt");
    struct wordpiece *tokenizer = NULL;
    long nth = 1;
    for (; nth < MAX_ALLOCATIONS && tokenizer == NULL; nth++) {
        struct error err = {0};
        memory_fail_nth(nth, false);
        tokenizer = wordpiece_load(path, &err);
        memory_fail_nth(0, false);
        assert_int_equal(tokenizer == NULL, err.kind == ERROR_INTERNAL);
    }
    assert_in_range(nth, 4, MAX_ALLOCATIONS - 1);
    struct error err = {0};
    int32_t ids[8] = {5, 6};
    memory_fail_nth(1, false);
    assert_int_equal(wordpiece_encode(tokenizer, "cat", ids, 8, &err), 0);
    memory_fail_nth(0, false);
    assert_int_equal(err.kind, ERROR_INTERNAL);
    memory_fail_nth(1, false);
    assert_null(wordpiece_decode_copy(tokenizer, ids, 2, NULL));
    memory_fail_nth(0, false);
    wordpiece_destroy(tokenizer);
    wordpiece_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_encodings),
        cmocka_unit_test(test_golden_decodings),
        cmocka_unit_test(test_clean_up),
        cmocka_unit_test(test_a_full_list_ends_the_encoding),
        cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_suite),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
