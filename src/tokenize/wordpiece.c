// BERT's uncased tokenizer: lower case, accents and control characters dropped, words split at
// whitespace, around punctuation and around every Chinese character, then each word spelled with
// the longest pieces of the vocabulary from left to right; pieces inside a word are written with
// ##. Special tokens in the user's text are ordinary text here, as with split_special_tokens=True.
#include "tokenize/wordpiece.h"

#include <string.h>
#include <utf8proc.h>

#include "base/byte_buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "tokenize/code_points.h"
#include "tokenize/symbol_table.h"

enum {
    MAX_FILE_BYTES = 64 << 20,
    MAX_DECODED_BYTES = 1 << 20,
    MAX_WORD_POINTS = 100,  // longer words become [UNK] (max_input_chars_per_word)
    MAX_DECOMPOSITION = 8,  // code points; Unicode's longest canonical one has 4
    PREFIX = 2              // bytes of "##"
};

static const char *const special_names[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
enum { UNKNOWN = 1, SPECIAL_COUNT = sizeof special_names / sizeof *special_names };

struct wordpiece {
    char *text;  // of the file; the symbols point into it
    struct symbol_table symbols;
    int32_t special_ids[SPECIAL_COUNT];  // -1 where the vocabulary has none
};

// A word being collected: in front two bytes of room for the ##.
struct word {
    char bytes[PREFIX + 4 * MAX_WORD_POINTS];
    size_t size, points;  // bytes after the room; code points, also those that found no place
};

struct id_list {
    int32_t *ids;
    size_t count, capacity;
};

// What is decoded goes into answers: it must be text.
static bool is_text(const char *bytes, size_t size) {
    int32_t point;
    for (size_t i = 0; i < size;) {
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)bytes + i,
                                                 (utf8proc_ssize_t)(size - i), &point);
        if (used <= 0 || point == 0) return false;
        i += (size_t)used;
    }
    return true;
}

static bool read_symbols(struct wordpiece *tokenizer, size_t size, struct error *err) {
    const char *text = tokenizer->text, *end = text + size;
    size_t lines = 1;
    if (!is_text(text, size)) return error_set(err, ERROR_INVALID, "it is not UTF-8 text");
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    if (!symbol_table_init(&tokenizer->symbols, lines, err)) return false;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (line_end == NULL) line_end = end;
        size_t length = (size_t)(line_end - text);
        if (length > 0 && text[length - 1] == '\r') length--;
        symbol_table_add(&tokenizer->symbols, text, length);
        text = line_end + 1;
    }
    for (int i = 0; i < SPECIAL_COUNT; i++)
        tokenizer->special_ids[i] =
            symbol_table_find(&tokenizer->symbols, special_names[i], strlen(special_names[i]));
    if (tokenizer->special_ids[UNKNOWN] >= 0) return true;
    return error_set(err, ERROR_INVALID, "it has no line [UNK]: it is no vocabulary of WordPiece");
}

struct wordpiece *wordpiece_load(const char *vocab_path, struct error *err) {
    size_t size;
    struct wordpiece *tokenizer = memory_alloc(sizeof *tokenizer);
    tokenizer->text = file_read_create(vocab_path, MAX_FILE_BYTES, &size, err);
    if (tokenizer->text != NULL) {
        if (read_symbols(tokenizer, size, err)) return tokenizer;
        error_wrap(err, "%s", vocab_path);
    }
    wordpiece_destroy(tokenizer);
    return NULL;
}

void wordpiece_destroy(struct wordpiece *tokenizer) {
    if (tokenizer == NULL) return;
    symbol_table_clear(&tokenizer->symbols);
    memory_free(tokenizer->text);
    memory_free(tokenizer);
}

size_t wordpiece_vocabulary_size(const struct wordpiece *tokenizer) {
    return tokenizer->symbols.count;
}

static bool is_dropped(int32_t point) {
    if (point == 0xFFFD) return true;
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
           category == UTF8PROC_CATEGORY_CS || category == UTF8PROC_CATEGORY_CO ||
           category == UTF8PROC_CATEGORY_CN;
}

// The reference drops control characters before it splits: of those, only these three are spaces.
static bool is_space(int32_t point) {
    return point == '\t' || point == '\n' || point == '\r' ||
           (code_point_is_space(point) && utf8proc_category(point) != UTF8PROC_CATEGORY_CC);
}

static bool is_punctuation(int32_t point) {
    if ((point >= 33 && point <= 47) || (point >= 58 && point <= 64) ||
        (point >= 91 && point <= 96) || (point >= 123 && point <= 126))
        return true;
    utf8proc_category_t category = utf8proc_category(point);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

// The blocks of CJK ideographs that the reference lists; not kana, not hangul.
static bool is_ideograph(int32_t point) {
    static const int32_t blocks[][2] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},
                                        {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F},
                                        {0x2B820, 0x2CEAF}, {0x2F800, 0x2FA1F}};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (point >= blocks[i][0] && point <= blocks[i][1]) return true;
    }
    return false;
}

static void append_id(struct id_list *list, int32_t id) {
    if (list->count < list->capacity) list->ids[list->count++] = id;
}

