#include "base/float_bytes.h"

#include <stdint.h>
#include <string.h>

void float_bytes_write(const float *numbers, size_t count, unsigned char *bytes) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, numbers + i, sizeof bits);
        for (int shift = 0; shift < 32; shift += 8) *bytes++ = (unsigned char)(bits >> shift);
    }
}

void float_bytes_read(const unsigned char *bytes, size_t count, float *numbers) {
    for (size_t i = 0; i < count; i++, bytes += 4) {
        uint32_t bits = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                        (uint32_t)bytes[3] << 24;
        memcpy(numbers + i, &bits, sizeof bits);
    }
}
