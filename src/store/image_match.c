#include "store/image_match.h"

bool image_match_init(struct image_match *match, struct store *store,
                      const struct image_pages *pages, struct error *err) {
    *match = (struct image_match){0};
    store_pages_open_spaces(&match->other, store, pages);
    return image_page_init(&match->page, pages->spaces, pages->space_count, err);
}

void image_match_clear(struct image_match *match) { image_page_clear(&match->page); }

// At the end the page is empty, and stays so.
static bool refill(struct image_match *match, struct error *err) {
    if (match->at < match->page.count) return true;
    match->at = 0;
    return match->other.pages.read(&match->other.pages, &match->page, err);
}

bool image_match_find(struct image_match *match, const struct image_record *record, size_t *index,
                      struct error *err) {
    struct image_page *page = &match->page;
    for (;;) {
        if (!refill(match, err)) return false;
        *index = page->count;
        if (page->count == 0) return true;
        int order = image_order(&page->records[match->at], record);
        if (order > 0) return true;
        if (order == 0) {
            *index = match->at++;
            return true;
        }
        match->at++;
        match->passed++;
    }
}

bool image_match_finish(struct image_match *match, struct error *err) {
    for (;;) {
        if (!refill(match, err)) return false;
        if (match->page.count == 0) return true;
        match->passed += match->page.count - match->at;
        match->at = match->page.count;
    }
}
