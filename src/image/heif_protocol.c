#define _GNU_SOURCE  // memfd_create
#include "image/heif_protocol.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "image/decoders.h"

enum { REQUEST_HEADER = 16, REPLY_HEADER = 20, REPLY_MAGIC = 0x46494548 };

static void put_number(uint8_t *bytes, size_t size, uint64_t number) {
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(number >> 8 * i);
}

static uint64_t get_number(const uint8_t *bytes, size_t size) {
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) number |= (uint64_t)bytes[i] << 8 * i;
    return number;
}

static bool write_all(int descriptor, const void *bytes, size_t size) {
    const uint8_t *next = bytes;
    while (size > 0) {
        ssize_t written = write(descriptor, next, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        next += written;
        size -= (size_t)written;
    }
    return true;
}

int heif_request_create(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                        struct error *err) {
    uint8_t header[REQUEST_HEADER];
    put_number(header, 8, limits->max_pixels);
    put_number(header + 8, 8, limits->max_side);
    int descriptor = memfd_create("picture", MFD_CLOEXEC);
    if (descriptor >= 0 && write_all(descriptor, header, sizeof header) &&
        write_all(descriptor, bytes, size))
        return descriptor;
    error_set(err, ERROR_UNAVAILABLE, "cannot hand the picture to its decoder: %s; try again later",
              strerror(errno));
    if (descriptor >= 0) (void)close(descriptor);
    return -1;
}

bool heif_request_open(struct heif_request *request, int descriptor, struct error *err) {
    struct stat status;
    if (fstat(descriptor, &status) != 0 || status.st_size <= REQUEST_HEADER)
        return error_set(err, ERROR_USAGE, "decode-heif is for the server's own use");
    size_t size = (size_t)status.st_size;
    const uint8_t *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED) return picture_out_of_memory(err);
    *request = (struct heif_request){
        .bytes = bytes + REQUEST_HEADER,
        .size = size - REQUEST_HEADER,
        .limits = {.max_bytes = size,
                   .max_pixels = get_number(bytes, 8),
                   .max_side = (uint32_t)get_number(bytes + 8, 8)},
    };
    return true;
}

bool heif_reply_write(int descriptor, const struct pixels *pixels, const struct error *err) {
    bool has_pixels = err->kind == ERROR_NONE;
    size_t text_size = has_pixels ? 0 : strlen(err->text);
    uint8_t header[REPLY_HEADER];
    put_number(header, 4, REPLY_MAGIC);
    put_number(header + 4, 4, (uint64_t)err->kind);
    put_number(header + 8, 4, has_pixels ? pixels->width : 0);
    put_number(header + 12, 4, has_pixels ? pixels->height : 0);
    put_number(header + 16, 4, text_size);
    if (!write_all(descriptor, header, sizeof header)) return false;
    if (!has_pixels) return write_all(descriptor, err->text, text_size);
    return write_all(descriptor, pixels->rgb, (size_t)pixels->width * pixels->height * 3);
}

// One read of at most `size` bytes; *got is 0 at the end.
static enum heif_reply read_some(int descriptor, int64_t deadline_monotonic_ns, uint8_t *bytes,
                                 size_t size, size_t *got) {
    for (;;) {
        int64_t left_ns = deadline_monotonic_ns - clock_monotonic_ns();
        if (left_ns <= 0) return HEIF_REPLY_LATE;
        struct pollfd wait = {.fd = descriptor, .events = POLLIN};
        int ready = poll(&wait, 1, (int)(left_ns / 1000000 + 1));
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        ssize_t count = ready < 0 ? -1 : read(descriptor, bytes, size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return HEIF_REPLY_CUT;
        *got = (size_t)count;
        return HEIF_REPLY_PIXELS;
    }
}

static enum heif_reply read_all(int descriptor, int64_t deadline_monotonic_ns, void *bytes,
                                size_t size) {
    for (size_t used = 0; used < size;) {
        size_t got;
        enum heif_reply reply = read_some(descriptor, deadline_monotonic_ns,
                                          (uint8_t *)bytes + used, size - used, &got);
        if (reply != HEIF_REPLY_PIXELS) return reply;
        if (got == 0) return HEIF_REPLY_CUT;
        used += got;
    }
    return HEIF_REPLY_PIXELS;
}

static enum heif_reply read_end(int descriptor, int64_t deadline_monotonic_ns) {
    uint8_t beyond;
    size_t got;
    enum heif_reply reply = read_some(descriptor, deadline_monotonic_ns, &beyond, 1, &got);
    return reply == HEIF_REPLY_PIXELS && got > 0 ? HEIF_REPLY_FALSE : reply;
}

static enum heif_reply read_error(int descriptor, int64_t deadline_monotonic_ns, uint64_t kind,
                                  size_t text_size, struct error *err) {
    char text[ERROR_TEXT_SIZE];
    if (kind >= ERROR_KIND_COUNT || text_size == 0 || text_size >= sizeof text)
        return HEIF_REPLY_FALSE;
    enum heif_reply reply = read_all(descriptor, deadline_monotonic_ns, text, text_size);
    if (reply == HEIF_REPLY_PIXELS) reply = read_end(descriptor, deadline_monotonic_ns);
    if (reply != HEIF_REPLY_PIXELS) return reply;
    for (size_t i = 0; i < text_size; i++)
        if (text[i] < ' ' || text[i] > '~') text[i] = '?';  // it goes into JSON and onto terminals
    error_set(err, (enum error_kind)kind, "%.*s", (int)text_size, text);
    return HEIF_REPLY_ERROR;
}

enum heif_reply heif_reply_read(int descriptor, int64_t deadline_monotonic_ns,
                                const struct image_limits *limits, struct pixels *pixels,
                                struct error *err) {
    *pixels = (struct pixels){0};
    uint8_t header[REPLY_HEADER];
    enum heif_reply reply = read_all(descriptor, deadline_monotonic_ns, header, sizeof header);
    if (reply != HEIF_REPLY_PIXELS) return reply;
    uint64_t kind = get_number(header + 4, 4);
    uint64_t width = get_number(header + 8, 4);
    uint64_t height = get_number(header + 12, 4);
    uint64_t text_size = get_number(header + 16, 4);
    if (get_number(header, 4) != REPLY_MAGIC) return HEIF_REPLY_FALSE;
    if (kind != ERROR_NONE)
        return read_error(descriptor, deadline_monotonic_ns, kind, (size_t)text_size, err);
    if (text_size != 0 || !picture_size_check(limits, width, height, NULL)) return HEIF_REPLY_FALSE;
    if (!pixels_init(pixels, (uint32_t)width, (uint32_t)height, err)) return HEIF_REPLY_ERROR;
    reply = read_all(descriptor, deadline_monotonic_ns, pixels->rgb,
                     (size_t)pixels->width * pixels->height * 3);
    return reply == HEIF_REPLY_PIXELS ? read_end(descriptor, deadline_monotonic_ns) : reply;
}
