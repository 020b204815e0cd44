// CLIP's vocabulary as encoding needs it: the id of every byte, and which pair of ids becomes which
// id, in which order of preference. Read from merges.txt (maybe gzipped) and vocab.json.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { CLIP_NO_ID = -1 };

struct clip_pair {
    int32_t left, right;
    int32_t rank;    // lower merges first
    int32_t merged;  // CLIP_NO_ID: this slot of the table is free
};

struct clip_vocabulary {
    size_t size;               // ids are 0 to size - 1
    int32_t start_id, end_id;  // begin and end of every text
    int32_t byte_ids[256];  // of a byte inside a word; CLIP_NO_ID where a small vocabulary has none
    int32_t last_byte_ids[256];  // of a word's last byte
    struct clip_pair *pairs;     // open addressing by (left, right)
    size_t slot_count;           // a power of two
};

// vocab_path may be NULL: the ids then follow from the merges.
bool clip_vocabulary_load(struct clip_vocabulary *vocabulary, const char *merges_path,
                          const char *vocab_path, struct error *err);
void clip_vocabulary_clear(struct clip_vocabulary *vocabulary);
const struct clip_pair *clip_vocabulary_find_pair(const struct clip_vocabulary *vocabulary,
                                                  int32_t left, int32_t right);  // or NULL
