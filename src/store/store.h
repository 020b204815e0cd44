// Where images are remembered. One struct of functions, one store each: SQLite with an index in
// memory, PostgreSQL with pgvector, Qdrant, and one in memory for tests. All functions may be
// called from any thread. A `true` from what writes means: on disk, survives kill -9 and power loss
// (of a server: what that server promises). ERROR_UNAVAILABLE: the store's server is not there now;
// answered at once, and again right when it is back.
//
// An embedding model's name, with its fingerprint, is the name of a vector space. An image has one
// vector in a space and may have vectors in several; a search looks at one space only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/receipt.h"

enum {
    IMAGE_ID_SIZE = 17,     // 16 hex digits of the SHA-256 and NUL
    STORE_NAME_SIZE = 256,  // file name shown to the user, with NUL; longer ones are cut
    STORE_URL_SIZE = 2048,
    STORE_CAPTION_SIZE = 1024,
    STORE_MODEL_SIZE = 128,
    STORE_ORIGIN_SIZE = 32,
    STORE_TAG_SIZE = 64,        // one tag, with NUL
    STORE_TAGS_MAX = 32,        // tags an image
    STORE_TAGS_SIZE = 32 * 64,  // all of them; see image_record.tags
    STORE_PAGE_MAX = 1000,      // records a page
    STORE_SEARCH_MAX = 1000,    // matches a search
    STORE_SPACES_MAX = 16,      // vector spaces a store tells of
    STORE_BATCH_MAX = 1000,     // images a put_many, vectors a get_vectors
    STORE_WORDS_MAX = 32,       // words of a query or a filter
};

enum image_source { SOURCE_UPLOAD, SOURCE_URL };

// The origin of a caption that a user wrote; such a caption is never replaced by a model's.
#define ORIGIN_USER "user"
#define ORIGIN_LOCAL "local"
#define ORIGIN_MOCK "mock"
// That of a caption from a cloud provider; the receipt names it.
#define ORIGIN_CLOUD "cloud"

struct image_record {
    char id[IMAGE_ID_SIZE];
    char sha256[65];  // empty: nobody knows it, so whatever comes with this id is the same picture
    char caption[STORE_CAPTION_SIZE];
    char origin[STORE_ORIGIN_SIZE];  // "local", ORIGIN_CLOUD, "mock", ORIGIN_USER
    char caption_model[STORE_MODEL_SIZE];
    char embedding_model[STORE_MODEL_SIZE];  // the space that put stores its vector in
    char file_name[STORE_NAME_SIZE];         // hint from the client; never used as a path
    char url[STORE_URL_SIZE];
    char tags[STORE_TAGS_SIZE];  // one a line ("beach\nsummer"), each once; see tags.h
    char mime[32];
    enum image_source source;
    uint32_t width;
    uint32_t height;
    double confidence;  // 0 to 1; -1: nobody told one
    double clip_score;
    int64_t size_bytes;
    int64_t created_ms;  // UTC
    // See image/perceptual_hash.h; images of older versions have none.
    uint64_t perceptual_hash;
    bool has_perceptual_hash;
    struct receipt receipt;  // how the caption came about
};

struct store_match {
    struct image_record record;
    float score;
};

// Position in a listing; zero-initialised means the first page.
struct store_cursor {
    int64_t created_ms;
    char id[IMAGE_ID_SIZE];  // empty: from the beginning
};

// What a search may find, all at once; zero-initialised: everything. It holds before anything is
// scored, so it never empties a result that exists. Words are compared as full-text search does:
// without regard to case and accents, English endings off ("dogs" finds "dog").
struct store_filter {
    const char *const *ids;    // only these; NULL: any. With id_count 0 beside it: none.
    size_t id_count;           // up to STORE_SEARCH_MAX
    int64_t created_from_ms;   // 0: no bound; included
    int64_t created_until_ms;  // 0: no bound; not included
    const char *origin;        // NULL: any
    const char *const *tags;   // all of these
    size_t tag_count;
    const char *const *caption_words;  // all of these occur in the caption
    size_t caption_word_count;
    const char *const *without_words;  // none of these occurs in caption, file name or tags
    size_t without_word_count;
};

struct store_search {
    const char *embedding_model;
    const float *query;  // [width], unit length
    size_t width;
    size_t k;       // up to STORE_SEARCH_MAX
    bool is_exact;  // compare with every vector, whatever that takes
    struct store_filter filter;
};

struct store_word_search {
    const char *const *words;  // any of these, in caption, file name or tags
    size_t word_count;         // up to STORE_WORDS_MAX; 0 finds nothing
    size_t k;
    struct store_filter filter;
};

// What a user may change of an image; NULL: stays.
struct image_change {
    const char *caption;  // the origin becomes ORIGIN_USER, and there is no receipt any more
    const char *tags;     // as in image_record
};

struct store_entry {
    struct image_record record;
    const float *vector;  // [width], borrowed
    size_t width;
};

// The space of vectors whose model nobody named: the original service's. The first model that is
// chosen, or asked for, with vectors as wide takes them over, and with them the name.
#define SPACE_UNNAMED "original"

struct store_space {
    char embedding_model[STORE_MODEL_SIZE];
    size_t width;
    size_t count;  // vectors
};

// For metrics: as far as is known.
struct store_figures {
    bool is_up;           // it answered when it was asked last
    size_t images;        // 0 where it is not up
    size_t in_use, idle;  // connections to PostgreSQL, readers of SQLite
    size_t connections_max;
    size_t index_vectors;  // in memory
    size_t index_bytes;
};

