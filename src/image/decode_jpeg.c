// JPEG through libjpeg-turbo with its defaults (exact integer DCT, smooth chroma upsampling), which
// are Pillow's too, so that the pixels are equal. Four-colour pictures follow Pillow as well: their
// values are taken as inverted, as Adobe writes them, and made RGB with its rounding.
#include <string.h>

#include "base/memory.h"
#include "image/decoders.h"
#include "image/jpeg_guard.h"
#include "image/orientation.h"

struct jpeg_reader {
    struct jpeg_decompress_struct codec;
    struct jpeg_guard guard;
    struct jpeg_progress_mgr progress;
    const struct image_limits *limits;
};

// Encoders write about 10 scans, the most thorough optimisers below 20. A file may hold thousands
// that are a few bytes each and cost a pass over the whole picture each.
enum { SCANS_MAX = 50 };

static void jpeg_reader_count_scans(j_common_ptr codec) {
    const struct jpeg_reader *reader = (const struct jpeg_reader *)codec;
    if (reader->codec.input_scan_number <= SCANS_MAX) return;
    (void)error_set(reader->guard.err, ERROR_INVALID,
                    "the picture is coded in more than %d scans, which no camera or editor writes; "
                    "save it again and send that",
                    SCANS_MAX);
    longjmp(((struct jpeg_reader *)codec)->guard.escape, 1);
}

static bool jpeg_reader_orientation(const struct jpeg_reader *reader, int *orientation,
                                    struct error *err) {
    static const uint8_t exif_header[6] = {'E', 'x', 'i', 'f', 0, 0};
    for (jpeg_saved_marker_ptr marker = reader->codec.marker_list; marker != NULL;
         marker = marker->next) {
        if (marker->marker == JPEG_APP0 + 1 && marker->data_length > sizeof(exif_header) &&
            memcmp(marker->data, exif_header, sizeof(exif_header)) == 0) {
            return exif_orientation_read(marker->data, marker->data_length, orientation, err);
        }
    }
    return true;
}

// (a * b) / 255, rounded, without a division; the same steps as Pillow's.
static unsigned multiply_255(unsigned a, unsigned b) {
    unsigned product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

// The codec's values are 255 - ink, so `light` here is 255 - black ink.
static void row_from_inverted_cmyk(uint8_t *rgb, const uint8_t *cmyk, uint32_t width) {
    for (uint32_t x = 0; x < width; x++, rgb += 3, cmyk += 4) {
        unsigned light = cmyk[3];
        for (int channel = 0; channel < 3; channel++) {
            unsigned ink = 255U - cmyk[channel];
            unsigned shade = multiply_255(ink, light);
            rgb[channel] = (uint8_t)(light > shade ? light - shade : 0);
        }
    }
}

static void jpeg_reader_read_rows(struct jpeg_reader *reader, struct pixels *pixels) {
    struct jpeg_decompress_struct *codec = &reader->codec;
    size_t row_bytes = (size_t)pixels->width * 3;
    if (codec->out_color_space != JCS_CMYK) {
        while (codec->output_scanline < codec->output_height) {
            JSAMPROW row = pixels->rgb + codec->output_scanline * row_bytes;
            (void)jpeg_read_scanlines(codec, &row, 1);
        }
        return;
    }
    JSAMPARRAY row =
        codec->mem->alloc_sarray((j_common_ptr)codec, JPOOL_IMAGE, codec->output_width * 4, 1);
    while (codec->output_scanline < codec->output_height) {
        uint8_t *rgb = pixels->rgb + codec->output_scanline * row_bytes;
        (void)jpeg_read_scanlines(codec, row, 1);
        row_from_inverted_cmyk(rgb, row[0], pixels->width);
    }
}

// Runs under the guard: libjpeg leaves it by longjmp when it fails.
static bool jpeg_reader_run(struct jpeg_reader *reader, const uint8_t *bytes, size_t size,
                            struct pixels *pixels, int *orientation, struct error *err) {
    struct jpeg_decompress_struct *codec = &reader->codec;
    jpeg_create_decompress(codec);
    reader->progress.progress_monitor = jpeg_reader_count_scans;
    codec->progress = &reader->progress;
    // Progressive pictures keep all coefficients: 2 bytes for each of at most 4 colours, and edges.
    codec->mem->max_memory_to_use = (long)(reader->limits->max_pixels * 2 * 4 + (64L << 20));

    jpeg_mem_src(codec, bytes, (unsigned long)size);
    jpeg_save_markers(codec, JPEG_APP0 + 1, 0xFFFF);
    (void)jpeg_read_header(codec, TRUE);
    if (!picture_size_check(reader->limits, codec->image_width, codec->image_height, err) ||
        !jpeg_reader_orientation(reader, orientation, err) ||
        !pixels_init(pixels, codec->image_width, codec->image_height, err)) {
        return false;
    }
    codec->out_color_space = codec->num_components == 4 ? JCS_CMYK : JCS_RGB;
    (void)jpeg_start_decompress(codec);
    jpeg_reader_read_rows(reader, pixels);
    (void)jpeg_finish_decompress(codec);
    return true;
}

bool decode_jpeg(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                 struct pixels *pixels, int *orientation, struct error *err) {
    struct jpeg_reader *reader = memory_try_zeroed(1, sizeof(*reader));
    if (reader == NULL) return picture_out_of_memory(err);
    reader->limits = limits;
    reader->codec.err = jpeg_guard_init(&reader->guard, err);
    volatile bool is_ok = false;
    if (setjmp(reader->guard.escape) == 0) {
        is_ok = jpeg_reader_run(reader, bytes, size, pixels, orientation, err);
    }
    jpeg_destroy_decompress(&reader->codec);
    memory_free(reader);
    return is_ok;
}
