#include "base/byte_buffer.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_CAPACITY = 256 };

void byte_buffer_init(struct byte_buffer *buffer, size_t max_size) {
    *buffer = (struct byte_buffer){.max_size = max_size};
}

void byte_buffer_clear(struct byte_buffer *buffer) {
    memory_free(buffer->bytes);
    byte_buffer_init(buffer, buffer->max_size);
}

// Makes room for `more` bytes and the closing NUL.
static bool reserve(struct byte_buffer *buffer, size_t more) {
    if (buffer->has_failed || more > buffer->max_size - buffer->size) {
        buffer->has_failed = true;
        return false;
    }
    size_t needed = buffer->size + more + 1;
    if (needed <= buffer->capacity) return true;
    // Doubling, so that many small appends cost little, but never past the ceiling.
    size_t capacity = buffer->capacity == 0 ? FIRST_CAPACITY : buffer->capacity * 2;
    if (capacity > buffer->max_size) capacity = buffer->max_size + 1;
    if (capacity < needed) capacity = needed;
    char *bytes = memory_try_resize(buffer->bytes, capacity, 1);
    if (bytes == NULL) {
        buffer->has_failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

bool byte_buffer_append(struct byte_buffer *buffer, const void *bytes, size_t size) {
    if (!reserve(buffer, size)) return false;
    if (size > 0) memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    buffer->bytes[buffer->size] = '\0';
    return true;
}

bool byte_buffer_append_text(struct byte_buffer *buffer, const char *text) {
    return byte_buffer_append(buffer, text, strlen(text));
}

bool byte_buffer_append_format(struct byte_buffer *buffer, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    bool is_done = length >= 0 && reserve(buffer, (size_t)length);
    if (is_done) {
        (void)vsnprintf(buffer->bytes + buffer->size, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    } else {
        buffer->has_failed = true;
    }
    va_end(again);
    return is_done;
}

char *byte_buffer_take(struct byte_buffer *buffer, size_t *size) {
    char *bytes = buffer->has_failed ? NULL : buffer->bytes;
    if (size != NULL) *size = bytes == NULL ? 0 : buffer->size;
    if (bytes == NULL) memory_free(buffer->bytes);
    byte_buffer_init(buffer, buffer->max_size);
    return bytes;
}
