#include "image/jpeg_reader.h"

#include <string.h>

#include "base/memory.h"
#include "image/orientation.h"

// Encoders write about 10 scans, the most thorough optimisers below 20. A file may hold thousands
// that are a few bytes each and cost a pass over the whole picture each.
enum { SCANS_MAX = 50 };

static void count_scans(j_common_ptr codec) {
    const struct jpeg_reader *reader = (const struct jpeg_reader *)codec;
    if (reader->codec.input_scan_number <= SCANS_MAX) return;
    (void)error_set(reader->guard.err, ERROR_INVALID,
                    "the picture is coded in more than %d scans, which no camera or editor writes; "
                    "save it again and send that",
                    SCANS_MAX);
    longjmp(((struct jpeg_reader *)codec)->guard.escape, 1);
}

static bool read_orientation(struct jpeg_reader *reader, struct error *err) {
    static const uint8_t exif_header[6] = {'E', 'x', 'i', 'f', 0, 0};
    for (jpeg_saved_marker_ptr marker = reader->codec.marker_list; marker != NULL;
         marker = marker->next) {
        if (marker->marker == JPEG_APP0 + 1 && marker->data_length > sizeof(exif_header) &&
            memcmp(marker->data, exif_header, sizeof(exif_header)) == 0) {
            return exif_orientation_read(marker->data, marker->data_length, &reader->orientation,
                                         err);
        }
    }
    return true;
}

// Runs under the guard: libjpeg leaves it by longjmp when it fails.
static bool open_and_use(struct jpeg_reader *reader, const uint8_t *bytes, size_t size,
                         bool (*use)(struct jpeg_reader *, void *, struct error *), void *context,
                         struct error *err) {
    struct jpeg_decompress_struct *codec = &reader->codec;
    jpeg_create_decompress(codec);
    reader->progress.progress_monitor = count_scans;
    codec->progress = &reader->progress;
    // Progressive pictures keep all coefficients: 2 bytes for each of at most 4 colours, and edges.
    codec->mem->max_memory_to_use = (long)(reader->limits->max_pixels * 2 * 4 + (64L << 20));

    jpeg_mem_src(codec, bytes, (unsigned long)size);
    jpeg_save_markers(codec, JPEG_APP0 + 1, 0xFFFF);
    (void)jpeg_read_header(codec, TRUE);
    if (!picture_size_check(reader->limits, codec->image_width, codec->image_height, err) ||
        !read_orientation(reader, err) || !use(reader, context, err)) {
        return false;
    }
    (void)jpeg_finish_decompress(codec);
    return true;
}

bool jpeg_reader_run(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                     bool (*use)(struct jpeg_reader *reader, void *context, struct error *err),
                     void *context, struct error *err) {
    struct jpeg_reader *reader = memory_try_zeroed(1, sizeof(*reader));
    if (reader == NULL) return picture_out_of_memory(err);
    reader->limits = limits;
    reader->orientation = 1;
    reader->codec.err = jpeg_guard_init(&reader->guard, err);
    volatile bool is_ok = false;
    if (setjmp(reader->guard.escape) == 0) {
        is_ok = open_and_use(reader, bytes, size, use, context, err);
    }
    jpeg_destroy_decompress(&reader->codec);
    memory_free(reader);
    return is_ok;
}

void jpeg_reader_start(struct jpeg_reader *reader, unsigned scale) {
    struct jpeg_decompress_struct *codec = &reader->codec;
    codec->scale_num = scale;
    codec->scale_denom = JPEG_WHOLE_SCALE;
    codec->out_color_space = codec->num_components == 4 ? JCS_CMYK : JCS_RGB;
    (void)jpeg_start_decompress(codec);
    if (codec->out_color_space == JCS_CMYK) {
        reader->cmyk_row =
            codec->mem->alloc_sarray((j_common_ptr)codec, JPOOL_IMAGE, codec->output_width * 4, 1);
    }
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

void jpeg_reader_read_rows(struct jpeg_reader *reader, uint8_t *rgb, uint32_t rows) {
    struct jpeg_decompress_struct *codec = &reader->codec;
    size_t row_bytes = (size_t)codec->output_width * 3;
    for (uint32_t row = 0; row < rows; row++, rgb += row_bytes) {
        if (reader->cmyk_row != NULL) {
            (void)jpeg_read_scanlines(codec, reader->cmyk_row, 1);
            row_from_inverted_cmyk(rgb, reader->cmyk_row[0], codec->output_width);
        } else {
            JSAMPROW place = rgb;
            (void)jpeg_read_scanlines(codec, &place, 1);
        }
    }
}
