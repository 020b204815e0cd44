// Inside the room only: one decoder a format, and the checks that all of them share. A decoder
// reads the header, calls picture_size_check, and only then makes room for the pixels. It leaves
// *orientation alone (1) when the file names none. On failure *pixels may hold memory; the
// caller, picture_decode, clears it.
#pragma once

#include "image/decode.h"

bool decode_jpeg(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                 struct pixels *pixels, int *orientation, struct error *err);
bool decode_png(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                struct pixels *pixels, int *orientation, struct error *err);
bool decode_webp(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                 struct pixels *pixels, int *orientation, struct error *err);
bool decode_gif(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                struct pixels *pixels, int *orientation, struct error *err);
#ifdef IMGROUTER_HEIF
// HEIC and AVIF. The container turns the picture itself; EXIF repeats that and is ignored.
bool decode_heif(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                 struct pixels *pixels, int *orientation, struct error *err);
// libheif may have been installed without the plugin for one of the two.
bool decode_heif_can_read(enum image_format format);
#endif

// What image_decode and image_decode_squares begin with: limits of the file, and what it is.
bool picture_format_check(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                          enum image_format *format, struct error *err);
// The pixels as they are stored, and how they are to be turned. On failure *pixels is empty.
bool picture_decode(enum image_format format, const uint8_t *bytes, size_t size,
                    const struct image_limits *limits, struct pixels *pixels, int *orientation,
                    struct error *err);

// Sides as the header gives them. Errors: ERROR_INVALID for a zero, ERROR_TOO_LARGE.
bool picture_size_check(const struct image_limits *limits, uint64_t width, uint64_t height,
                        struct error *err);

// Sets ERROR_INVALID with one sentence; `detail` is the codec's own word on it. Returns false.
bool picture_is_damaged(struct error *err, enum image_format format, const char *detail);
bool picture_out_of_memory(struct error *err);
