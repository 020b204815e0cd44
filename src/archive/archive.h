// An export: a folder with all that a store knows, for keeping, for other programs, and for
// importing into any store.
//
//   manifest.json   what is in the folder, with the SHA-256 of each file (archive_manifest.h)
//   images.jsonl    one image a line, newest first (archive_line.h)
//   vectors-0.npy   the vectors of the first space, float32 [count, width], in the order of the
//                   lines that name them; vectors-1.npy those of the second, …
//   pictures/       optional: the original pictures, named as in the data folder
//
// It is written under another name and renamed when all of it is on disk, so a folder of this name
// is always whole. One thread.
#pragma once

#include "store/blob_folder.h"
#include "store/image_pages.h"

struct archive_export {
    struct image_pages *from;
    const struct blob_folder *pictures_from;                     // NULL: without the pictures
    const char *folder;                                          // must not be there
    void (*progress)(void *context, size_t done, size_t total);  // images; may be NULL
    void *context;
};

struct archive_report {
    size_t images;
    size_t vectors[STORE_SPACES_MAX];
    size_t pictures;
    size_t pictures_lost;  // not in their folder any more, or damaged
    char first_picture_lost[IMAGE_ID_SIZE];
};

// ERROR_CONFLICT: the folder is there. After another error FOLDER.partial is left, and the text
// says so.
bool archive_write(const struct archive_export *export, struct archive_report *report,
                   struct error *err);

struct archive;

// Checks the manifest, the hash of every file and the shapes. ERROR_NOT_FOUND, ERROR_INVALID with
// the file that is not right.
struct archive *archive_open(const char *folder, struct error *err);
void archive_close(struct archive *archive);
// The images from the first on; each call begins anew. Reading says in its error which line is not
// right. Borrowed.
struct image_pages *archive_pages(struct archive *archive);
bool archive_has_pictures(const struct archive *archive);
