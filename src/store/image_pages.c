#include "store/image_pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

bool image_page_init(struct image_page *page, const struct store_space *spaces, size_t space_count,
                     struct error *err) {
    *page = (struct image_page){.space_count = space_count};
    page->records = memory_try_zeroed(IMAGE_PAGE_MAX, sizeof *page->records);
    bool is_done = page->records != NULL;
    for (size_t i = 0; is_done && i < space_count; i++) {
        size_t numbers;
        page->widths[i] = spaces[i].width;
        is_done = size_multiply(spaces[i].width, IMAGE_PAGE_MAX, &numbers) &&
                  (page->vectors[i] = memory_try_array(numbers, sizeof(float))) != NULL;
    }
    if (is_done) return true;
    image_page_clear(page);
    return error_set(err, ERROR_INTERNAL, "out of memory for %d images and their vectors",
                     IMAGE_PAGE_MAX);
}

void image_page_clear(struct image_page *page) {
    memory_free(page->records);
    for (size_t i = 0; i < page->space_count; i++) memory_free(page->vectors[i]);
    *page = (struct image_page){0};
}

const float *image_page_vector(const struct image_page *page, size_t index, size_t space) {
    if (space >= page->space_count || !page->has_vector[space][index]) return NULL;
    return page->vectors[space] + index * page->widths[space];
}

size_t image_pages_find_space(const struct image_pages *pages, const char *embedding_model) {
    size_t i = 0;
    while (i < pages->space_count && strcmp(pages->spaces[i].embedding_model, embedding_model) != 0)
        i++;
    return i;
}

static bool read_page(struct image_pages *pages, struct image_page *page, struct error *err) {
    struct store_pages *self = (struct store_pages *)pages;
    const struct store_operations *operations = self->store->operations;
    const char *ids[IMAGE_PAGE_MAX];
    page->count = 0;
    if (self->is_at_end) return true;
    bool has_more;
    if (!operations->list(self->store, &self->cursor, IMAGE_PAGE_MAX, page->records, &page->count,
                          &has_more, err))
        return false;
    self->is_at_end = !has_more;
    for (size_t i = 0; i < page->count; i++) ids[i] = page->records[i].id;
    bool is_done = true;
    for (size_t i = 0; is_done && page->count > 0 && i < pages->space_count; i++)
        is_done =
            operations->get_vectors(self->store, ids, page->count, pages->spaces[i].embedding_model,
                                    page->vectors[i], page->widths[i], page->has_vector[i], err);
    return is_done;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct store_space *)a)->embedding_model,
                  ((const struct store_space *)b)->embedding_model);
}

bool store_pages_open(struct store_pages *self, struct store *store, struct error *err) {
    const struct store_operations *operations = store->operations;
    *self = (struct store_pages){.store = store, .pages.read = read_page};
    struct image_pages *pages = &self->pages;
    if (!operations->count(store, &pages->image_count, err) ||
        !operations->list_spaces(store, pages->spaces, &pages->space_count, err) ||
        !operations->get_active_space(store, pages->active_space, err))
        return false;
    if (pages->space_count > 0)
        qsort(pages->spaces, pages->space_count, sizeof *pages->spaces, compare_names);
    return true;
}

void store_pages_open_spaces(struct store_pages *self, struct store *store,
                             const struct image_pages *like) {
    *self = (struct store_pages){.store = store, .pages = *like};
    self->pages.read = read_page;
}

int image_order(const struct image_record *a, const struct image_record *b) {
    if (a->created_ms != b->created_ms) return a->created_ms > b->created_ms ? -1 : 1;
    return strcmp(b->id, a->id);
}
