// Bytes as base64 (RFC 4648), padded, without line ends.
#pragma once

#include <stdint.h>

#include "base/byte_buffer.h"

// Appended to the buffer; false when that is full.
bool base64_append(struct byte_buffer *buffer, const uint8_t *bytes, size_t size);
