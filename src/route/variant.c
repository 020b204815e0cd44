#include <stdint.h>
#include <string.h>

#include "base/sha256.h"
#include "route/variant.h"

enum { NUMBERS = 10000, NUMBERS_PER_PERCENT = NUMBERS / 100 };

enum draw { DRAW_VARIANT, DRAW_SHADOW };

// 0 to NUMBERS - 1, evenly. The names' digests are what is hashed: no two pairs of names run
// together to the same bytes, and names may have any length.
static unsigned number_draw(enum draw draw, const char *experiment, const char *image_id) {
    uint8_t bytes[1 + 2 * SHA256_SIZE] = {(uint8_t)draw};
    sha256(experiment, strlen(experiment), bytes + 1);
    sha256(image_id, strlen(image_id), bytes + 1 + SHA256_SIZE);
    uint8_t digest[SHA256_SIZE];
    sha256(bytes, sizeof bytes, digest);
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof number; i++) number = number << 8 | digest[i];
    return (unsigned)(number % NUMBERS);
}

// Variants take their numbers from the two ends in turn, and the control has the middle. So the
// first two can grow without pushing any other aside.
size_t variant_choose(const char *experiment, const char *image_id, const unsigned *shares_percent,
                      size_t count) {
    unsigned number = number_draw(DRAW_VARIANT, experiment, image_id);
    unsigned low = 0;
    unsigned high = NUMBERS;
    for (size_t i = 0; i < count; i++) {
        unsigned width = shares_percent[i] * NUMBERS_PER_PERCENT;
        if (i % 2 == 0) {
            low += width;
            if (number < low) return i;
        } else {
            high -= width;
            if (number >= high) return i;
        }
    }
    return count;
}

bool variant_is_shadowed(const char *experiment, const char *image_id, unsigned percent) {
    return number_draw(DRAW_SHADOW, experiment, image_id) < percent * NUMBERS_PER_PERCENT;
}
