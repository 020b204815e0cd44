// The rows of the published vocabulary, too large to be in the tree: IMGROUTER_CLIP_MERGES names
// merges.txt or open_clip's bpe_simple_vocab_16e6.txt.gz. Without it the test is skipped.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "golden_rows.h"
#include "tokenize/clip_bpe.h"

enum { SKIPPED = 77, PUBLISHED_SIZE = 49408 };

static void check_row(void *context, char *text, char *wanted_text) {
    int32_t wanted[MAX_ROW_IDS], ids[MAX_ROW_IDS];
    struct error err = {0};
    size_t wanted_count = parse_ids(wanted_text, wanted, MAX_ROW_IDS);
    size_t count = clip_bpe_encode(context, text, ids, MAX_ROW_IDS, NULL, &err);
    if (count == 0) fail_msg("\"%s\": %s", text, err.text);
    assert_ids_equal(text, ids, count, wanted, wanted_count);
}

static void test_golden_rows(void **state) {
    (void)state;
    struct error err = {0};
    int64_t start = clock_monotonic_ns();
    struct clip_bpe *tokenizer = clip_bpe_load(getenv("IMGROUTER_CLIP_MERGES"), NULL, &err);
    if (tokenizer == NULL) fail_msg("%s", err.text);
    print_message("loaded in %.1f ms\n", clock_ms_since(start));
    assert_int_equal(clip_bpe_vocabulary_size(tokenizer), PUBLISHED_SIZE);
    start = clock_monotonic_ns();
    size_t rows = for_each_row("clip_full_ids.txt", check_row, tokenizer);
    print_message("%zu rows in %.1f ms\n", rows, clock_ms_since(start));
    assert_true(rows >= 300);
    clip_bpe_destroy(tokenizer);
}

int main(void) {
    if (getenv("IMGROUTER_CLIP_MERGES") == NULL) {
        print_message("skipped: IMGROUTER_CLIP_MERGES does not name CLIP's merges\n");
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
