#include "base/base64.h"

#include <openssl/evp.h>

#include "base/memory.h"

enum { BLANK = -1, FOREIGN = -2 };

bool base64_append(struct byte_buffer *buffer, const uint8_t *bytes, size_t size) {
    enum { STEP = 3 * 4096 };  // a multiple of three: no padding but at the end
    unsigned char text[STEP / 3 * 4 + 1];
    for (size_t done = 0; done < size; done += STEP) {
        size_t part = size - done < STEP ? size - done : STEP;
        int length = EVP_EncodeBlock(text, bytes + done, (int)part);
        if (!byte_buffer_append(buffer, text, (size_t)length)) return false;
    }
    return true;
}

static int value_of(char digit) {
    if (digit >= 'A' && digit <= 'Z') return digit - 'A';
    if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9') return digit - '0' + 52;
    if (digit == '+' || digit == '-') return 62;
    if (digit == '/' || digit == '_') return 63;
    return digit == ' ' || digit == '\n' || digit == '\r' || digit == '\t' ? BLANK : FOREIGN;
}

// At most two signs of padding, and nothing but blanks behind them.
static bool ends_well(const char *text, size_t length, size_t digits) {
    size_t padding = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '=')
            padding++;
        else if (value_of(text[i]) != BLANK)
            return false;
    }
    return digits % 4 != 1 && (padding == 0 || (digits + padding) % 4 == 0) && padding <= 2;
}

uint8_t *base64_decode_create(const char *text, size_t length, size_t *size, bool *is_valid) {
    uint8_t *bytes = memory_try(length / 4 * 3 + 3);
    uint32_t bits = 0;
    size_t digits = 0, used = 0, i = 0;
    *is_valid = true;
    if (bytes == NULL) return NULL;
    for (; i < length && text[i] != '='; i++) {
        int value = value_of(text[i]);
        if (value == BLANK) continue;
        if (value == FOREIGN) break;
        bits = bits << 6 | (uint32_t)value;
        if (++digits % 4 != 1) bytes[used++] = (uint8_t)(bits >> (6 - 2 * ((digits - 1) % 4)));
    }
    *size = used;
    if (ends_well(text + i, length - i, digits)) return bytes;
    *is_valid = false;
    memory_free(bytes);
    return NULL;
}
