#include "cli/index_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "image/decode.h"

enum { SNIFF_BYTES = 4096 };  // more than the longest list of brands of a HEIC file

static bool is_named_like_a_picture(const char *path) {
    static const char *const extensions[] = {"jpg", "jpeg", "png",  "webp",
                                             "gif", "heic", "heif", "avif"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof extensions / sizeof *extensions; i++)
        if (strcasecmp(dot + 1, extensions[i]) == 0) return true;
    return false;
}

static enum index_file_kind bad(struct error *reason, const char *text) {
    error_set(reason, ERROR_INVALID, "%s", text);
    return INDEX_FILE_BAD;
}

static enum index_file_kind bad_by_system(struct error *reason, const char *doing) {
    if (errno == ENOENT) return INDEX_FILE_GONE;
    error_set(reason, ERROR_INVALID, "the file cannot be %s: %s", doing, strerror(errno));
    return INDEX_FILE_BAD;
}

// False when reading fails. Less than wanted: the file ends there.
static bool read_on(int descriptor, char *bytes, size_t wanted, size_t *size) {
    while (*size < wanted) {
        ssize_t got = read(descriptor, bytes + *size, wanted - *size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return false;
        if (got == 0) break;
        *size += (size_t)got;
    }
    return true;
}

static enum index_file_kind no_picture(const struct ledger_entry *entry, struct error *reason) {
    if (!is_named_like_a_picture(entry->path)) return INDEX_FILE_OTHER;
    if (entry->size_bytes == 0) return bad(reason, "the file is empty (0 bytes)");
    error_set(reason, ERROR_UNSUPPORTED,
              "the file is named like a picture, but it does not begin like one that can be read "
              "(%s): it is damaged or of another format",
              image_formats_text());
    return INDEX_FILE_BAD;
}

static enum index_file_kind read_opened(int descriptor, struct ledger_entry *entry,
                                        size_t max_bytes, char **bytes, size_t *size,
                                        struct error *reason) {
    struct stat status;
    char start[SNIFF_BYTES];
    if (fstat(descriptor, &status) != 0) return bad_by_system(reason, "looked at");
    if (!S_ISREG(status.st_mode)) return INDEX_FILE_OTHER;
    entry->size_bytes = status.st_size;
    entry->modified_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    *size = 0;
    if (!read_on(descriptor, start, sizeof start, size)) return bad_by_system(reason, "read");
    if (image_sniff((const uint8_t *)start, *size) == IMAGE_UNKNOWN)
        return no_picture(entry, reason);
    if ((uint64_t)status.st_size > max_bytes) {
        error_set(reason, ERROR_TOO_LARGE,
                  "the file has %lld bytes and at most %zu are taken (--max-upload-bytes)",
                  (long long)status.st_size, max_bytes);
        return INDEX_FILE_BAD;
    }
    size_t whole = (size_t)status.st_size > *size ? (size_t)status.st_size : *size;
    *bytes = memory_try(whole);
    if (*bytes == NULL) return bad(reason, "there is not enough memory to read the file");
    memcpy(*bytes, start, *size);
    if (read_on(descriptor, *bytes, whole, size)) return INDEX_FILE_PICTURE;
    enum index_file_kind kind = bad_by_system(reason, "read");
    memory_free(*bytes);
    *bytes = NULL;
    return kind;
}

enum index_file_kind index_file_read(struct ledger_entry *entry, size_t max_bytes, char **bytes,
                                     size_t *size, struct error *reason) {
    *bytes = NULL;
    // A link that has come in its place since it was found is not followed either.
    int descriptor = open(entry->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (descriptor < 0) return bad_by_system(reason, "opened");
    enum index_file_kind kind = read_opened(descriptor, entry, max_bytes, bytes, size, reason);
    (void)close(descriptor);
    return kind;
}
