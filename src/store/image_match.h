// Two sources of images walked side by side in their common order: for each image of the one, the
// same image of the other. One thread.
#pragma once

#include "store/image_pages.h"

struct image_match {
    struct store_pages other;
    struct image_page page;  // of the other
    size_t at;               // in page: the first that has not been passed
    size_t passed;           // images of the other that nobody asked for
};

// Looks through `store`, with the vectors of the same spaces as `pages` has.
bool image_match_init(struct image_match *match, struct store *store,
                      const struct image_pages *pages, struct error *err);
void image_match_clear(struct image_match *match);
// Images are to be asked for in the order of pages. *index: where in match->page the image of this
// id and time is, until the next call; match->page.count when the store has none.
bool image_match_find(struct image_match *match, const struct image_record *record, size_t *index,
                      struct error *err);
// Passes what is left.
bool image_match_finish(struct image_match *match, struct error *err);
