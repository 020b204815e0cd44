// Holds two stores against each other after a copy: every image, field by field and number by
// number, which is what a difference is found by; the checksums are what a person can keep.
#include <stdio.h>
#include <string.h>

#include "store/image_compare.h"
#include "store/image_match.h"
#include "store/store_copy.h"

struct comparison {
    const struct store_copy *copy;
    struct store_verification *verification;
    struct image_page page;
    struct image_match match;
    struct sha256_stream from_stream, to_stream;
};

static bool vectors_are_same(struct comparison *comparison, size_t i, size_t j) {
    const struct image_page *page = &comparison->page, *found = &comparison->match.page;
    bool is_same = true;
    for (size_t space = 0; space < page->space_count; space++) {
        const float *mine = image_page_vector(page, i, space);
        const float *other = image_page_vector(found, j, space);
        if (other != NULL) comparison->verification->vectors[space]++;
        if (mine == NULL && other == NULL) continue;
        enum vector_likeness likeness = VECTORS_DIFFER;
        if (mine != NULL && other != NULL)
            likeness = vector_compare(mine, other, page->widths[space]);
        if (likeness == VECTORS_DIFFER) is_same = false;
        if (likeness == VECTORS_ROUND) comparison->verification->rounded++;
    }
    return is_same;
}

static bool compare_image(struct comparison *comparison, size_t i, struct error *err) {
    struct store_verification *verification = comparison->verification;
    const struct image_page *page = &comparison->page, *found = &comparison->match.page;
    const struct image_record *record = &page->records[i];
    size_t j, own_space = image_pages_find_space(comparison->copy->from, record->embedding_model);
    if (image_page_vector(page, i, own_space) == NULL) return true;
    if (!image_match_find(&comparison->match, record, &j, err)) return false;
    verification->images++;
    bool is_there = j < found->count, is_same = false;
    if (is_there) {
        is_same = vectors_are_same(comparison, i, j);
        is_same = image_record_is_same(record, &found->records[j]) && is_same;
    }
    if (!is_there) verification->missing++;
    if (is_there && !is_same) verification->different++;
    if (!is_same && verification->first_wrong[0] == '\0')
        (void)snprintf(verification->first_wrong, IMAGE_ID_SIZE, "%s", record->id);
    return (image_checksum_add(&comparison->from_stream, page, i) &&
            (!is_there || image_checksum_add(&comparison->to_stream, found, j))) ||
           error_set(err, ERROR_INTERNAL, "SHA-256 failed");
}

static bool compare_all(struct comparison *comparison, struct error *err) {
    const struct store_copy *copy = comparison->copy;
    size_t done = 0;
    do {
        if (copy->progress != NULL) copy->progress(copy->context, done, copy->from->image_count);
        if (!copy->from->read(copy->from, &comparison->page, err)) return false;
        for (size_t i = 0; i < comparison->page.count; i++)
            if (!compare_image(comparison, i, err)) return false;
        done += comparison->page.count;
    } while (comparison->page.count > 0);
    return image_match_finish(&comparison->match, err);
}

static bool finish(struct sha256_stream *stream, char hex[static SHA256_HEX_SIZE]) {
    uint8_t digest[SHA256_SIZE];
    bool is_done = sha256_stream_finish(stream, digest);
    if (is_done) sha256_hex(digest, hex);
    return is_done;
}

bool store_copy_verify(const struct store_copy *copy, struct store_verification *verification,
                       struct error *err) {
    struct comparison comparison = {.copy = copy, .verification = verification};
    *verification = (struct store_verification){0};
    bool has_streams =
        sha256_stream_init(&comparison.from_stream) && sha256_stream_init(&comparison.to_stream);
    bool is_done =
        (has_streams || error_set(err, ERROR_INTERNAL, "SHA-256 failed")) &&
        image_page_init(&comparison.page, copy->from->spaces, copy->from->space_count, err) &&
        image_match_init(&comparison.match, copy->to, copy->from, err) &&
        compare_all(&comparison, err);
    bool is_hashed = finish(&comparison.from_stream, verification->from_checksum);
    is_hashed = finish(&comparison.to_stream, verification->to_checksum) && is_hashed;
    if (is_done && !is_hashed) is_done = error_set(err, ERROR_INTERNAL, "SHA-256 failed");
    verification->extra = comparison.match.passed;
    verification->is_same = is_done && verification->missing == 0 && verification->different == 0;
    image_match_clear(&comparison.match);
    image_page_clear(&comparison.page);
    return is_done;
}
