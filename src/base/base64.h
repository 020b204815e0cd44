// Base64 (RFC 4648), as bytes travel inside JSON.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/byte_buffer.h"

// Appends the bytes with the standard alphabet and padding; false when the buffer has no room.
bool base64_append(struct byte_buffer *buffer, const uint8_t *bytes, size_t size);

// The bytes that a text stands for, in either alphabet, with or without padding; blanks and line
// ends between are passed over. The caller frees with memory_free; never NULL for an empty text.
// NULL: it is no base64 (*is_valid false), or memory is out (*is_valid true).
uint8_t *base64_decode_create(const char *text, size_t length, size_t *size, bool *is_valid);
