// manifest.json: {"format": "imgrouter export", "version": 1, "images": …, "active_space": …,
// "pictures": true, "images_sha256": …, "spaces": [{"embedding_model", "width", "count", "file",
// "sha256"}, …]}.
#pragma once

#include "base/error.h"
#include "base/sha256.h"
#include "store/store.h"

enum {
    ARCHIVE_VERSION = 1,
    ARCHIVE_MANIFEST_MAX = 256 * 1024,  // bytes; sixteen spaces take a few thousand
    ARCHIVE_WIDTH_MAX = 16384,          // numbers of a vector; the widest known models have 4096
};

struct archive_space {
    struct store_space space;
    char sha256[SHA256_HEX_SIZE];  // of vectors-N.npy
};

struct archive_manifest {
    size_t image_count;
    bool has_pictures;
    char active_space[STORE_MODEL_SIZE];  // or empty
    char images_sha256[SHA256_HEX_SIZE];  // of images.jsonl
    size_t space_count;
    struct archive_space spaces[STORE_SPACES_MAX];
};

enum { ARCHIVE_FILE_NAME_SIZE = 32 };
void archive_vectors_name(size_t space, char name[static ARCHIVE_FILE_NAME_SIZE]);

// The caller frees with memory_free.
char *archive_manifest_write(const struct archive_manifest *manifest, struct error *err);
// From outside. ERROR_INVALID: what is not right.
bool archive_manifest_read(const char *text, size_t size, struct archive_manifest *manifest,
                           struct error *err);
