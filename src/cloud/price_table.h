// What providers charge: read from a YAML file (costs/providers.yaml, docs/costs.md tells its
// form), never in code. Money is in nano-dollars (1e-9 USD) everywhere, so that it adds up exactly;
// every rounding is up.
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "cloud/provider.h"

#define NANO_USD_PER_USD 1000000000LL

// How many input tokens a picture counts as. Providers count squares ("tiles") of it.
struct image_tokens {
    int64_t base;         // whatever its size
    int64_t per_tile;     // 0: base only
    uint32_t tile_side;   // pixels
    uint32_t fit_side;    // it is first shrunk to fit a square of this side; 0: it is not
    uint32_t short_side;  // then until its shorter side is this; 0: it is not
    // Some count pixels instead: tokens = width * height / pixels_per_token; 0: they do not.
    uint32_t pixels_per_token;
};

struct price {
    int64_t per_image_nano_usd;
    int64_t input_nano_usd_per_million;
    int64_t output_nano_usd_per_million;
    struct image_tokens image_tokens;
    char date[16];     // when the price was read: "2025-10-19"
    char source[256];  // where
};

struct price_table;

// ERROR_USAGE with file, line and what is wrong; ERROR_NOT_FOUND.
struct price_table *price_table_create(const char *path, struct error *err);
// The same of a file's bytes, which messages call `name`.
struct price_table *price_table_parse_create(const char *name, const char *bytes, size_t size,
                                             struct error *err);
void price_table_destroy(struct price_table *table);  // takes NULL
size_t price_table_count(const struct price_table *table);
// Entry 0 to count - 1, in the file's order; *model may be "*". All borrowed from the table.
const struct price *price_table_entry(const struct price_table *table, size_t entry,
                                      enum provider_kind *kind, const char **model);
// The price of a provider's model; falls back to the provider's entry "*". NULL: not known, and
// then it must not be asked: a budget could not hold.
const struct price *price_find(const struct price_table *table, enum provider_kind kind,
                               const char *model);

// What this sum is in dollars, to be shown.
double price_usd(int64_t nano_usd);
// Shrinks a picture by to / from, its sides rounded up; not where `to` is 0 or larger.
void price_shrink(uint32_t *width, uint32_t *height, uint32_t from, uint32_t to);
// What becomes of a picture's sides when it is sent, at most max_side long.
void price_sent_size(uint32_t max_side, uint32_t *width, uint32_t *height);
// How many tokens a picture counts as.
int64_t price_image_tokens(const struct image_tokens *tokens, uint32_t width, uint32_t height);
// The most that asking once can cost: picture, prompt of this many bytes (a token has at least
// one) with what a chat adds to it, output of max_output tokens. price_expected: what it costs as a
// rule, for estimates: a token for every four bytes, and a sentence as the answer. price_of_usage:
// what one picture did cost with these tokens; negative ones, not told, count as none. What would
// overflow is INT64_MAX.
int64_t price_ceiling(const struct price *price, uint32_t width, uint32_t height,
                      size_t prompt_size, int64_t max_output);
int64_t price_expected(const struct price *price, uint32_t width, uint32_t height,
                       size_t prompt_size);
int64_t price_of_usage(const struct price *price, int64_t input_tokens, int64_t output_tokens);
