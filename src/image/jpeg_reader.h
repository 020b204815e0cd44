// A JPEG, row by row, through libjpeg-turbo with its defaults (exact integer DCT, smooth chroma
// upsampling), which are Pillow's too, so that the pixels are equal. Four-colour pictures follow
// Pillow as well: their values are taken as inverted, as Adobe writes them, and made RGB with its
// rounding.
#pragma once

#include "image/decoders.h"
#include "image/jpeg_guard.h"

struct jpeg_reader {
    struct jpeg_decompress_struct codec;
    struct jpeg_guard guard;
    struct jpeg_progress_mgr progress;
    const struct image_limits *limits;
    int orientation;      // EXIF 1..8
    JSAMPARRAY cmyk_row;  // libjpeg's; NULL unless the file has four colours
};

enum { JPEG_WHOLE_SCALE = 8 };

// Reads the header, checks the limits and hands the reader to `use`. A picture that cannot be
// decoded leaves `use` by longjmp: what it has allocated must be reachable from `context`, for the
// caller to free. Errors: those of image_decode.
bool jpeg_reader_run(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                     bool (*use)(struct jpeg_reader *reader, void *context, struct error *err),
                     void *context, struct error *err);

// For `use`. Decodes to `scale` eighths of the size, rounded up; 8 is the true one, 1, 2 and 4 are
// faster than it (the others are slower, having no vector code). Then codec.output_width and
// codec.output_height tell the size.
void jpeg_reader_start(struct jpeg_reader *reader, unsigned scale);
void jpeg_reader_read_rows(struct jpeg_reader *reader, uint8_t *rgb, uint32_t rows);
