// What the tests of the store share: a folder of their own, sample records and sample vectors
// that follow from a number, and a comparison that says which field differs.
#pragma once

#include <limits.h>

#include "store/store.h"

enum { SAMPLE_WIDTH = 8 };

struct test_folder {
    char path[PATH_MAX];
};
void test_folder_create(struct test_folder *folder);
void test_folder_destroy(struct test_folder *folder);  // with all that is in it
// folder/name in a static buffer of the calling thread.
const char *test_folder_path(const struct test_folder *folder, const char *name);

struct image_record sample_record(unsigned number);  // of the embedding model "space"
struct receipt sample_receipt(unsigned number);      // of each third record
uint64_t sample_hash(unsigned number);               // of those not divisible by three
const char *sample_id(unsigned number);              // static buffer of the calling thread
void sample_vector(unsigned number, float vector[static SAMPLE_WIDTH]);  // unit length

void assert_same_receipt(const struct receipt *found, const struct receipt *expected);
void assert_same_record(const struct image_record *found, const struct image_record *expected);
// Puts sample `number` and fails the test when that fails; returns whether it was new.
bool put_sample(struct store *store, unsigned number);
// The k nearest of everything in a space.
bool search_nearest(struct store *store, const char *embedding_model, const float *query,
                    size_t width, size_t k, struct store_match *matches, size_t *count,
                    struct error *err);
