// Moves all images, with the vectors of all spaces and the active space, from one store to another
// or from an export into a store, and holds the one against the other afterwards. One thread.
//
// An image that the target has just so is passed over, so a copy that was interrupted goes on
// where it stopped when it is run again. One that the target has differently is made what the
// source has; images that only the target has stay. A source that changes meanwhile is no danger:
// what is newer is not copied, what has gone is, and the verification tells the difference.
#pragma once

#include "store/blob_folder.h"
#include "store/image_pages.h"

struct store_copy {
    struct image_pages *from;
    struct store *to;
    // The original pictures are copied too, each before its image; both NULL: they are not.
    const struct blob_folder *pictures_from;
    struct blob_folder *pictures_to;
    void (*progress)(void *context, size_t done, size_t total);  // images; may be NULL
    void *context;
};

struct store_copy_report {
    size_t images;       // that the source has
    size_t written;      // images put into the target, or vectors of theirs
    size_t passed_over;  // images the target had already
    // Images without a vector in their own space: a store cannot take them, so they stay behind.
    size_t without_vector;
    char first_without_vector[IMAGE_ID_SIZE];
    size_t pictures_copied;
    size_t pictures_there;  // already
    size_t pictures_lost;   // not in the source's folder any more, or damaged
    char first_picture_lost[IMAGE_ID_SIZE];
};

struct store_verification {
    size_t images;                     // compared
    size_t vectors[STORE_SPACES_MAX];  // that the target has of these images, of each space
    size_t missing;                    // in the target
    size_t different;
    char first_wrong[IMAGE_ID_SIZE];  // missing or different
    size_t extra;                     // images that only the target has
    size_t rounded;                   // vectors that the target made unit long
    // image_checksum over the images compared, as each side gave them; equal when nothing is
    // missing, different or rounded.
    char from_checksum[65];
    char to_checksum[65];
    bool is_same;  // nothing is missing or different
};

// The pages are read to their end. False: it stopped with an error; what was put stays.
bool store_copy_run(const struct store_copy *copy, struct store_copy_report *report,
                    struct error *err);
// Needs the pages from their beginning. True also when something differs: that is for the caller to
// tell. Images that could not be copied for want of a vector are not looked for.
bool store_copy_verify(const struct store_copy *copy, struct store_verification *verification,
                       struct error *err);