struct store;

struct store_operations {
    const char *name;  // "sqlite"
    bool is_shared;    // servers on several machines may use it at the same time
    void (*destroy)(struct store *store);
    // Inserts; an id that is there with the same SHA-256 is left as it is and true returned
    // with *was_new false. Errors: ERROR_CONFLICT (same id, other SHA-256; a vector of another
    // width than its space has), ERROR_STORAGE.
    bool (*put)(struct store *store, const struct image_record *record, const float *vector,
                size_t width, bool *was_new, struct error *err);
    // Like put, but an image that is there with the same SHA-256 makes way, with all its vectors:
    // its caption and vector come from another model. All or nothing.
    bool (*replace)(struct store *store, const struct image_record *record, const float *vector,
                    size_t width, struct error *err);
    // Up to STORE_BATCH_MAX at once, each as replace does it; all or nothing. For moving stores.
    bool (*put_many)(struct store *store, const struct store_entry *entries, size_t count,
                     struct error *err);
    // Gives an image that is there a vector in another space, or a new one in a space it is in.
    // ERROR_NOT_FOUND: it has been removed.
    bool (*put_vector)(struct store *store, const char *id, const char *embedding_model,
                       const float *vector, size_t width, struct error *err);
    // *updated (may be NULL) is the record afterwards. ERROR_NOT_FOUND.
    bool (*update)(struct store *store, const char *id, const struct image_change *change,
                   struct image_record *updated, struct error *err);
    // ERROR_NOT_FOUND when there is none.
    bool (*get)(struct store *store, const char *id, struct image_record *record,
                struct error *err);
    bool (*get_vector)(struct store *store, const char *id, const char *embedding_model,
                       float *vector, size_t width, struct error *err);
    // Of up to STORE_BATCH_MAX ids into vectors [count, width]; is_there[i] is false for an id
    // without a vector in this space.
    bool (*get_vectors)(struct store *store, const char *const *ids, size_t count,
                        const char *embedding_model, float *vectors, size_t width, bool *is_there,
                        struct error *err);
    // Up to `limit` records after *cursor, newest first, which is moved on; *has_more tells
    // whether another page follows.
    bool (*list)(struct store *store, struct store_cursor *cursor, size_t limit,
                 struct image_record *records, size_t *count, bool *has_more, struct error *err);
    // The same, of the images that have no vector in this space.
    bool (*list_without_vector)(struct store *store, const char *embedding_model,
                                struct store_cursor *cursor, size_t limit,
                                struct image_record *records, size_t *count, bool *has_more,
                                struct error *err);
    bool (*remove)(struct store *store, const char *id, struct error *err);  // or ERROR_NOT_FOUND
    // The k nearest of a space, best first; the score is the cosine. ERROR_CONFLICT: the space has
    // another width.
    bool (*search)(struct store *store, const struct store_search *search,
                   struct store_match *matches, size_t *count, struct error *err);
    // The k that these words describe best, best first; a score is only good for comparing.
    bool (*search_words)(struct store *store, const struct store_word_search *search,
                         struct store_match *matches, size_t *count, struct error *err);
    // The k whose perceptual hash differs in at most `distance` bits (up to
    // PERCEPTUAL_DISTANCE_MAX), nearest first; the score is the number of bits that differ.
    bool (*search_hash)(struct store *store, uint64_t perceptual_hash, unsigned distance, size_t k,
                        struct store_match *matches, size_t *count, struct error *err);
    bool (*count)(struct store *store, size_t *count, struct error *err);
    // The spaces that have vectors, in any order, at most STORE_SPACES_MAX.
    bool (*list_spaces)(struct store *store, struct store_space spaces[static STORE_SPACES_MAX],
                        size_t *count, struct error *err);
    // The space that searches use, kept with the data; empty when none was ever chosen.
    bool (*get_active_space)(struct store *store, char embedding_model[static STORE_MODEL_SIZE],
                             struct error *err);
    // Chooses it, and makes it the embedding_model of every record that has a vector in it.
    bool (*set_active_space)(struct store *store, const char *embedding_model, struct error *err);
    // Drops the vectors of a space; not the active one (ERROR_CONFLICT).
    bool (*remove_space)(struct store *store, const char *embedding_model, struct error *err);
    // Does it answer? For readiness.
    bool (*check)(struct store *store, struct error *err);
    // Asks nobody and does not wait.
    void (*measure)(struct store *store, struct store_figures *figures);
};

struct store {
    const struct store_operations *operations;
};

// Bits that may differ at most in search_hash: half of the images' 64-bit hashes differ in 32, and
// fewer than one in a million in 10 (a normal distribution with a deviation of 4).
enum { PERCEPTUAL_DISTANCE_MAX = 7 };

// Opens or creates DIR/imgrouter.db. Errors: ERROR_CONFLICT when another process uses the folder,
// ERROR_STORAGE with what to do; a damaged file is refused and kept, a schema newer than this
// program is refused.
struct store *sqlite_store_create(const char *folder, struct error *err);
// The same, only to look, also beside a server that writes: sees what is committed now, put and
// remove are refused. ERROR_NOT_FOUND when there is no database.
struct store *sqlite_store_create_reader(const char *folder, struct error *err);
struct store *memory_store_create(void);
