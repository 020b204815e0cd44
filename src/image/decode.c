// Sniff, check the limits, hand over to the decoder of the format, turn upright.
#include "image/decode.h"

#include <string.h>

#include "image/decoders.h"
#include "image/heif_child.h"
#include "image/orientation.h"

const struct image_limits image_limits_default = {
    .max_bytes = 20 * 1024 * 1024,
    .max_pixels = 64 * 1000 * 1000,
    .max_side = 65535,
};

struct format_row {
    const char *name;
    const char *mime;
    const char *extension;
    // NULL: this build lacks the library.
    bool (*decode)(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                   struct pixels *pixels, int *orientation, struct error *err);
};

#ifdef IMGROUTER_HEIF
static bool decode_heif_somewhere(const uint8_t *bytes, size_t size,
                                  const struct image_limits *limits, struct pixels *pixels,
                                  int *orientation, struct error *err) {
    return heif_child_is_enabled() ? heif_child_decode(bytes, size, limits, pixels, err)
                                   : decode_heif(bytes, size, limits, pixels, orientation, err);
}
#define DECODE_HEIF decode_heif_somewhere
#else
#define DECODE_HEIF NULL
#endif

static const struct format_row formats[IMAGE_FORMAT_COUNT] = {
    [IMAGE_UNKNOWN] = {"unknown", "application/octet-stream", "bin", NULL},
    [IMAGE_JPEG] = {"JPEG", "image/jpeg", "jpg", decode_jpeg},
    [IMAGE_PNG] = {"PNG", "image/png", "png", decode_png},
    [IMAGE_WEBP] = {"WebP", "image/webp", "webp", decode_webp},
    [IMAGE_GIF] = {"GIF", "image/gif", "gif", decode_gif},
    [IMAGE_HEIC] = {"HEIC", "image/heic", "heic", DECODE_HEIF},
    [IMAGE_AVIF] = {"AVIF", "image/avif", "avif", DECODE_HEIF},
};

const char *image_format_mime(enum image_format format) { return formats[format].mime; }
const char *image_format_extension(enum image_format format) { return formats[format].extension; }

bool image_format_is_readable(enum image_format format) {
    if (formats[format].decode == NULL) return false;
#ifdef IMGROUTER_HEIF
    if (format == IMAGE_HEIC || format == IMAGE_AVIF) return decode_heif_can_read(format);
#endif
    return true;
}

// Four texts instead of one built at run time: nothing to guard between threads.
const char *image_formats_text(void) {
    bool has_heic = image_format_is_readable(IMAGE_HEIC);
    bool has_avif = image_format_is_readable(IMAGE_AVIF);
    if (has_heic && has_avif) return "JPEG, PNG, WebP, GIF, HEIC, AVIF";
    if (has_heic) return "JPEG, PNG, WebP, GIF, HEIC";
    if (has_avif) return "JPEG, PNG, WebP, GIF, AVIF";
    return "JPEG, PNG, WebP, GIF";
}

bool picture_size_check(const struct image_limits *limits, uint64_t width, uint64_t height,
                        struct error *err) {
    unsigned long long w = width;
    unsigned long long h = height;
    if (w == 0 || h == 0) {
        return error_set(err, ERROR_INVALID,
                         "the picture is damaged: its header says %llux%llu pixels; send an "
                         "undamaged copy",
                         w, h);
    }
    if (w > limits->max_side || h > limits->max_side) {
        return error_set(err, ERROR_TOO_LARGE,
                         "the picture is %llux%llu pixels, but at most %lu on a side are taken; "
                         "send a smaller one",
                         w, h, (unsigned long)limits->max_side);
    }
    if (w > limits->max_pixels / h) {
        return error_set(err, ERROR_TOO_LARGE,
                         "the picture is %llux%llu pixels, but at most %llu in all are taken; "
                         "send a smaller one",
                         w, h, (unsigned long long)limits->max_pixels);
    }
    return true;
}

bool picture_is_damaged(struct error *err, enum image_format format, const char *detail) {
    // Some codecs end their words with a line break.
    int detail_size = (int)strcspn(detail, "\r\n");
    return error_set(err, ERROR_INVALID,
                     "the picture is damaged or cut short (%s: %.*s); send an undamaged copy",
                     formats[format].name, detail_size, detail);
}

bool picture_out_of_memory(struct error *err) {
    return error_set(err, ERROR_INTERNAL,
                     "out of memory while decoding the picture; try again later");
}

bool picture_format_check(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                          enum image_format *format, struct error *err) {
    if (size == 0) {
        return error_set(err, ERROR_INVALID, "the picture is empty (0 bytes); send %s",
                         image_formats_text());
    }
    if (size > limits->max_bytes) {
        return error_set(err, ERROR_TOO_LARGE,
                         "the picture is %zu bytes, but at most %zu are taken; send a smaller one",
                         size, limits->max_bytes);
    }
    *format = image_sniff(bytes, size);
    if (*format == IMAGE_UNKNOWN) {
        return error_set(err, ERROR_UNSUPPORTED, "this is not a picture that can be read; send %s",
                         image_formats_text());
    }
    if (!image_format_is_readable(*format)) {
        return error_set(err, ERROR_UNSUPPORTED,
                         "this is a %s picture, and this build cannot read %s because libheif or "
                         "its decoder is missing; send %s",
                         formats[*format].name, formats[*format].name, image_formats_text());
    }
    return true;
}

bool picture_decode(enum image_format format, const uint8_t *bytes, size_t size,
                    const struct image_limits *limits, struct pixels *pixels, int *orientation,
                    struct error *err) {
    *pixels = (struct pixels){0};
    *orientation = 1;
    if (formats[format].decode(bytes, size, limits, pixels, orientation, err)) return true;
    pixels_clear(pixels);
    return false;
}

bool image_decode(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                  struct pixels *pixels, struct image_info *info, struct error *err) {
    *pixels = (struct pixels){0};
    *info = (struct image_info){.orientation = 1};
    if (!picture_format_check(bytes, size, limits, &info->format, err) ||
        !picture_decode(info->format, bytes, size, limits, pixels, &info->orientation, err))
        return false;
    if (!orientation_apply(pixels, info->orientation, err)) {
        pixels_clear(pixels);
        return false;
    }
    info->width = pixels->width;
    info->height = pixels->height;
    return true;
}
