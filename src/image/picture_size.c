#include "image/picture_size.h"

#include <string.h>

#include "image/decode.h"

static uint32_t big_endian(const uint8_t *bytes, size_t count) {
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++) value = value << 8 | bytes[i];
    return value;
}

static uint32_t little_endian(const uint8_t *bytes, size_t count) {
    uint32_t value = 0;
    for (size_t i = count; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

// Frame headers are the markers C0 to CF but for tables (C4), a reserved one (C8) and arithmetic
// conditioning (CC). ITU-T T.81, table B.1.
static bool is_frame(uint8_t marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// From segment to segment, up to the frame header: length, precision, height, width.
static bool read_jpeg(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height) {
    size_t at = 2;
    while (at < size && size - at >= 9) {
        if (bytes[at] != 0xff) return false;
        uint8_t marker = bytes[at + 1];
        if (marker == 0xff) {  // filling
            at++;
            continue;
        }
        uint32_t length = big_endian(bytes + at + 2, 2);
        if (is_frame(marker)) {
            *height = big_endian(bytes + at + 5, 2);
            *width = big_endian(bytes + at + 7, 2);
            return true;
        }
        if (marker == 0xda || length < 2) return false;  // the scan began without a frame
        at += 2 + (size_t)length;
    }
    return false;
}

static bool read_png(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height) {
    if (size < 24 || memcmp(bytes + 12, "IHDR", 4) != 0) return false;
    *width = big_endian(bytes + 16, 4);
    *height = big_endian(bytes + 20, 4);
    return true;
}

static bool read_gif(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height) {
    if (size < 10) return false;
    *width = little_endian(bytes + 6, 2);
    *height = little_endian(bytes + 8, 2);
    return true;
}

// The first chunk tells: the canvas of the extended form, or a lossless or lossy picture.
static bool read_webp(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height) {
    if (size < 30) return false;
    if (memcmp(bytes + 12, "VP8X", 4) == 0) {
        *width = little_endian(bytes + 24, 3) + 1;
        *height = little_endian(bytes + 27, 3) + 1;
    } else if (memcmp(bytes + 12, "VP8L", 4) == 0) {
        uint32_t sides = little_endian(bytes + 21, 4);  // 14 bits each
        *width = (sides & 0x3fff) + 1;
        *height = (sides >> 14 & 0x3fff) + 1;
    } else {
        *width = little_endian(bytes + 26, 2) & 0x3fff;  // above them: how to scale it up
        *height = little_endian(bytes + 28, 2) & 0x3fff;
    }
    return true;
}

bool picture_size_read(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height) {
    bool is_read = false;
    *width = *height = 0;
    switch (image_sniff(bytes, size)) {
        case IMAGE_JPEG:
            is_read = read_jpeg(bytes, size, width, height);
            break;
        case IMAGE_PNG:
            is_read = read_png(bytes, size, width, height);
            break;
        case IMAGE_GIF:
            is_read = read_gif(bytes, size, width, height);
            break;
        case IMAGE_WEBP:
            is_read = read_webp(bytes, size, width, height);
            break;
        default:
            break;
    }
    return is_read && *width > 0 && *height > 0;
}
