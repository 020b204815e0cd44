// The prices: the file that ships, the form of such files (every folder of tests/suites/prices is a
// file, and in `error` a part of the sentence that refuses it, or nothing when it is right), and
// sums that are exact.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "cloud/price_table.h"

enum { PATH_SIZE = 1024 };

static const char *data_folder(void) {
    const char *data = getenv("IMGROUTER_TEST_DATA");
    return data == NULL ? "tests" : data;
}

static struct price_table *shipped_create(void) {
    char path[PATH_SIZE];
    struct error err = {0};
    (void)snprintf(path, sizeof path, "%s/../costs/providers.yaml", data_folder());
    struct price_table *table = price_table_create(path, &err);
    if (table == NULL) fail_msg("%s", err.text);
    return table;
}

static struct price_table *parse(const char *text) {
    struct error err = {0};
    struct price_table *table = price_table_parse_create("text", text, strlen(text), &err);
    if (table == NULL) fail_msg("%s", err.text);
    return table;
}

static void run_case(const char *suite, const char *name) {
    char path[PATH_SIZE * 2];
    (void)snprintf(path, sizeof path, "%s/%s/error", suite, name);
    size_t size;
    char *wanted = file_read_create(path, 1000, &size, NULL);
    assert_non_null(wanted);
    wanted[strcspn(wanted, "\n")] = '\0';
    (void)snprintf(path, sizeof path, "%s/%s/input.yaml", suite, name);
    struct error err = {0};
    struct price_table *table = price_table_create(path, &err);
    if ((table != NULL) != (wanted[0] == '\0') || strstr(err.text, wanted) == NULL)
        fail_msg("%s: said \"%s\", wanted \"%s\"", name, err.text, wanted);
    if (table == NULL) {
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.text, "input.yaml"));
    }
    price_table_destroy(table);
    memory_free(wanted);
}

static void test_suite(void **state) {
    (void)state;
    char suite[PATH_SIZE];
    (void)snprintf(suite, sizeof suite, "%s/suites/prices", data_folder());
    DIR *cases = opendir(suite);
    assert_non_null(cases);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(cases)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        run_case(suite, entry->d_name);
        count++;
    }
    (void)closedir(cases);
    assert_true(count >= 75);
}

