// Tells the format of a picture from its first bytes. HEIC and AVIF share one container (ISO base
// media): its first box, `ftyp`, lists brands, and the brand says how the pixels are coded.
#include <string.h>

#include "image/decode.h"

static bool bytes_start_with(const uint8_t *bytes, size_t size, const char *magic,
                             size_t magic_size) {
    return size >= magic_size && memcmp(bytes, magic, magic_size) == 0;
}

// Brands as registered at mp4ra.org; `mif1` alone says only "a still picture in this container".
static enum image_format brand_format(const uint8_t brand[static 4]) {
    static const struct {
        char brand[5];
        enum image_format format;
    } brands[] = {
        {"avif", IMAGE_AVIF}, {"avis", IMAGE_AVIF}, {"heic", IMAGE_HEIC}, {"heix", IMAGE_HEIC},
        {"heim", IMAGE_HEIC}, {"heis", IMAGE_HEIC}, {"hevc", IMAGE_HEIC}, {"hevx", IMAGE_HEIC},
        {"hevm", IMAGE_HEIC}, {"hevs", IMAGE_HEIC},
    };
    for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++) {
        if (memcmp(brand, brands[i].brand, 4) == 0) return brands[i].format;
    }
    return IMAGE_UNKNOWN;
}

// ftyp: size (4, big-endian), "ftyp", major brand (4), minor version (4), compatible brands (4
// each).
static enum image_format container_format(const uint8_t *bytes, size_t size) {
    enum { MAJOR_BRAND = 8, COMPATIBLE_BRANDS = 16 };
    if (size < COMPATIBLE_BRANDS || memcmp(bytes + 4, "ftyp", 4) != 0) return IMAGE_UNKNOWN;
    size_t box_size =
        (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | (size_t)bytes[3];
    if (box_size > size) box_size = size;

    enum image_format format = brand_format(bytes + MAJOR_BRAND);
    for (size_t at = COMPATIBLE_BRANDS; format == IMAGE_UNKNOWN && at + 4 <= box_size; at += 4) {
        format = brand_format(bytes + at);
    }
    return format;
}

enum image_format image_sniff(const uint8_t *bytes, size_t size) {
    if (bytes_start_with(bytes, size, "\xFF\xD8\xFF", 3)) return IMAGE_JPEG;
    if (bytes_start_with(bytes, size, "\x89PNG\r\n\x1A\n", 8)) return IMAGE_PNG;
    if (bytes_start_with(bytes, size, "GIF87a", 6)) return IMAGE_GIF;
    if (bytes_start_with(bytes, size, "GIF89a", 6)) return IMAGE_GIF;
    if (bytes_start_with(bytes, size, "RIFF", 4) && size >= 12 &&
        memcmp(bytes + 8, "WEBP", 4) == 0) {
        return IMAGE_WEBP;
    }
    return container_format(bytes, size);
}
