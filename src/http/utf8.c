#include "http/utf8.h"

#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"

static const char replacement[] = "\xef\xbf\xbd";  // U+FFFD

// Bytes of the character at `bytes`; 0 when it is none.
static size_t character_size(const char *bytes, size_t size) {
    utf8proc_int32_t codepoint;
    utf8proc_ssize_t used =
        utf8proc_iterate((const utf8proc_uint8_t *)bytes, (utf8proc_ssize_t)size, &codepoint);
    return used > 0 ? (size_t)used : 0;
}

bool utf8_is_valid(const char *bytes, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t step = character_size(bytes + at, size - at);
        if (step == 0) return false;
        at += step;
    }
    return true;
}

char *utf8_mended_copy(const char *bytes, size_t size) {
    size_t room;
    if (!size_multiply(size, sizeof replacement - 1, &room) || !size_add(room, 1, &room))
        return NULL;
    char *copy = memory_try(room);
    if (copy == NULL) return NULL;
    char *out = copy;
    for (size_t at = 0; at < size;) {
        size_t step = character_size(bytes + at, size - at);
        const char *from = step > 0 ? bytes + at : replacement;
        size_t length = step > 0 ? step : sizeof replacement - 1;
        memcpy(out, from, length);
        out += length;
        at += step > 0 ? step : 1;
    }
    *out = '\0';
    return copy;
}
