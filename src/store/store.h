// Where images are remembered. One struct of functions, one file each: sqlite.c, and memory.c for
// tests. All functions may be called from any thread. A `true` from put and remove means: on disk,
// survives kill -9 and power loss.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    IMAGE_ID_SIZE = 17,     // 16 hex digits of the SHA-256 and NUL
    STORE_NAME_SIZE = 256,  // file name shown to the user, with NUL; longer ones are cut
    STORE_URL_SIZE = 2048,
    STORE_CAPTION_SIZE = 1024,
    STORE_MODEL_SIZE = 128,
    STORE_PAGE_MAX = 1000,    // records a page
    STORE_SEARCH_MAX = 1000,  // matches a search
};

enum image_source { SOURCE_UPLOAD, SOURCE_URL };

struct image_record {
    char id[IMAGE_ID_SIZE];
    char sha256[65];
    char caption[STORE_CAPTION_SIZE];
    char origin[32];  // "local", "mock", later a provider's name
    char caption_model[STORE_MODEL_SIZE];
    char embedding_model[STORE_MODEL_SIZE];  // the vector space; vectors of others never mix
    char file_name[STORE_NAME_SIZE];         // hint from the client; never used as a path
    char url[STORE_URL_SIZE];
    char mime[32];
    enum image_source source;
    uint32_t width;
    uint32_t height;
    double confidence;
    double clip_score;
    int64_t size_bytes;
    int64_t created_ms;  // UTC
};

struct store_match {
    struct image_record record;
    float score;
};

// Position in the listing, newest first; zero-initialised means the first page.
struct store_cursor {
    int64_t created_ms;
    char id[IMAGE_ID_SIZE];  // empty: from the beginning
};

struct store;

struct store_operations {
    const char *name;  // "sqlite"
    void (*destroy)(struct store *store);
    // Inserts; an id that is there with the same SHA-256 is left as it is and true returned
    // with *was_new false. Errors: ERROR_CONFLICT (same id, other SHA-256), ERROR_STORAGE.
    bool (*put)(struct store *store, const struct image_record *record, const float *vector,
                size_t width, bool *was_new, struct error *err);
    // Like put, but an image that is there with the same SHA-256 makes way: its caption and vector
    // come from another model. All or nothing.
    bool (*replace)(struct store *store, const struct image_record *record, const float *vector,
                    size_t width, struct error *err);
    // ERROR_NOT_FOUND when there is none.
    bool (*get)(struct store *store, const char *id, struct image_record *record,
                struct error *err);
    bool (*get_vector)(struct store *store, const char *id, const char *embedding_model,
                       float *vector, size_t width, struct error *err);
    // Up to `limit` records after *cursor, newest first, which is moved on; *has_more tells
    // whether another page follows.
    bool (*list)(struct store *store, struct store_cursor *cursor, size_t limit,
                 struct image_record *records, size_t *count, bool *has_more, struct error *err);
    bool (*remove)(struct store *store, const char *id, struct error *err);  // or ERROR_NOT_FOUND
    // The k nearest of this embedding model, best first.
    bool (*search)(struct store *store, const char *embedding_model, const float *query,
                   size_t width, size_t k, struct store_match *matches, size_t *count,
                   struct error *err);
    bool (*count)(struct store *store, size_t *count, struct error *err);
    // Does it answer? For readiness.
    bool (*check)(struct store *store, struct error *err);
};

struct store {
    const struct store_operations *operations;
};

// Opens or creates DIR/imgrouter.db. Errors: ERROR_STORAGE with what to do; a damaged file is
// refused and kept, a schema newer than this program is refused.
struct store *sqlite_store_create(const char *folder, struct error *err);
// The same, only to look, also beside a server that writes: sees what is committed now, put and
// remove are refused. ERROR_NOT_FOUND when there is no database.
struct store *sqlite_store_create_reader(const char *folder, struct error *err);
struct store *memory_store_create(void);
