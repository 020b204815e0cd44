// A file of prices: taken, and then every price in it holds what its header promises, or refused
// with a sentence.
#include <stdint.h>
#include <stdlib.h>

#include "cloud/price_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right) {
    if (!is_right) abort();
}

static void check_price(const struct price *price, uint32_t width, uint32_t height) {
    int64_t tokens = price_image_tokens(&price->image_tokens, width, height);
    int64_t expected = price_expected(price, width, height, width);
    int64_t most = price_ceiling(price, width, height, width, CLOUD_OUTPUT_TOKENS_MAX);
    check(tokens >= 0 && expected >= 0 && most >= expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t sides[] = {1, 2, 511, 768, 65535, UINT32_MAX};
    struct error err = {0};
    struct price_table *table = price_table_parse_create("f", (const char *)data, size, &err);
    check((table == NULL) == (err.text[0] != '\0'));
    for (size_t i = 0; table != NULL && i < price_table_count(table); i++) {
        enum provider_kind kind;
        const char *model;
        const struct price *price = price_table_entry(table, i, &kind, &model);
        check(price_find(table, kind, model) == price);
        for (size_t w = 0; w < sizeof sides / sizeof *sides; w++)
            for (size_t h = 0; h < sizeof sides / sizeof *sides; h++)
                check_price(price, sides[w], sides[h]);
    }
    price_table_destroy(table);
    return 0;
}
