#include "service/tagger.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "service/text_bank.h"
#include "store/tags.h"

// How many times as well a tag must fit as one that its words contain: a palm tree is a tree too,
// and a model that does not know the former takes every tree for one.
static const float MARGIN = 2.0F;

struct tagger {
    struct relevance *relevance;
    const struct label_list *labels;
    const char **texts;  // [count], of the labels
    struct text_bank *bank;
};

struct tagger *tagger_create(struct engine *engine, struct relevance *relevance,
                             const struct label_list *labels, struct error *err) {
    struct tagger *tagger = memory_alloc(sizeof *tagger);
    tagger->relevance = relevance;
    tagger->labels = labels;
    tagger->texts = memory_try_array(labels->count, sizeof *tagger->texts);
    for (size_t i = 0; tagger->texts != NULL && i < labels->count; i++)
        tagger->texts[i] = labels->labels[i].text;
    if (tagger->texts == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory for %zu tags", labels->count);
    else
        tagger->bank = text_bank_create(engine, tagger->texts, labels->count, err);
    if (tagger->bank != NULL) return tagger;
    tagger_destroy(tagger);
    return NULL;
}

void tagger_destroy(struct tagger *tagger) {
    if (tagger == NULL) return;
    text_bank_destroy(tagger->bank);
    memory_free(tagger->texts);
    memory_free(tagger);
}

static bool is_word_end(char c) { return isalnum((unsigned char)c) == 0; }

// Whether the words of `inner` are some of the words of `outer`.
static bool contains_words(const char *outer, const char *inner) {
    size_t size = strlen(inner);
    for (const char *at = outer; (at = strstr(at, inner)) != NULL; at++)
        if ((at == outer || is_word_end(at[-1])) && is_word_end(at[size])) return true;
    return false;
}

// By relevance: the odds, which the factor is of.
static bool is_clearly_better(float relevance, float than) {
    return relevance * (1 - than) > MARGIN * than * (1 - relevance);
}

static bool is_only_its_part(const struct tagger *tagger, size_t index, const float *scores) {
    const struct label_list *labels = tagger->labels;
    const char *tag = labels->labels[index].tag;
    for (size_t i = 0; i < labels->count; i++)
        if (i != index && scores[i] >= TAG_RELEVANCE &&
            contains_words(tag, labels->labels[i].tag) &&
            !is_clearly_better(scores[index], scores[i]))
            return true;
    return false;
}

// The best that has not been taken; count: none fits.
static size_t find_best(const struct tagger *tagger, const float *scores, const bool *is_taken) {
    size_t count = tagger->labels->count, best = count;
    for (size_t i = 0; i < count; i++)
        if (!is_taken[i] && scores[i] >= TAG_RELEVANCE &&
            (best == count || scores[i] > scores[best]))
            best = i;
    return best;
}

static void add_best(const struct tagger *tagger, const float *scores, bool *is_taken,
                     char tags[static STORE_TAGS_SIZE]) {
    size_t added = 0, best;
    while (added < TAGS_OF_MODEL_MAX &&
           (best = find_best(tagger, scores, is_taken)) < tagger->labels->count) {
        is_taken[best] = true;
        // Where there are as many as an image may have, the rest is left out.
        if (!is_only_its_part(tagger, best, scores) &&
            tags_add(tags, tagger->labels->labels[best].tag, NULL))
            added++;
    }
}

bool tagger_add(struct tagger *tagger, const struct embedding *picture,
                char tags[static STORE_TAGS_SIZE], struct error *err) {
    size_t count = tagger->labels->count;
    if (!text_bank_wait(tagger->bank, err)) return false;
    float *scores = memory_try_array(count, 2 * sizeof *scores);
    bool *is_taken = memory_try_zeroed(count, sizeof *is_taken);
    bool is_done = scores != NULL && is_taken != NULL;
    if (is_done) {
        float *cosines = scores + count;
        text_bank_cosines(tagger->bank, picture->values, cosines);
        is_done =
            relevance_of_texts(tagger->relevance, picture->values, cosines, count, scores, err);
        if (is_done) add_best(tagger, scores, is_taken, tags);
    } else {
        error_set(err, ERROR_INTERNAL, "out of memory for the tags of a picture");
    }
    memory_free(is_taken);
    memory_free(scores);
    return is_done;
}
