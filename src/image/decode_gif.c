// GIF: the first picture in the file, placed on its canvas as Pillow does it. Around it lies the
// transparent colour, or colour 0 when none is transparent; the canvas grows when the picture
// reaches beyond it. Transparent pixels keep their palette colour. Later frames are not read.
#include <gif_lib.h>
#include <string.h>

#include "base/memory.h"
#include "image/decoders.h"

struct gif_source {
    const uint8_t *bytes;
    size_t size;
    size_t position;
};

static int gif_source_read(GifFileType *gif, GifByteType *to, int wanted) {
    struct gif_source *source = gif->UserData;
    size_t left = source->size - source->position;
    size_t count = (size_t)wanted < left ? (size_t)wanted : left;
    memcpy(to, source->bytes + source->position, count);
    source->position += count;
    return (int)count;
}

static bool gif_fail(int code, struct error *err) {
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM) return picture_out_of_memory(err);
    const char *text = GifErrorString(code);
    return picture_is_damaged(err, IMAGE_GIF, text != NULL ? text : "the data makes no sense");
}

// Reads up to the first picture's descriptor; remembers the transparent colour on the way.
static bool gif_find_picture(GifFileType *gif, int *transparent, struct error *err) {
    for (;;) {
        GifRecordType record;
        if (DGifGetRecordType(gif, &record) == GIF_ERROR) return gif_fail(gif->Error, err);
        if (record == IMAGE_DESC_RECORD_TYPE) {
            return DGifGetImageHeader(gif) != GIF_ERROR || gif_fail(gif->Error, err);
        }
        if (record == TERMINATE_RECORD_TYPE) {
            return picture_is_damaged(err, IMAGE_GIF, "there is no picture in it");
        }
        if (record != EXTENSION_RECORD_TYPE) continue;
        int extension;
        GifByteType *block;  // length, then that many bytes; NULL at the end
        if (DGifGetExtension(gif, &extension, &block) == GIF_ERROR)
            return gif_fail(gif->Error, err);
        GraphicsControlBlock control;
        if (extension == GRAPHICS_EXT_FUNC_CODE && block != NULL &&
            DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
            *transparent = control.TransparentColor;
        }
        while (block != NULL) {
            if (DGifGetExtensionNext(gif, &block) == GIF_ERROR) return gif_fail(gif->Error, err);
        }
    }
}

// Grey when the file has no palette at all; black for colours beyond the palette's end.
static void gif_palette_fill(const GifFileType *gif, uint8_t palette[static 256 * 3]) {
    const ColorMapObject *map = gif->Image.ColorMap != NULL ? gif->Image.ColorMap : gif->SColorMap;
    for (int i = 0; i < 256; i++) {
        bool is_inside = map != NULL && i < map->ColorCount;
        uint8_t grey = map == NULL ? (uint8_t)i : 0;
        palette[i * 3] = is_inside ? map->Colors[i].Red : grey;
        palette[i * 3 + 1] = is_inside ? map->Colors[i].Green : grey;
        palette[i * 3 + 2] = is_inside ? map->Colors[i].Blue : grey;
    }
}

static void row_paint(uint8_t *rgb, const uint8_t *indexes, size_t count, const uint8_t *palette) {
    for (size_t x = 0; x < count; x++, rgb += 3) memcpy(rgb, palette + (size_t)indexes[x] * 3, 3);
}

static bool gif_read_rows(GifFileType *gif, struct pixels *pixels, uint8_t *indexes,
                          const uint8_t *palette, struct error *err) {
    // Every 8th row, those between, and so on; the last entry is the plain order.
    static const struct {
        int start;
        int step;
    } passes[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}, {0, 1}};
    int pass = gif->Image.Interlace ? 0 : 4;
    int pass_end = gif->Image.Interlace ? 4 : 5;
    for (; pass < pass_end; pass++) {
        for (int row = passes[pass].start; row < gif->Image.Height; row += passes[pass].step) {
            if (DGifGetLine(gif, indexes, gif->Image.Width) == GIF_ERROR) {
                return gif_fail(gif->Error, err);
            }
            size_t y = (size_t)gif->Image.Top + (size_t)row;
            size_t at = (y * pixels->width + (size_t)gif->Image.Left) * 3;
            row_paint(pixels->rgb + at, indexes, (size_t)gif->Image.Width, palette);
        }
    }
    return true;
}

static bool gif_read(GifFileType *gif, const struct image_limits *limits, struct pixels *pixels,
                     struct error *err) {
    int transparent = NO_TRANSPARENT_COLOR;
    if (!gif_find_picture(gif, &transparent, err)) return false;
    // All sides are 16-bit in the file; giflib keeps them as int.
    const GifImageDesc *image = &gif->Image;
    if (!picture_size_check(limits, (uint64_t)image->Width, (uint64_t)image->Height, err)) {
        return false;
    }
    uint32_t width = (uint32_t)(image->Left + image->Width);
    uint32_t height = (uint32_t)(image->Top + image->Height);
    if (width < (uint32_t)gif->SWidth) width = (uint32_t)gif->SWidth;
    if (height < (uint32_t)gif->SHeight) height = (uint32_t)gif->SHeight;
    if (!picture_size_check(limits, width, height, err) ||
        !pixels_init(pixels, width, height, err)) {
        return false;
    }
    uint8_t palette[256 * 3];
    gif_palette_fill(gif, palette);
    size_t around = transparent == NO_TRANSPARENT_COLOR ? 0 : (size_t)transparent;
    size_t pixel_count = (size_t)width * height;
    for (size_t i = 0; i < pixel_count; i++) memcpy(pixels->rgb + i * 3, palette + around * 3, 3);

    uint8_t *indexes = memory_try((size_t)image->Width);
    if (indexes == NULL) return picture_out_of_memory(err);
    bool is_ok = gif_read_rows(gif, pixels, indexes, palette, err);
    memory_free(indexes);
    return is_ok;
}

bool decode_gif(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                struct pixels *pixels, int *orientation, struct error *err) {
    (void)orientation;  // GIF has no EXIF
    struct gif_source source = {.bytes = bytes, .size = size};
    int code = D_GIF_SUCCEEDED;
    GifFileType *gif = DGifOpen(&source, gif_source_read, &code);
    if (gif == NULL) return gif_fail(code, err);
    bool is_ok = gif_read(gif, limits, pixels, err);
    (void)DGifCloseFile(gif, &code);
    return is_ok;
}
