// Sums of money and tokens: whole numbers, every rounding up, and what would overflow is the
// largest number there is, which no budget has room for.
#include "cloud/price_table.h"

enum {
    MILLION = 1000000,
    // What a chat adds to a message: 12 tokens were measured beside a picture, five words included.
    MESSAGE_TOKENS = 16,
    BYTES_PER_TOKEN = 4,          // of English, as a rule
    EXPECTED_OUTPUT_TOKENS = 30,  // a sentence
};

static int64_t add(int64_t a, int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }

static int64_t multiply(int64_t a, int64_t b) {
    return b != 0 && a > INT64_MAX / b ? INT64_MAX : a * b;
}

static uint64_t divide_up(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }

int64_t price_image_tokens(const struct image_tokens *tokens, uint32_t width, uint32_t height) {
    price_shrink(&width, &height, width > height ? width : height, tokens->fit_side);
    price_shrink(&width, &height, width < height ? width : height, tokens->short_side);
    uint64_t w = width, h = height;  // below 2^32, so that no product overflows
    int64_t count = tokens->base;
    if (tokens->per_tile > 0 && tokens->tile_side > 0) {
        uint64_t columns = divide_up(w, tokens->tile_side), rows = divide_up(h, tokens->tile_side);
        uint64_t tiles = columns * rows;
        count =
            add(count, multiply(tiles > INT64_MAX ? INT64_MAX : (int64_t)tiles, tokens->per_tile));
    }
    if (tokens->pixels_per_token > 0) {
        uint64_t more = divide_up(w * h, tokens->pixels_per_token);
        count = add(count, more > INT64_MAX ? INT64_MAX : (int64_t)more);
    }
    return count;
}

// Exact up to the last nano-dollar: the millions apart from what is left over. Prices are at most
// 5e12 (price_table.c), so the rest cannot overflow.
static int64_t cost_of(int64_t tokens, int64_t per_million) {
    if (tokens <= 0) return 0;
    uint64_t rest = (uint64_t)(tokens % MILLION) * (uint64_t)per_million;
    return add(multiply(tokens / MILLION, per_million), (int64_t)divide_up(rest, MILLION));
}

int64_t price_of_usage(const struct price *price, int64_t input_tokens, int64_t output_tokens) {
    int64_t tokens = add(cost_of(input_tokens, price->input_nano_usd_per_million),
                         cost_of(output_tokens, price->output_nano_usd_per_million));
    return add(price->per_image_nano_usd, tokens);
}

static int64_t input_tokens(const struct price *price, uint32_t width, uint32_t height,
                            size_t prompt_tokens) {
    int64_t prompt = prompt_tokens > INT64_MAX ? INT64_MAX : (int64_t)prompt_tokens;
    return add(add(price_image_tokens(&price->image_tokens, width, height), MESSAGE_TOKENS),
               prompt);
}

int64_t price_ceiling(const struct price *price, uint32_t width, uint32_t height,
                      size_t prompt_size, int64_t max_output) {
    return price_of_usage(price, input_tokens(price, width, height, prompt_size), max_output);
}

int64_t price_expected(const struct price *price, uint32_t width, uint32_t height,
                       size_t prompt_size) {
    size_t tokens = prompt_size / BYTES_PER_TOKEN + (prompt_size % BYTES_PER_TOKEN != 0);
    return price_of_usage(price, input_tokens(price, width, height, tokens),
                          EXPECTED_OUTPUT_TOKENS);
}
