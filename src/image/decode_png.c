// PNG through libspng, which turns every colour type into 8-bit RGB while it decodes: palettes are
// looked up, 1, 2 and 4 bits are scaled up, alpha and tRNS are dropped, not blended. Of 16 bits the
// high byte is taken, in grey as in colour; Pillow does so for colour only and clips 16-bit grey,
// which turns most such pictures white.
#include <spng.h>

#include "base/memory.h"
#include "image/decoders.h"
#include "image/orientation.h"

// For one chunk, and for all that are kept. Texts and profiles are inflated into this, so it also
// bounds what a zTXt or iCCP bomb can take. Real profiles stay below 4 MiB.
enum { CHUNK_BYTES_MAX = 16 << 20 };

// zlib wants memory in the midst of decoding, and libspng reports its lack as a damaged picture.
static _Thread_local bool png_memory_is_out;

static void *png_memory_note(void *block) {
    if (block == NULL) png_memory_is_out = true;
    return block;
}

static void *png_memory_take(size_t size) { return png_memory_note(memory_try(size)); }
static void *png_memory_take_zeroed(size_t count, size_t size) {
    return png_memory_note(memory_try_zeroed(count, size));
}
static void *png_memory_resize(void *block, size_t size) {
    return png_memory_note(memory_try_resize(block, size, 1));
}

static struct spng_alloc png_memory = {
    .malloc_fn = png_memory_take,
    .realloc_fn = png_memory_resize,
    .calloc_fn = png_memory_take_zeroed,
    .free_fn = memory_free,
};

static bool png_fail(int code, struct error *err) {
    if (png_memory_is_out) return picture_out_of_memory(err);
    if (code == SPNG_EOVERFLOW) {
        return error_set(err, ERROR_TOO_LARGE,
                         "the picture is too large (PNG: its size overflows); send a smaller one");
    }
    return picture_is_damaged(err, IMAGE_PNG, spng_strerror(code));
}

static bool png_read(spng_ctx *codec, const struct image_limits *limits, struct pixels *pixels,
                     int *orientation, struct error *err) {
    struct spng_ihdr header;
    int code = spng_get_ihdr(codec, &header);
    if (code != 0) return png_fail(code, err);
    if (!picture_size_check(limits, header.width, header.height, err) ||
        !pixels_init(pixels, header.width, header.height, err)) {
        return false;
    }
    code = spng_decode_image(codec, pixels->rgb, (size_t)header.width * header.height * 3,
                             SPNG_FMT_RGB8, 0);
    // To the end of the file: EXIF may follow the pixels, and a missing end is a cut file.
    if (code == 0) code = spng_decode_chunks(codec);
    if (code != 0) return png_fail(code, err);

    struct spng_exif exif;
    if (spng_get_exif(codec, &exif) != 0) return true;
    return exif_orientation_read((const uint8_t *)exif.data, exif.length, orientation, err);
}

bool decode_png(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                struct pixels *pixels, int *orientation, struct error *err) {
    png_memory_is_out = false;
    spng_ctx *codec = spng_ctx_new2(&png_memory, 0);
    if (codec == NULL) return picture_out_of_memory(err);
    int code = spng_set_crc_action(codec, SPNG_CRC_ERROR, SPNG_CRC_ERROR);
    if (code == 0) code = spng_set_chunk_limits(codec, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX);
    if (code == 0) code = spng_set_png_buffer(codec, bytes, size);
    bool is_ok =
        code == 0 ? png_read(codec, limits, pixels, orientation, err) : png_fail(code, err);
    spng_ctx_free(codec);
    return is_ok;
}
