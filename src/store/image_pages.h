// All images of a store, or of an export, in pages with their vectors: what copies, compares and
// writes them out reads them in this way. Newest first (created_ms, then id, both falling), as
// struct store_operations lists them. One thread a source.
#pragma once

#include "store/store.h"

// Images a page: a transaction of so many takes some milliseconds, and a page of vectors of 1024
// numbers less than a megabyte for each space.
enum { IMAGE_PAGE_MAX = 200 };

struct image_page {
    size_t count;
    size_t space_count;
    struct image_record *records;      // [IMAGE_PAGE_MAX]
    float *vectors[STORE_SPACES_MAX];  // of each space [IMAGE_PAGE_MAX, width]
    size_t widths[STORE_SPACES_MAX];
    bool has_vector[STORE_SPACES_MAX][IMAGE_PAGE_MAX];
};

bool image_page_init(struct image_page *page, const struct store_space *spaces, size_t space_count,
                     struct error *err);
void image_page_clear(struct image_page *page);
// The vector of image `index` in a space; NULL when it has none there.
const float *image_page_vector(const struct image_page *page, size_t index, size_t space);

struct image_pages {
    struct store_space spaces[STORE_SPACES_MAX];  // by name
    size_t space_count;
    size_t image_count;                   // as many as there were when it was opened
    char active_space[STORE_MODEL_SIZE];  // or empty
    // Fills the page with those that follow; none: that was all.
    bool (*read)(struct image_pages *pages, struct image_page *page, struct error *err);
};

// The space of this name; space_count when there is none.
size_t image_pages_find_space(const struct image_pages *pages, const char *embedding_model);

// The images of a store. What is added to it meanwhile is not read: it is newer than the first.
struct store_pages {
    struct image_pages pages;
    struct store *store;
    struct store_cursor cursor;
    bool is_at_end;
};
bool store_pages_open(struct store_pages *self, struct store *store, struct error *err);
// The same, but with the vectors of these spaces only, whether it has such or not.
void store_pages_open_spaces(struct store_pages *self, struct store *store,
                             const struct image_pages *like);

// Negative: `a` comes before `b` in the order of pages.
int image_order(const struct image_record *a, const struct image_record *b);
