// A whole JPEG into memory; decode_squares.c reads them row by row.
#include "image/decoders.h"
#include "image/jpeg_reader.h"

struct jpeg_picture {
    struct pixels *pixels;
    int *orientation;
};

static bool read_picture(struct jpeg_reader *reader, void *context, struct error *err) {
    const struct jpeg_picture *picture = context;
    const struct jpeg_decompress_struct *codec = &reader->codec;
    *picture->orientation = reader->orientation;
    if (!pixels_init(picture->pixels, codec->image_width, codec->image_height, err)) return false;
    jpeg_reader_start(reader, JPEG_WHOLE_SCALE);
    jpeg_reader_read_rows(reader, picture->pixels->rgb, codec->output_height);
    return true;
}

bool decode_jpeg(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                 struct pixels *pixels, int *orientation, struct error *err) {
    struct jpeg_picture picture = {pixels, orientation};
    return jpeg_reader_run(bytes, size, limits, read_picture, &picture, err);
}
