#include "store/postgres_words.h"

#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "store/words.h"

// Of one text; folding can make it three times as long. Ours are far below.
enum { WORDS_SIZE_MAX = 1024 * 1024, CHARACTER_SIZE_MAX = 4 };
static bool append_words(struct byte_buffer *buffer, const utf8proc_uint8_t *folded,
                         const char *joint) {
    utf8proc_int32_t character;
    utf8proc_ssize_t length;
    bool is_inside = false;
    for (; (length = utf8proc_iterate(folded, -1, &character)) > 0 && character != 0;
         folded += length) {
        bool is_part = word_has_character(character);
        if (is_part && !is_inside && buffer->size > 0) (void)byte_buffer_append_text(buffer, joint);
        if (is_part) (void)byte_buffer_append(buffer, folded, (size_t)length);
        is_inside = is_part;
    }
    return !buffer->has_failed;
}

bool postgres_words_fold(struct byte_buffer *buffer, const char *text, const char *joint) {
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t size =
        utf8proc_map((const utf8proc_uint8_t *)text, 0, &folded,
                     UTF8PROC_NULLTERM | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                         UTF8PROC_STRIPMARK | UTF8PROC_IGNORE);
    // Text that is not UTF-8 has no words; the server would not take it either.
    bool is_done =
        size == UTF8PROC_ERROR_INVALIDUTF8 || (size >= 0 && append_words(buffer, folded, joint));
    free(folded);  // utf8proc's
    return is_done;
}

bool postgres_words_create(struct postgres_words *words, const struct image_record *record,
                           struct error *err) {
    byte_buffer_init(&words->caption, WORDS_SIZE_MAX);
    byte_buffer_init(&words->others, WORDS_SIZE_MAX);
    return (byte_buffer_append_text(&words->caption, "") &&
            byte_buffer_append_text(&words->others, "") &&
            postgres_words_fold(&words->caption, record->caption, " ") &&
            postgres_words_fold(&words->others, record->file_name, " ") &&
            postgres_words_fold(&words->others, record->tags, " ")) ||
           error_set(err, ERROR_INTERNAL, "out of memory for the words of an image");
}

void postgres_words_clear(struct postgres_words *words) {
    byte_buffer_clear(&words->caption);
    byte_buffer_clear(&words->others);
}

char *postgres_words_query(const char *const *words, size_t count, const char *joint) {
    struct byte_buffer query, word;
    byte_buffer_init(&query, WORDS_SIZE_MAX);
    byte_buffer_init(&word, WORDS_SIZE_MAX);
    bool is_done = byte_buffer_append_text(&query, "");
    for (size_t i = 0; i < count && is_done; i++) {
        is_done = postgres_words_fold(&word, words[i], " <-> ");
        if (is_done && word.size > 0)
            is_done = byte_buffer_append_format(&query, "%s(%s)", query.size > 0 ? joint : "",
                                                word.bytes);
        byte_buffer_clear(&word);
    }
    char *text = byte_buffer_take(&query, NULL);
    byte_buffer_clear(&query);
    if (is_done) return text;
    memory_free(text);
    return NULL;
}
