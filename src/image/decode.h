// From the bytes of a file to upright RGB pixels. The format is told from the content alone.
// Every limit is checked from the header, before anything the size of the picture is allocated.
// Pure: any thread, nothing shared.
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "image/pixels.h"

enum image_format {
    IMAGE_UNKNOWN,
    IMAGE_JPEG,
    IMAGE_PNG,
    IMAGE_WEBP,
    IMAGE_GIF,
    IMAGE_HEIC,
    IMAGE_AVIF,
    IMAGE_FORMAT_COUNT
};

struct image_limits {
    size_t max_bytes;     // of the file
    uint64_t max_pixels;  // width times height
    uint32_t max_side;    // width or height
};

// 20 MiB, 64 megapixels (the size of the largest phone sensors in default mode), 65,535 a side.
extern const struct image_limits image_limits_default;

struct image_info {
    enum image_format format;
    uint32_t width;  // upright
    uint32_t height;
    int orientation;  // EXIF 1..8 as found in the file; 1 when none
};

enum image_format image_sniff(const uint8_t *bytes, size_t size);
const char *image_format_mime(enum image_format format);       // "image/jpeg"
const char *image_format_extension(enum image_format format);  // "jpg"
bool image_format_is_readable(enum image_format format);       // false: built without its library
// "JPEG, PNG, WebP, GIF, HEIC, AVIF": the formats this build reads, for messages.
const char *image_formats_text(void);

// The caller clears *pixels. Errors: ERROR_UNSUPPORTED (no picture, or a format not built in),
// ERROR_TOO_LARGE, ERROR_INVALID (a picture that cannot be decoded), ERROR_INTERNAL.
bool image_decode(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                  struct pixels *pixels, struct image_info *info, struct error *err);
