// A growing byte string with a ceiling given at init, so that unbounded growth cannot be written
// by accident. The bytes are always followed by a NUL that `size` does not count. One owner, one
// thread. After a failed append the buffer is unchanged and `has_failed` stays true, so a writer
// may append many pieces and look once at the end.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct byte_buffer {
    char *bytes;  // NULL while empty
    size_t size;
    size_t capacity;
    size_t max_size;
    bool has_failed;
};

void byte_buffer_init(struct byte_buffer *buffer, size_t max_size);
void byte_buffer_clear(struct byte_buffer *buffer);  // frees; usable again afterwards
bool byte_buffer_append(struct byte_buffer *buffer, const void *bytes, size_t size);
bool byte_buffer_append_text(struct byte_buffer *buffer, const char *text);
bool byte_buffer_append_format(struct byte_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Hands the bytes over; the caller frees them with memory_free. NULL when empty or failed.
char *byte_buffer_take(struct byte_buffer *buffer, size_t *size);
