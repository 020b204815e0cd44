#include "archive/file_checksum.h"

#include "base/file.h"

enum { PIECE = 4 << 20 };  // bytes; read, counted in and forgotten

bool file_checksum(const char *path, char hex[static SHA256_HEX_SIZE], struct error *err) {
    struct mapped_file file;
    struct sha256_stream stream;
    uint8_t digest[SHA256_SIZE];
    if (!mapped_file_open(&file, path, err)) return false;
    bool is_done = sha256_stream_init(&stream);
    for (size_t at = 0; is_done && at < file.size; at += PIECE) {
        size_t size = file.size - at < PIECE ? file.size - at : PIECE;
        is_done = sha256_stream_update(&stream, file.bytes + at, size);
        mapped_file_forget(&file, at, size);
    }
    is_done = sha256_stream_finish(&stream, digest) && is_done;
    mapped_file_close(&file);
    if (!is_done) return error_set(err, ERROR_INTERNAL, "SHA-256 failed for %s", path);
    sha256_hex(digest, hex);
    return true;
}