static void test_a_file_that_is_not_there_or_too_large(void **state) {
    (void)state;
    struct error err = {0};
    assert_null(price_table_create("/nonexistent/prices.yaml", &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    error_clear(&err);
    size_t size = 1024 * 1024 + 1;
    char *bytes = memory_try(size);
    assert_non_null(bytes);
    memset(bytes, '#', size);
    assert_null(price_table_parse_create("large", bytes, size, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "large is larger than 1048576 bytes"));
    memory_free(bytes);
}

static void test_out_of_memory_is_told(void **state) {
    (void)state;
    static const char text[] =
        "providers:\n  fake:\n    \"*\": {per_image: 0.1, date: 2025-10-19, source: x}\n";
    bool is_done = false;
    for (long nth = 1; !is_done; nth++) {
        assert_true(nth < 100);
        struct error err = {0};
        memory_fail_nth(nth, false);
        struct price_table *table = price_table_parse_create("t", text, sizeof text - 1, &err);
        memory_fail_nth(0, false);
        is_done = table != NULL;
        if (!is_done) assert_int_equal(err.kind, ERROR_INTERNAL);
        price_table_destroy(table);
    }
}

static void test_every_entry_that_ships_is_plausible(void **state) {
    (void)state;
    struct price_table *table = shipped_create();
    bool has_kind[PROVIDER_KIND_COUNT] = {false};
    assert_true(price_table_count(table) >= 13);
    for (size_t i = 0; i < price_table_count(table); i++) {
        enum provider_kind kind;
        const char *model;
        const struct price *price = price_table_entry(table, i, &kind, &model);
        has_kind[kind] = true;
        assert_int_equal(strlen(price->date), 10);
        assert_true(price->source[0] != '\0');
        assert_ptr_equal(price_find(table, kind, model), price);
        int64_t most = price_ceiling(price, 768, 768, 100, CLOUD_OUTPUT_TOKENS_MAX);
        int64_t expected = price_expected(price, 768, 768, 100);
        assert_true(most >= expected && expected >= 0);
        // A caption costs less than two cents, and is free only where a server is one's own.
        bool is_own = kind == PROVIDER_OPENAI_COMPATIBLE || kind == PROVIDER_IMGROUTER;
        if (most > 20000000 || (most == 0) != is_own)
            fail_msg("%s %s costs %lld", provider_kind_name(kind), model, (long long)most);
    }
    for (size_t i = 0; i < PROVIDER_KIND_COUNT; i++) assert_true(has_kind[i]);
    price_table_destroy(table);
}

// What the settings ask for by default is known by its own name.
static void test_default_models_have_prices(void **state) {
    (void)state;
    struct price_table *table = shipped_create();
    const struct price *mini = price_find(table, PROVIDER_OPENROUTER, "openai/gpt-4o-mini");
    assert_non_null(mini);
    assert_int_equal(mini->input_nano_usd_per_million, 150000000);
    assert_int_equal(mini->output_nano_usd_per_million, 600000000);
    // We ask for low detail: what is counted is the base, whatever the size.
    assert_int_equal(price_image_tokens(&mini->image_tokens, 4096, 4096), 2833);
    assert_non_null(price_find(table, PROVIDER_OPENAI, "gpt-4o-mini"));
    const struct price *large = price_find(table, PROVIDER_OPENAI, "gpt-4o");
    assert_int_equal(price_image_tokens(&large->image_tokens, 4096, 8192), 85);
    assert_int_equal(price_find(table, PROVIDER_GOOGLE_VISION, NULL)->per_image_nano_usd, 3750000);
    assert_int_equal(price_find(table, PROVIDER_AWS_REKOGNITION, "any")->per_image_nano_usd,
                     1000000);
    assert_null(price_find(table, PROVIDER_OPENROUTER, "openai/gpt-9"));
    assert_null(price_find(table, PROVIDER_OPENAI, NULL));
    price_table_destroy(table);
}

static void test_star_stands_for_models_without_a_price_of_their_own(void **state) {
    (void)state;
    struct price_table *table = parse(
        "providers:\n"
        "  openai:\n"
        "    a: {per_image: 0.1, date: 2025-10-19, source: x}\n"
        "    \"*\": {per_image: 0.2, date: 2025-10-20, source: y}\n");
    assert_int_equal(price_find(table, PROVIDER_OPENAI, "a")->per_image_nano_usd, 100000000);
    assert_int_equal(price_find(table, PROVIDER_OPENAI, "A")->per_image_nano_usd, 200000000);
    assert_int_equal(price_find(table, PROVIDER_OPENAI, NULL)->per_image_nano_usd, 200000000);
    assert_string_equal(price_find(table, PROVIDER_OPENAI, "b")->date, "2025-10-20");
    assert_string_equal(price_find(table, PROVIDER_OPENAI, "b")->source, "y");
    assert_null(price_find(table, PROVIDER_OPENROUTER, "a"));
    price_table_destroy(table);
}

// The first line of a file of the original service; how its models count pictures is not in it.
static void test_the_original_form_counts_pictures_at_the_hungriest(void **state) {
    (void)state;
    struct price_table *table = parse(
        "models:\n"
        "  openai/gpt-4o:\n    input_per_million: 2.50\n    output_per_million: 10.00\n");
    const struct price *price = price_find(table, PROVIDER_OPENROUTER, "openai/gpt-4o");
    assert_non_null(price);
    assert_int_equal(price->input_nano_usd_per_million, 2500000000);
    assert_string_equal(price->date, "");
    assert_int_equal(price_image_tokens(&price->image_tokens, 512, 512), 2833 + 5667);
    assert_int_equal(price_image_tokens(&price->image_tokens, 1024, 1024), 2833 + 4 * 5667);
    price_table_destroy(table);
}

static void test_money_is_exact(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t nano_usd;
    } cases[] = {
        {"0", 0},
        {"0.075", 75000000},
        {"0.1", 100000000},
        {"0.15", 150000000},
        {"0.29", 290000000},  // 0.29 * 100 is 28.999999999999996 in binary
        {"1.005", 1005000000},
        {"0.000000001", 1},
        {"99.999999999", 99999999999},
        {"100", 100000000000},
        {"007", 7000000000},
        {"0.10000000000000", 100000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        (void)snprintf(text, sizeof text,
                       "{providers: {fake: {\"*\": {per_image: %s, date: 2025-10-19, source: x}}}}",
                       cases[i].text);
        struct price_table *table = parse(text);
        int64_t got = price_find(table, PROVIDER_FAKE, NULL)->per_image_nano_usd;
        if (got != cases[i].nano_usd) fail_msg("%s is %lld", cases[i].text, (long long)got);
        price_table_destroy(table);
    }
}

static void test_token_formulas(void **state) {
    (void)state;
    static const struct image_tokens gpt_4o = {85, 170, 512, 2048, 768, 0};
    static const struct image_tokens mini = {2833, 5667, 512, 2048, 768, 0};
    static const struct image_tokens claude = {0, 0, 0, 1568, 0, 750};
    static const struct image_tokens gemini = {0, 258, 256, 0, 384, 0};
    static const struct image_tokens low = {85, 0, 512, 2048, 768, 0};
    static const struct {
        const struct image_tokens *tokens;
        uint32_t width, height;
        int64_t wanted;
    } cases[] = {
        {&gpt_4o, 1024, 1024, 765},  // OpenAI's published examples
        {&gpt_4o, 2048, 4096, 1105},
        {&low, 4096, 8192, 85},
        {&gpt_4o, 512, 512, 255},
        {&gpt_4o, 513, 512, 425},
        {&gpt_4o, 1, 1, 255},
        {&gpt_4o, 20000, 10, 85 + 4 * 170},
        {&mini, 128, 64, 8500},   // measured 8512, with five words and the frame of a message
        {&claude, 200, 200, 54},  // Anthropic's table
        {&claude, 1000, 1000, 1334},
        {&claude, 1092, 1092, 1590},
        {&claude, 3136, 3136, 3279},  // as 1568x1568
        {&claude, 1, 1, 1},
        {&gemini, 256, 256, 258},
        {&gemini, 1024, 768, 4 * 258},
        {&gemini, 768, 1024, 4 * 258},
        {&gemini, 1568, 768, 8 * 258},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t got = price_image_tokens(cases[i].tokens, cases[i].width, cases[i].height);
        if (got != cases[i].wanted)
            fail_msg("case %zu: %lld tokens, wanted %lld", i, (long long)got,
                     (long long)cases[i].wanted);
    }
}

static void test_costs_are_exact_and_rounded_up(void **state) {
    (void)state;
    struct price price = {.input_nano_usd_per_million = 150000000,
                          .output_nano_usd_per_million = 600000000};
    assert_int_equal(price_of_usage(&price, 2845, 20), 2845 * 150 + 20 * 600);
    assert_int_equal(price_of_usage(&price, 0, 0), 0);
    assert_int_equal(price_of_usage(&price, -1, -1), 0);  // not told
    price.per_image_nano_usd = 7;
    assert_int_equal(price_of_usage(&price, -1, 1), 607);
    price = (struct price){.input_nano_usd_per_million = 1};
    assert_int_equal(price_of_usage(&price, 1, 0), 1);  // a millionth of a nano-dollar
    assert_int_equal(price_of_usage(&price, 1000000, 0), 1);
    assert_int_equal(price_of_usage(&price, 1000001, 0), 2);
}

// A token for every byte at the most; for every four as a rule; and what a chat adds.
static void test_prompt_and_answer_count(void **state) {
    (void)state;
    const struct price price = {.input_nano_usd_per_million = 1000000000,    // 1000 a token
                                .output_nano_usd_per_million = 2000000000};  // 2000 a token
    int64_t bare = price_ceiling(&price, 10, 10, 0, 0);
    assert_int_equal(bare, 16 * 1000);
    assert_int_equal(price_ceiling(&price, 10, 10, 89, 100), bare + 89 * 1000 + 100 * 2000);
    assert_int_equal(price_expected(&price, 10, 10, 89), bare + 23 * 1000 + 30 * 2000);
}

static void test_what_overflows_is_the_largest_number(void **state) {
    (void)state;
    const struct price dear = {
        .per_image_nano_usd = 100 * NANO_USD_PER_USD,
        .input_nano_usd_per_million = 5000 * NANO_USD_PER_USD,
        .output_nano_usd_per_million = 5000 * NANO_USD_PER_USD,
        .image_tokens = {
            .base = 10000000, .per_tile = 10000000, .tile_side = 1, .pixels_per_token = 1}};
    assert_int_equal(price_image_tokens(&dear.image_tokens, UINT32_MAX, UINT32_MAX), INT64_MAX);
    assert_int_equal(price_ceiling(&dear, UINT32_MAX, UINT32_MAX, SIZE_MAX, INT64_MAX), INT64_MAX);
    assert_int_equal(price_expected(&dear, UINT32_MAX, UINT32_MAX, SIZE_MAX), INT64_MAX);
    assert_int_equal(price_of_usage(&dear, INT64_MAX, INT64_MAX), INT64_MAX);
    assert_int_equal(price_of_usage(&dear, INT64_MAX, 0), INT64_MAX);
    assert_int_equal(price_of_usage(&dear, 999999, 0), 100000000000 + 4999995000000);
    // Free stays free, however much of it.
    assert_int_equal(price_of_usage(&(struct price){0}, INT64_MAX, INT64_MAX), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),
        cmocka_unit_test(test_a_file_that_is_not_there_or_too_large),
        cmocka_unit_test(test_out_of_memory_is_told),
        cmocka_unit_test(test_every_entry_that_ships_is_plausible),
        cmocka_unit_test(test_default_models_have_prices),
        cmocka_unit_test(test_star_stands_for_models_without_a_price_of_their_own),
        cmocka_unit_test(test_the_original_form_counts_pictures_at_the_hungriest),
        cmocka_unit_test(test_money_is_exact),
        cmocka_unit_test(test_token_formulas),
        cmocka_unit_test(test_costs_are_exact_and_rounded_up),
        cmocka_unit_test(test_prompt_and_answer_count),
        cmocka_unit_test(test_what_overflows_is_the_largest_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
