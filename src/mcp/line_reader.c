#define _GNU_SOURCE  // ppoll
#include "mcp/line_reader.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { FIRST_CAPACITY = 64 * 1024 };

void line_reader_init(struct line_reader *reader, int descriptor, size_t line_max,
                      const sigset_t *signals) {
    *reader =
        (struct line_reader){.descriptor = descriptor, .line_max = line_max, .signals = signals};
}

void line_reader_clear(struct line_reader *reader) {
    memory_free(reader->bytes);
    reader->bytes = NULL;
}

// Makes room for more; a large buffer that is empty again is given back.
static bool room_make(struct line_reader *reader, struct error *err) {
    if (reader->start > 0) {
        memmove(reader->bytes, reader->bytes + reader->start, reader->end - reader->start);
        reader->end -= reader->start;
        reader->start = 0;
    }
    size_t capacity = reader->capacity;
    if (reader->end == 0)
        capacity = FIRST_CAPACITY;
    else if (reader->end == capacity && !size_multiply(capacity, 2, &capacity))
        return error_set(err, ERROR_INTERNAL, "out of memory");
    if (capacity == reader->capacity) return true;
    char *bytes = memory_try_resize(reader->bytes, capacity, 1);
    if (bytes == NULL) return error_set(err, ERROR_INTERNAL, "there is no memory for such a line");
    reader->bytes = bytes;
    reader->capacity = capacity;
    return true;
}

// More bytes: LINE_READ, or how it ended.
static enum line_outcome fill(struct line_reader *reader, struct error *err) {
    if (!room_make(reader, err)) return LINE_FAILED;
    struct pollfd wait = {.fd = reader->descriptor, .events = POLLIN};
    if (ppoll(&wait, 1, NULL, reader->signals) < 0) {
        if (errno == EINTR) return LINE_INTERRUPTED;
        error_set(err, ERROR_INTERNAL, "cannot wait for input: %s", strerror(errno));
        return LINE_FAILED;
    }
    ssize_t got =
        read(reader->descriptor, reader->bytes + reader->end, reader->capacity - reader->end);
    if (got > 0) {
        reader->end += (size_t)got;
        return LINE_READ;
    }
    if (got == 0) return LINE_END;
    if (errno == EINTR || errno == EAGAIN) return LINE_READ;  // nothing yet
    error_set(err, ERROR_INTERNAL, "cannot read the input: %s", strerror(errno));
    return LINE_FAILED;
}

static void give(struct line_reader *reader, size_t length, size_t taken, const char **line,
                 size_t *size) {
    *line = reader->bytes + reader->start;
    *size = length > 0 && (*line)[length - 1] == '\r' ? length - 1 : length;
    reader->start += taken;
}

enum line_outcome line_reader_next(struct line_reader *reader, const char **line, size_t *size,
                                   struct error *err) {
    size_t searched = 0;  // from start on
    for (;;) {
        size_t held = reader->end - reader->start;
        const char *first = reader->bytes + reader->start;
        const char *end = held > searched ? memchr(first + searched, '\n', held - searched) : NULL;
        size_t length = end != NULL ? (size_t)(end - first) : held;
        if (reader->is_skipping) {
            reader->start += end != NULL ? length + 1 : length;
            reader->is_skipping = end == NULL;
            if (end != NULL) continue;
            held = 0;
        } else if (length > reader->line_max) {
            reader->start += end != NULL ? length + 1 : length;
            reader->is_skipping = end == NULL;
            return LINE_TOO_LONG;
        } else if (end != NULL) {
            give(reader, length, length + 1, line, size);
            return LINE_READ;
        }
        searched = held;
        enum line_outcome outcome = fill(reader, err);
        if (outcome == LINE_END && held > 0) {
            give(reader, held, held, line, size);
            return LINE_READ;
        }
        if (outcome != LINE_READ) return outcome;
    }
}
