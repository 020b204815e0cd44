#include "service/plain_text.h"

#include <string.h>
#include <utf8proc.h>

enum { REPLACEMENT = 0xfffd, CHARACTER_SIZE = 4 };

// Takes one character off *text; -1 for a byte that starts none.
static utf8proc_int32_t next_character(const char **text) {
    utf8proc_int32_t character;
    // The longest character has 4 bytes; the length bounds what utf8proc looks at.
    utf8proc_ssize_t used =
        utf8proc_iterate((const utf8proc_uint8_t *)*text,
                         (utf8proc_ssize_t)strnlen(*text, CHARACTER_SIZE), &character);
    *text += used > 0 ? used : 1;
    return used > 0 ? character : -1;
}

static bool steers_display(utf8proc_int32_t character) {
    utf8proc_category_t category = utf8proc_category(character);
    // Of the format characters only the directional ones: others join emoji and letters.
    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP || (character >= 0x202a && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

void plain_text_copy(char *copy, size_t copy_size, const char *text) {
    size_t used = 0;
    while (*text != '\0') {
        utf8proc_uint8_t bytes[CHARACTER_SIZE];
        utf8proc_int32_t character = next_character(&text);
        if (character < 0) character = REPLACEMENT;
        if (steers_display(character)) continue;
        size_t size = (size_t)utf8proc_encode_char(character, bytes);
        if (size >= copy_size - used) break;
        memcpy(copy + used, bytes, size);
        used += size;
    }
    copy[used] = '\0';
}

bool plain_text_is_blank(const char *text) {
    while (*text != '\0') {
        utf8proc_int32_t character = next_character(&text);
        if (character < 0) return false;
        if (!steers_display(character) && utf8proc_category(character) != UTF8PROC_CATEGORY_ZS)
            return false;
    }
    return true;
}
