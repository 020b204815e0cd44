#include "cli/terminal_picture.h"

#include "base/base64.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/data_folder.h"
#include "image/sixel.h"
#include "image/thumbnail.h"
#include "store/blob_folder.h"

enum {
    PICTURE_LINES = 10,  // of text, the height of a square picture
    SIDE_MIN = 80,
    SIDE_MAX = 480,
    KITTY_CHUNK = 4096,               // characters of base64 in one escape sequence at most
    SEQUENCE_MAX = 16 * 1024 * 1024,  // far above what a picture of SIDE_MAX takes
};

static uint32_t side_of(const struct terminal *terminal) {
    uint32_t side = terminal->cell_height * PICTURE_LINES;
    return side < SIDE_MIN ? SIDE_MIN : side > SIDE_MAX ? SIDE_MAX : side;
}

static bool is_written(const struct byte_buffer *buffer, struct error *err) {
    return !buffer->has_failed ||
           error_set(err, ERROR_INTERNAL, "out of memory for a picture in the terminal");
}

// The pixels as they are, in chunks; q=2: the terminal shall not answer.
static bool kitty_append(struct byte_buffer *buffer, const struct pixels *pixels,
                         struct error *err) {
    struct byte_buffer text;
    byte_buffer_init(&text, SEQUENCE_MAX);
    bool is_done = base64_append(&text, pixels->rgb, (size_t)pixels->width * pixels->height * 3);
    for (size_t at = 0; is_done && at < text.size; at += KITTY_CHUNK) {
        size_t part = text.size - at < KITTY_CHUNK ? text.size - at : KITTY_CHUNK;
        (void)byte_buffer_append_text(buffer, "\033_G");
        if (at == 0)
            (void)byte_buffer_append_format(buffer, "a=T,f=24,s=%u,v=%u,q=2,", pixels->width,
                                            pixels->height);
        (void)byte_buffer_append_format(buffer, "m=%d;", at + part < text.size ? 1 : 0);
        (void)byte_buffer_append(buffer, text.bytes + at, part);
        (void)byte_buffer_append_text(buffer, "\033\\");
    }
    is_done = is_written(&text, err) && is_written(buffer, err);
    byte_buffer_clear(&text);
    return is_done;
}

static bool iterm_append(struct byte_buffer *buffer, const struct pixels *pixels, uint32_t side,
                         struct error *err) {
    size_t size;
    uint32_t width = pixels->width, height = pixels->height;
    thumbnail_size(side, &width, &height);
    uint8_t *jpeg = thumbnail_jpeg_create(pixels, side, &size, err);
    if (jpeg == NULL) return false;
    (void)byte_buffer_append_format(
        buffer, "\033]1337;File=inline=1;size=%zu;width=%upx;height=%upx:", size, width, height);
    (void)base64_append(buffer, jpeg, size);
    (void)byte_buffer_append_text(buffer, "\a");
    memory_free(jpeg);
    return is_written(buffer, err);
}

static bool picture_append(struct byte_buffer *buffer, const struct terminal *terminal,
                           const struct pixels *pixels, struct error *err) {
    struct pixels small;
    uint32_t side = side_of(terminal);
    if (terminal->pictures == PICTURES_ITERM) return iterm_append(buffer, pixels, side, err);
    if (!thumbnail_pixels_create(pixels, side, &small, err)) return false;
    bool is_done = terminal->pictures == PICTURES_KITTY ? kitty_append(buffer, &small, err)
                                                        : sixel_append(buffer, &small, err);
    pixels_clear(&small);
    return is_done;
}

// What cannot be shown is told in the log: the answer is complete without it.
static void print(const struct terminal *terminal, char *bytes, size_t size,
                  const struct image_limits *limits, struct error *err) {
    struct pixels pixels = {.rgb = NULL};
    struct image_info info;
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, SEQUENCE_MAX);
    if (bytes != NULL && image_decode((const uint8_t *)bytes, size, limits, &pixels, &info, err) &&
        picture_append(&buffer, terminal, &pixels, err)) {
        (void)fwrite(buffer.bytes, 1, buffer.size, stdout);
        (void)fputc('\n', stdout);
        (void)fflush(stdout);
    }
    if (err->kind != ERROR_NONE) log_warning("a picture is not shown: %s", err->text);
    pixels_clear(&pixels);
    byte_buffer_clear(&buffer);
    memory_free(bytes);
}

void terminal_picture_print_file(const struct terminal *terminal, const char *path,
                                 const struct image_limits *limits) {
    struct error err = {0};
    size_t size = 0;
    if (terminal->pictures == PICTURES_NONE) return;
    char *bytes = file_read_create(path, limits->max_bytes, &size, &err);
    print(terminal, bytes, size, limits, &err);
}

void terminal_picture_print_stored(const struct terminal *terminal, const char *data_folder,
                                   const char *sha256, const struct image_limits *limits) {
    char pictures[DATA_PATH_SIZE + 16];
    struct error err = {0};
    char *bytes = NULL;
    size_t size = 0;
    if (terminal->pictures == PICTURES_NONE) return;
    (void)snprintf(pictures, sizeof pictures, "%s/pictures", data_folder);
    struct blob_folder *blobs = blob_folder_create_reader(pictures, &err);
    if (blobs != NULL) bytes = blob_folder_get(blobs, sha256, limits->max_bytes, &size, &err);
    print(terminal, bytes, size, limits, &err);
    blob_folder_destroy(blobs);
}
