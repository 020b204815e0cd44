// SHA-256 (OpenSSL). Whole buffers in one call, streams through init, update and finish.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA256_HEX_SIZE = 65 };  // bytes; hex digits and NUL

struct sha256_stream {
    void *context;
};

void sha256(const void *bytes, size_t size, uint8_t digest[static SHA256_SIZE]);
void sha256_hex(const uint8_t digest[static SHA256_SIZE], char hex[static SHA256_HEX_SIZE]);

bool sha256_stream_init(struct sha256_stream *stream);
bool sha256_stream_update(struct sha256_stream *stream, const void *bytes, size_t size);
// Ends the stream and frees what it holds, also when it returns false.
bool sha256_stream_finish(struct sha256_stream *stream, uint8_t digest[static SHA256_SIZE]);
