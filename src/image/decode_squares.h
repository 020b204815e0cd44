// From the bytes of a file to the squares that the models read, upright. A JPEG is scaled while its
// rows are decoded and is never whole in memory. Same limits and same thread rules as decode.h.
#pragma once

#include "image/decode.h"
#include "image/preprocess.h"

enum { PICTURE_SQUARES_MAX = RESIZE_TARGETS_MAX };

struct square_request {
    struct picture_square squares[PICTURE_SQUARES_MAX];
    size_t count;
    // True: every square is byte for byte what Pillow makes of the whole picture. False: a JPEG
    // four times as large as the squares or larger is decoded at a half, a quarter or an eighth of
    // its size, which spares much of the work and moves values by a shade in the mean (measured:
    // docs/speed-log.md).
    bool is_exact;
};

// `squares` has one for each that is requested; the caller clears them. `info` tells the true size.
// Errors: those of image_decode and of picture_square_target.
bool image_decode_squares(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                          const struct square_request *request, struct pixels *squares,
                          struct image_info *info, struct error *err);
