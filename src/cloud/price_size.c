#include "cloud/price_table.h"

double price_usd(int64_t nano_usd) { return (double)nano_usd / (double)NANO_USD_PER_USD; }

static uint32_t scale_up(uint32_t side, uint32_t from, uint32_t to) {
    return (uint32_t)(((uint64_t)side * to + from - 1) / from);
}

void price_shrink(uint32_t *width, uint32_t *height, uint32_t from, uint32_t to) {
    if (to == 0 || from <= to) return;
    *width = scale_up(*width, from, to);
    *height = scale_up(*height, from, to);
}

void price_sent_size(uint32_t max_side, uint32_t *width, uint32_t *height) {
    price_shrink(width, height, *width > *height ? *width : *height, max_side);
}
