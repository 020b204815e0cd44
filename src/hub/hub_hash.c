#include "hub/hub_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    SHA256_DIGITS = 64,
    SHA1_DIGITS = 40,
    CHUNK_BYTES = 1 << 20,  // read at a time: large enough that calls do not count
};

enum hub_hash_kind hub_hash_kind_of(const char *hex) {
    size_t length = strlen(hex);
    if (strspn(hex, "0123456789abcdefABCDEF") != length) return HUB_HASH_NONE;
    if (length == SHA256_DIGITS) return HUB_HASH_SHA256;
    return length == SHA1_DIGITS ? HUB_HASH_GIT : HUB_HASH_NONE;
}

static bool hash_contents(int descriptor, EVP_MD_CTX *digest, int64_t total, char *chunk,
                          const char *path, const struct hub_hash_watch *watch, struct error *err) {
    for (int64_t done = 0;;) {
        ssize_t got = read(descriptor, chunk, CHUNK_BYTES);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return error_set(err, ERROR_STORAGE, "cannot read %s: %s", path, strerror(errno));
        if (got == 0) return true;
        if (EVP_DigestUpdate(digest, chunk, (size_t)got) != 1)
            return error_set(err, ERROR_INTERNAL, "OpenSSL cannot hash %s", path);
        done += got;
        if (watch->progress != NULL && !watch->progress(watch->context, watch->file, done, total))
            return error_set(err, ERROR_UNAVAILABLE, "checking %s was stopped", watch->file);
    }
}

static void write_hex(const unsigned char *digest, unsigned size, char *hex) {
    for (unsigned i = 0; i < size; i++) (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

bool hub_hash_compare(const char *path, const char *hex, const struct hub_hash_watch *watch,
                      bool *is_equal, struct error *err) {
    enum hub_hash_kind kind = hub_hash_kind_of(hex);
    *is_equal = true;
    if (kind == HUB_HASH_NONE) return true;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_STORAGE,
                         "cannot open %s: %s", path, strerror(errno));
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    char *chunk = memory_try(CHUNK_BYTES);
    struct stat status;
    bool is_done = false;
    if (chunk == NULL || digest == NULL || fstat(descriptor, &status) != 0 ||
        EVP_DigestInit_ex(digest, kind == HUB_HASH_GIT ? EVP_sha1() : EVP_sha256(), NULL) != 1) {
        error_set(err, ERROR_INTERNAL, "cannot start hashing %s", path);
        goto out;
    }
    if (kind == HUB_HASH_GIT) {  // git hashes "blob <length>\0" before the contents
        char head[32];
        int length = snprintf(head, sizeof head, "blob %lld", (long long)status.st_size);
        (void)EVP_DigestUpdate(digest, head, (size_t)length + 1);
    }
    if (!hash_contents(descriptor, digest, status.st_size, chunk, path, watch, err)) goto out;
    unsigned char bytes[EVP_MAX_MD_SIZE];
    char found[2 * EVP_MAX_MD_SIZE + 1];
    unsigned size = 0;
    if (EVP_DigestFinal_ex(digest, bytes, &size) != 1) {
        error_set(err, ERROR_INTERNAL, "OpenSSL cannot hash %s", path);
        goto out;
    }
    write_hex(bytes, size, found);
    *is_equal = strcasecmp(found, hex) == 0;
    is_done = true;
out:
    memory_free(chunk);
    EVP_MD_CTX_free(digest);
    (void)close(descriptor);
    return is_done;
}
