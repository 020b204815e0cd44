// Shrinks with the same bicubic as the models' pictures and writes a plain baseline JPEG: pixels
// only, so nothing of the original's notes (place, camera, owner) can leak.
#include "image/thumbnail.h"

#include "base/byte_buffer.h"
#include "base/memory.h"
#include "image/decoders.h"
#include "image/jpeg_guard.h"
#include "image/resize_bicubic.h"

enum {
    THUMBNAIL_QUALITY = 80,          // no visible loss at this size, about 10 KiB at 256 pixels
    THUMBNAIL_BYTES_MAX = 64 << 20,  // far above any; byte_buffer wants a ceiling
    THUMBNAIL_CHUNK_BYTES = 16 * 1024,
};

struct thumbnail_writer {
    struct jpeg_compress_struct codec;
    struct jpeg_guard guard;
    struct jpeg_destination_mgr destination;
    struct byte_buffer jpeg;
    uint8_t chunk[THUMBNAIL_CHUNK_BYTES];
};

static void thumbnail_writer_start_chunk(j_compress_ptr codec) {
    struct thumbnail_writer *writer = (struct thumbnail_writer *)codec;
    writer->destination.next_output_byte = writer->chunk;
    writer->destination.free_in_buffer = sizeof(writer->chunk);
}

// The buffer remembers a failure; thumbnail_jpeg_create looks once at the end.
static boolean thumbnail_writer_empty_chunk(j_compress_ptr codec) {
    struct thumbnail_writer *writer = (struct thumbnail_writer *)codec;
    (void)byte_buffer_append(&writer->jpeg, writer->chunk, sizeof(writer->chunk));
    thumbnail_writer_start_chunk(codec);
    return TRUE;
}

static void thumbnail_writer_end_chunk(j_compress_ptr codec) {
    struct thumbnail_writer *writer = (struct thumbnail_writer *)codec;
    (void)byte_buffer_append(&writer->jpeg, writer->chunk,
                             sizeof(writer->chunk) - writer->destination.free_in_buffer);
}

// Runs under the guard: libjpeg leaves it by longjmp when it fails.
static void thumbnail_writer_run(struct thumbnail_writer *writer, const struct pixels *pixels) {
    struct jpeg_compress_struct *codec = &writer->codec;
    jpeg_create_compress(codec);
    writer->destination.init_destination = thumbnail_writer_start_chunk;
    writer->destination.empty_output_buffer = thumbnail_writer_empty_chunk;
    writer->destination.term_destination = thumbnail_writer_end_chunk;
    codec->dest = &writer->destination;
    codec->image_width = pixels->width;
    codec->image_height = pixels->height;
    codec->input_components = 3;
    codec->in_color_space = JCS_RGB;
    jpeg_set_defaults(codec);
    jpeg_set_quality(codec, THUMBNAIL_QUALITY, TRUE);
    jpeg_start_compress(codec, TRUE);
    while (codec->next_scanline < codec->image_height) {
        JSAMPROW row = pixels->rgb + (size_t)codec->next_scanline * pixels->width * 3;
        (void)jpeg_write_scanlines(codec, &row, 1);
    }
    jpeg_finish_compress(codec);
}

static bool thumbnail_writer_try(struct thumbnail_writer *writer, const struct pixels *pixels) {
    volatile bool is_ok = false;
    if (setjmp(writer->guard.escape) == 0) {
        thumbnail_writer_run(writer, pixels);
        is_ok = true;
    }
    jpeg_destroy_compress(&writer->codec);
    return is_ok;
}

static uint8_t *pixels_jpeg_create(const struct pixels *pixels, size_t *size, struct error *err) {
    uint8_t *jpeg = NULL;
    struct thumbnail_writer *writer = memory_try_zeroed(1, sizeof(*writer));
    if (writer != NULL) {
        byte_buffer_init(&writer->jpeg, THUMBNAIL_BYTES_MAX);
        writer->codec.err = jpeg_guard_init(&writer->guard, err);
        if (thumbnail_writer_try(writer, pixels)) {
            jpeg = (uint8_t *)byte_buffer_take(&writer->jpeg, size);
        }
        byte_buffer_clear(&writer->jpeg);
        memory_free(writer);
    }
    if (jpeg == NULL) {
        (void)error_set(err, ERROR_INTERNAL,
                        "out of memory while making the thumbnail; try again later");
    }
    return jpeg;
}

// side * max_side / longest, rounded, at least 1.
static uint32_t side_shrink(uint32_t side, uint32_t longest, uint32_t max_side) {
    uint64_t scaled = ((uint64_t)side * max_side + longest / 2) / longest;
    return scaled == 0 ? 1 : (uint32_t)scaled;
}

void thumbnail_size(uint32_t max_side, uint32_t *width, uint32_t *height) {
    uint32_t longest = *width > *height ? *width : *height;
    if (longest <= max_side) return;
    *width = side_shrink(*width, longest, max_side);
    *height = side_shrink(*height, longest, max_side);
}

bool thumbnail_pixels_create(const struct pixels *pixels, uint32_t max_side, struct pixels *small,
                             struct error *err) {
    uint32_t width = pixels->width, height = pixels->height;
    thumbnail_size(max_side, &width, &height);
    struct resize_target whole = {width, height, {.width = width, .height = height}};
    return resize_bicubic(pixels, &whole, small, err);
}

uint8_t *thumbnail_jpeg_create(const struct pixels *pixels, uint32_t max_side, size_t *size,
                               struct error *err) {
    struct pixels small;
    if (pixels->width <= max_side && pixels->height <= max_side)
        return pixels_jpeg_create(pixels, size, err);
    if (!thumbnail_pixels_create(pixels, max_side, &small, err)) return NULL;
    uint8_t *jpeg = pixels_jpeg_create(&small, size, err);
    pixels_clear(&small);
    return jpeg;
}
