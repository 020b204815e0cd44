#include "store/store_copy.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/image_compare.h"
#include "store/image_match.h"

// What is to be done with a page of images.
struct plan {
    bool needs_put[IMAGE_PAGE_MAX];
    bool needs_vector[STORE_SPACES_MAX][IMAGE_PAGE_MAX];  // after the put, where there is one
    struct store_entry *entries;                          // [IMAGE_PAGE_MAX]
    struct image_page page;
    struct image_match match;
};

static bool plan_init(struct plan *plan, const struct store_copy *copy, struct error *err) {
    *plan = (struct plan){0};
    plan->entries = memory_try_array(IMAGE_PAGE_MAX, sizeof *plan->entries);
    if (plan->entries == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for %d images", IMAGE_PAGE_MAX);
    return image_page_init(&plan->page, copy->from->spaces, copy->from->space_count, err) &&
           image_match_init(&plan->match, copy->to, copy->from, err);
}

static void plan_clear(struct plan *plan) {
    image_match_clear(&plan->match);
    image_page_clear(&plan->page);
    memory_free(plan->entries);
}

static void remember_first(char first[static IMAGE_ID_SIZE], const char *id) {
    if (first[0] == '\0') (void)snprintf(first, IMAGE_ID_SIZE, "%s", id);
}

// Whether the target's image has to be put anew: it is another one, its own vector differs, or it
// has a vector that the source has not, which nothing else takes away.
static bool is_other_image(const struct image_page *page, size_t i, size_t own_space,
                           const struct image_page *found, size_t j) {
    if (!image_record_is_same(&page->records[i], &found->records[j])) return true;
    for (size_t space = 0; space < page->space_count; space++) {
        const float *mine = image_page_vector(page, i, space);
        const float *other = image_page_vector(found, j, space);
        if (mine == NULL && other != NULL) return true;
        if (space == own_space &&
            (other == NULL || vector_compare(mine, other, page->widths[space]) == VECTORS_DIFFER))
            return true;
    }
    return false;
}

// False for an image that cannot be copied.
static bool plan_image(struct plan *plan, const struct store_copy *copy, size_t i, bool *is_copied,
                       struct error *err) {
    const struct image_page *page = &plan->page, *found = &plan->match.page;
    const struct image_record *record = &page->records[i];
    size_t j, own_space = image_pages_find_space(copy->from, record->embedding_model);
    plan->needs_put[i] = false;
    for (size_t space = 0; space < page->space_count; space++) plan->needs_vector[space][i] = false;
    *is_copied = image_page_vector(page, i, own_space) != NULL;
    if (!*is_copied) return true;
    if (!image_match_find(&plan->match, record, &j, err)) return false;
    bool is_there = j < found->count;
    plan->needs_put[i] = !is_there || is_other_image(page, i, own_space, found, j);
    for (size_t space = 0; space < page->space_count; space++) {
        const float *mine = image_page_vector(page, i, space);
        if (space == own_space || mine == NULL) continue;
        const float *other = plan->needs_put[i] ? NULL : image_page_vector(found, j, space);
        plan->needs_vector[space][i] =
            other == NULL || vector_compare(mine, other, page->widths[space]) == VECTORS_DIFFER;
    }
    return true;
}

static bool plan_page(struct plan *plan, const struct store_copy *copy,
                      struct store_copy_report *report, struct error *err) {
    const struct image_page *page = &plan->page;
    for (size_t i = 0; i < page->count; i++) {
        bool is_copied;
        if (!plan_image(plan, copy, i, &is_copied, err)) return false;
        bool is_written = plan->needs_put[i];
        for (size_t space = 0; space < page->space_count; space++)
            is_written = is_written || plan->needs_vector[space][i];
        report->images++;
        if (is_written)
            report->written++;
        else if (is_copied)
            report->passed_over++;
        else
            report->without_vector++;
        if (!is_copied) remember_first(report->first_without_vector, page->records[i].id);
    }
    return true;
}

// One picture that is lost stops nothing: its image is still worth having.
static bool copy_pictures(const struct store_copy *copy, const struct image_page *page,
                          struct store_copy_report *report, struct error *err) {
    for (size_t i = 0; copy->pictures_to != NULL && i < page->count; i++) {
        const struct image_record *record = &page->records[i];
        enum blob_copied outcome;
        if (record->sha256[0] == '\0') continue;  // its original was never here
        if (!blob_folder_copy(copy->pictures_from, copy->pictures_to, record->sha256,
                              (size_t)record->size_bytes, &outcome, err))
            return false;
        if (outcome == BLOB_COPIED) report->pictures_copied++;
        if (outcome == BLOB_WAS_THERE) report->pictures_there++;
        if (outcome != BLOB_LOST) continue;
        report->pictures_lost++;
        remember_first(report->first_picture_lost, record->id);
    }
    return true;
}

static bool put_page(struct plan *plan, const struct store_copy *copy, struct error *err) {
    const struct store_operations *operations = copy->to->operations;
    const struct image_page *page = &plan->page;
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++) {
        if (!plan->needs_put[i]) continue;
        size_t space = image_pages_find_space(copy->from, page->records[i].embedding_model);
        plan->entries[count].record = page->records[i];
        plan->entries[count].vector = image_page_vector(page, i, space);
        plan->entries[count++].width = page->widths[space];
    }
    if (count > 0 && !operations->put_many(copy->to, plan->entries, count, err)) return false;
    for (size_t space = 0; space < page->space_count; space++)
        for (size_t i = 0; i < page->count; i++)
            if (plan->needs_vector[space][i] &&
                !operations->put_vector(
                    copy->to, page->records[i].id, copy->from->spaces[space].embedding_model,
                    image_page_vector(page, i, space), page->widths[space], err))
                return false;
    return true;
}

// Before the images: choosing a space changes those that are there already.
static bool choose_space(const struct store_copy *copy, struct error *err) {
    char active[STORE_MODEL_SIZE];
    const char *wanted = copy->from->active_space;
    return copy->to->operations->get_active_space(copy->to, active, err) &&
           (wanted[0] == '\0' || strcmp(active, wanted) == 0 ||
            copy->to->operations->set_active_space(copy->to, wanted, err));
}

static void show_progress(const struct store_copy *copy, size_t done) {
    if (copy->progress != NULL) copy->progress(copy->context, done, copy->from->image_count);
}

bool store_copy_run(const struct store_copy *copy, struct store_copy_report *report,
                    struct error *err) {
    struct plan plan;
    *report = (struct store_copy_report){0};
    bool is_done = plan_init(&plan, copy, err) && choose_space(copy, err);
    do {
        show_progress(copy, report->images);
        is_done = is_done && copy->from->read(copy->from, &plan.page, err) &&
                  copy_pictures(copy, &plan.page, report, err) &&
                  plan_page(&plan, copy, report, err) && put_page(&plan, copy, err);
    } while (is_done && plan.page.count > 0);
    plan_clear(&plan);
    return is_done;
}
