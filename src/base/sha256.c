#include "base/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

void sha256(const void *bytes, size_t size, uint8_t digest[static SHA256_SIZE]) {
    if (EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL) == 1) return;
    (void)fputs("imgrouter: SHA-256 is not available in this OpenSSL\n", stderr);
    abort();
}

void sha256_hex(const uint8_t digest[static SHA256_SIZE], char hex[static SHA256_HEX_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < SHA256_SIZE; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[SHA256_HEX_SIZE - 1] = '\0';
}

bool sha256_stream_init(struct sha256_stream *stream) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    stream->context = context;
    return context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
}

bool sha256_stream_update(struct sha256_stream *stream, const void *bytes, size_t size) {
    return EVP_DigestUpdate(stream->context, bytes, size) == 1;
}

bool sha256_stream_finish(struct sha256_stream *stream, uint8_t digest[static SHA256_SIZE]) {
    bool is_done =
        stream->context != NULL && EVP_DigestFinal_ex(stream->context, digest, NULL) == 1;
    EVP_MD_CTX_free(stream->context);
    stream->context = NULL;
    return is_done;
}