// The longest piece that begins at `from`; writes the ## over bytes that have been spelled already.
static int32_t find_piece(const struct wordpiece *tokenizer, struct word *word, size_t from,
                          size_t *piece_size) {
    size_t prefix = from == 0 ? 0 : PREFIX;
    char *piece = word->bytes + PREFIX + from - prefix;
    memcpy(piece, "##", prefix);
    for (size_t size = word->size - from; size > 0; size--) {
        int32_t id = symbol_table_find(&tokenizer->symbols, piece, prefix + size);
        if (id < 0) continue;
        *piece_size = size;
        return id;
    }
    return -1;
}

// Ends the word: its pieces go to the list, or [UNK] when it cannot be spelled whole.
static void end_word(const struct wordpiece *tokenizer, struct word *word, struct id_list *list) {
    size_t first = list->count, from = 0, size = 0;
    bool is_known = word->points <= MAX_WORD_POINTS;
    while (is_known && from < word->size) {
        int32_t id = find_piece(tokenizer, word, from, &size);
        is_known = id >= 0;
        if (is_known) append_id(list, id);
        from += size;
    }
    if (!is_known) {
        list->count = first;
        append_id(list, tokenizer->special_ids[UNKNOWN]);
    }
    word->size = word->points = 0;
}

static void append_point(struct word *word, int32_t point) {
    if (word->points++ < MAX_WORD_POINTS)
        word->size += code_point_encode(point, word->bytes + PREFIX + word->size);
}

// One code point: lower-cased, alone as in the reference (no final sigma), decomposed, accents
// dropped, punctuation made a word of its own.
static void encode_point(const struct wordpiece *tokenizer, int32_t point, struct word *word,
                         struct id_list *list) {
    int32_t parts[MAX_DECOMPOSITION];
    int boundary = 0;
    utf8proc_ssize_t count = utf8proc_decompose_char(
        utf8proc_tolower(point), parts, MAX_DECOMPOSITION, UTF8PROC_DECOMPOSE, &boundary);
    for (utf8proc_ssize_t i = 0; i < count && i < MAX_DECOMPOSITION; i++) {
        if (utf8proc_category(parts[i]) == UTF8PROC_CATEGORY_MN) continue;
        bool is_alone = is_punctuation(parts[i]);
        if (is_alone) end_word(tokenizer, word, list);
        append_point(word, parts[i]);
        if (is_alone) end_word(tokenizer, word, list);
    }
}

size_t wordpiece_encode(const struct wordpiece *tokenizer, const char *text, int32_t *ids,
                        size_t capacity, struct error *err) {
    struct id_list list = {.ids = ids, .capacity = capacity};
    struct word word = {.size = 0};
    size_t count = 0;
    int32_t *points = code_points_create(text, &count, err);
    if (points == NULL) return 0;
    for (size_t i = 0; i < count && list.count < capacity; i++) {
        bool is_alone = is_ideograph(points[i]);
        if (is_space(points[i]) || is_alone) end_word(tokenizer, &word, &list);
        if (!is_space(points[i]) && !is_dropped(points[i]))
            encode_point(tokenizer, points[i], &word, &list);
        if (is_alone) end_word(tokenizer, &word, &list);
    }
    end_word(tokenizer, &word, &list);
    memory_free(points);
    return list.count;
}

static bool is_special(const struct wordpiece *tokenizer, int32_t id) {
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        if (tokenizer->special_ids[i] == id) return true;
    }
    return false;
}

// In place: no replacement is longer than what it replaces.
static void replace_all(char *text, const char *from, const char *to) {
    size_t from_size = strlen(from), to_size = strlen(to);
    char *written = text;
    while (*text != '\0') {
        if (strncmp(text, from, from_size) == 0) {
            memcpy(written, to, to_size);
            written += to_size;
            text += from_size;
        } else {
            *written++ = *text++;
        }
    }
    *written = '\0';
}

// transformers' clean_up_tokenization, in its order.
static void clean_up(char *text) {
    static const char *const replacements[][2] = {
        {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
        {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (size_t i = 0; i < sizeof replacements / sizeof *replacements; i++)
        replace_all(text, replacements[i][0], replacements[i][1]);
}

char *wordpiece_decode_copy(const struct wordpiece *tokenizer, const int32_t *ids, size_t count,
                            struct error *err) {
    struct byte_buffer text;
    byte_buffer_init(&text, MAX_DECODED_BYTES);
    byte_buffer_append_text(&text, "");  // so that there are bytes to take
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= tokenizer->symbols.count ||
            is_special(tokenizer, ids[i]))
            continue;
        const struct symbol *symbol = &tokenizer->symbols.symbols[ids[i]];
        bool is_glued = !is_first && symbol->size >= PREFIX && memcmp(symbol->text, "##", 2) == 0;
        if (!is_first && !is_glued) byte_buffer_append_text(&text, " ");
        size_t skipped = is_glued ? PREFIX : 0;
        byte_buffer_append(&text, symbol->text + skipped, symbol->size - skipped);
        is_first = false;
    }
    char *decoded = byte_buffer_take(&text, NULL);
    if (decoded == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory decoding %zu tokens", count);
    else
        clean_up(decoded);
    return decoded;
}
