// One sentence and tags out of what providers of labels find in a picture: objects that were
// counted, and labels of the whole. Says no more than they do: what is counted is put as a phrase
// ("two people and a dog"), labels follow as they are, behind a semicolon ("; grass, park, probably
// outdoors"). Pure, any thread.
//
// What would be said twice is said once. Of an object and its kinds (person, man, woman) the kinds
// stay if they make up its number, else it stays alone: three people of whom one is known to be a
// man are three people. Labels are left out that are the kind of another one, that repeat a word of
// the sentence, or that say nothing ("mammal").
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cloud/provider.h"

enum {
    LABELS_MAX = 48,
    LABEL_NAME_SIZE = 64,
    LABEL_PARENTS_MAX = 8,
    LABEL_TAGS_MAX = 10,
    LABEL_WORDS_MAX = 12,  // of the sentence
};

// What is less sure is not said, nor counted.
#define LABEL_SCORE_MIN 0.55

struct label {
    char name[LABEL_NAME_SIZE];  // in lower case
    double score;                // 0 to 1
    unsigned count;              // objects that were found of it; 0: a label of the whole picture
    const char
        *parents[LABEL_PARENTS_MAX];  // what it is a kind of, in any case of letters; borrowed
    size_t parent_count;
};

struct label_list {
    struct label labels[LABELS_MAX];
    size_t count;
};

// The label of this name: the one that is there, with the higher of both scores (held within 0 and
// 1), or a new one. NULL when the list is full, or the name is empty or too long for a tag.
struct label *label_list_add(struct label_list *list, const char *name, double score);
// No effect when there are LABEL_PARENTS_MAX.
void label_add_parent(struct label *label, const char *parent);

// Fills caption, tags (surest first) and confidence: the mean of the scores of what the caption
// names. false when there is nothing to say.
bool label_sentence_write(const struct label_list *list, struct cloud_answer *answer);
