#include "index/key_filter.h"

// A word of bits without those behind the last.
static uint64_t word_at(const struct key_filter *filter, size_t word) {
    size_t left = filter->bit_count - word * 64;
    return left >= 64 ? filter->bits[word] : filter->bits[word] & ((UINT64_C(1) << left) - 1);
}

size_t key_filter_count(const struct key_filter *filter) {
    size_t count = 0;
    for (size_t word = 0; word * 64 < filter->bit_count; word++)
        count += (size_t)__builtin_popcountll(word_at(filter, word));
    return count;
}

int64_t key_filter_next(const struct key_filter *filter, int64_t key) {
    size_t word = (size_t)key / 64;
    if (word * 64 >= filter->bit_count) return -1;
    uint64_t bits = word_at(filter, word) >> key % 64 << key % 64;
    while (bits == 0) {
        word++;
        if (word * 64 >= filter->bit_count) return -1;
        bits = word_at(filter, word);
    }
    return (int64_t)(word * 64) + __builtin_ctzll(bits);
}
