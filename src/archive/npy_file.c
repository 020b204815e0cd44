#include "archive/npy_file.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static const char magic[] = "\x93NUMPY\x01";  // and the NUL is the minor version
enum { LENGTH_AT = sizeof magic, TEXT_AT = LENGTH_AT + 2 };

void npy_header_write(char header[static NPY_HEADER_SIZE], size_t rows, size_t columns) {
    const unsigned length = NPY_HEADER_SIZE - TEXT_AT;
    memset(header, ' ', NPY_HEADER_SIZE);
    memcpy(header, magic, sizeof magic);
    header[LENGTH_AT] = (char)(length & 255);
    header[LENGTH_AT + 1] = (char)(length >> 8);
    int used =
        snprintf(header + TEXT_AT, length,
                 "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows, columns);
    header[TEXT_AT + used] = ' ';  // in place of the NUL
    header[NPY_HEADER_SIZE - 1] = '\n';
}

// The text of the dictionary, what is left of it.
struct text {
    const char *at, *end;
};

static void skip_blanks(struct text *text) {
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\n')) text->at++;
}

static bool take(struct text *text, const char *word) {
    size_t length = strlen(word);
    skip_blanks(text);
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
        return false;
    text->at += length;
    return true;
}

static bool take_quoted(struct text *text, const char *word) {
    char quoted[32];
    (void)snprintf(quoted, sizeof quoted, "'%s'", word);
    if (take(text, quoted)) return true;
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", word);
    return take(text, quoted);
}

static bool take_number(struct text *text, size_t *number) {
    skip_blanks(text);
    const char *start = text->at;
    *number = 0;
    for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++)
        if (!size_multiply(*number, 10, number) ||
            !size_add(*number, (size_t)(*text->at - '0'), number))
            return false;
    return text->at > start;
}

enum { HAS_TYPE = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };

// One "key: value"; each key comes once.
static bool take_member(struct text *text, unsigned *found, size_t *rows, size_t *columns,
                        struct error *err) {
    unsigned key = take_quoted(text, "descr")           ? HAS_TYPE
                   : take_quoted(text, "fortran_order") ? HAS_ORDER
                   : take_quoted(text, "shape")         ? HAS_SHAPE
                                                        : 0;
    if (key == 0 || (*found & key) != 0 || !take(text, ":"))
        return error_set(err, ERROR_INVALID, "its header is not one of NumPy's");
    *found |= key;
    if (key == HAS_TYPE)
        return take_quoted(text, "<f4") ||
               error_set(err, ERROR_INVALID, "its numbers are not float32, least byte first (<f4)");
    if (key == HAS_ORDER)
        return take(text, "False") || error_set(err, ERROR_INVALID, "it is not in C order");
    bool has_shape =
        take(text, "(") && take_number(text, rows) && take(text, ",") && take_number(text, columns);
    if (has_shape) (void)take(text, ",");
    return (has_shape && take(text, ")")) ||
           error_set(err, ERROR_INVALID, "its shape is not that of rows and columns");
}

static bool take_dictionary(struct text text, size_t *rows, size_t *columns, struct error *err) {
    unsigned found = 0;
    bool is_open = take(&text, "{"), has_comma = true;
    while (is_open && !take(&text, "}")) {
        if (!has_comma) return error_set(err, ERROR_INVALID, "its header is not one of NumPy's");
        if (!take_member(&text, &found, rows, columns, err)) return false;
        has_comma = take(&text, ",");
    }
    skip_blanks(&text);
    return (is_open && found == HAS_ALL && text.at == text.end) ||
           error_set(err, ERROR_INVALID, "its header is not one of NumPy's");
}

bool npy_header_read(const unsigned char *bytes, size_t size, size_t *offset, size_t *rows,
                     size_t *columns, struct error *err) {
    if (size < TEXT_AT || memcmp(bytes, magic, sizeof magic) != 0)
        return error_set(err, ERROR_INVALID, "it is not an array of NumPy's format 1.0");
    size_t length = (size_t)bytes[LENGTH_AT] | (size_t)bytes[LENGTH_AT + 1] << 8;
    if (length > size - TEXT_AT) return error_set(err, ERROR_INVALID, "it ends within its header");
    const char *start = (const char *)bytes + TEXT_AT;
    if (!take_dictionary((struct text){start, start + length}, rows, columns, err)) return false;
    *offset = TEXT_AT + length;
    size_t wanted;
    if (!size_multiply(*rows, *columns, &wanted) || !size_multiply(wanted, 4, &wanted) ||
        wanted != size - *offset)
        return error_set(err, ERROR_INVALID,
                         "it has %zu bytes of numbers, which is not %zu rows of %zu",
                         size - *offset, *rows, *columns);
    return true;
}
