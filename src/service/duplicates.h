// Images that are another image again: the same picture in another file, or another picture of the
// same thing. docs/duplicates.md says how they are told and how surely.
#pragma once

#include "base/error.h"
#include "store/store.h"

enum { DUPLICATES_MAX = 10 };  // of a tier that are told

// Two photographs of one scene have a cosine of this much with CLIP's ViT-B/32 and its like; two
// photographs of one kind of thing seldom do.
#define SAME_MEANING_SCORE 0.95F

struct duplicate {
    char id[IMAGE_ID_SIZE];
    unsigned distance;  // bits in which the perceptual hashes differ; of the same picture
    float score;        // cosine; of the same meaning
};

// Nearest first; an image is in the stronger tier only.
struct duplicates {
    struct duplicate same_picture[DUPLICATES_MAX];
    size_t same_picture_count;
    struct duplicate same_meaning[DUPLICATES_MAX];
    size_t same_meaning_count;
};

struct service;

// Those of a stored image, itself left out. Errors: the store's.
bool service_find_duplicates(struct service *service, const struct image_record *record,
                             struct duplicates *duplicates, struct error *err);
