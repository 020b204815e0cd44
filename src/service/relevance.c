#include "service/relevance.h"

#include <math.h>

#include "base/memory.h"
#include "service/text_bank.h"

static const char *const captions[] = {
#define CAPTION(text) text,
#include "service/relevance_bank_list.h"
#undef CAPTION
};
enum { BANK_COUNT = sizeof captions / sizeof *captions };

// How many times as well as the bank's average caption a query has to describe a picture for its
// relevance to be one half: docs/relevance.md has what other numbers do.
static const float LEAD = 8.0F;

struct relevance {
    struct text_bank *bank;
    size_t width;
    float logit_scale;  // the engine's
};

struct relevance *relevance_create(struct engine *engine, struct error *err) {
    const struct engine_info *info = engine_info(engine);
    struct text_bank *bank = text_bank_create(engine, captions, BANK_COUNT, err);
    if (bank == NULL) return NULL;
    struct relevance *relevance = memory_alloc(sizeof *relevance);
    relevance->bank = bank;
    relevance->width = info->embedding_width;
    relevance->logit_scale = info->logit_scale;
    return relevance;
}

void relevance_destroy(struct relevance *relevance) {
    if (relevance == NULL) return;
    text_bank_destroy(relevance->bank);
    memory_free(relevance);
}

bool relevance_is_ready(struct relevance *relevance) { return text_bank_is_ready(relevance->bank); }

// ln of the mean of exp(logit) over the bank, with the largest taken out before.
static float bank_logit(const struct relevance *relevance, const float *vector) {
    float cosines[BANK_COUNT], largest = -INFINITY, sum = 0;
    text_bank_cosines(relevance->bank, vector, cosines);
    for (size_t i = 0; i < BANK_COUNT; i++)
        if (cosines[i] > largest) largest = cosines[i];
    for (size_t i = 0; i < BANK_COUNT; i++)
        sum += expf(relevance->logit_scale * (cosines[i] - largest));
    return relevance->logit_scale * largest + logf(sum / (float)BANK_COUNT);
}

static float score_of(const struct relevance *relevance, float cosine, float against) {
    return 1 / (1 + LEAD * expf(against - relevance->logit_scale * cosine));
}

bool relevance_score(struct relevance *relevance, const float *query, const float *vectors,
                     size_t count, size_t width, float *scores, struct error *err) {
    if (width != relevance->width)
        return error_set(err, ERROR_INTERNAL, "relevance is of vectors of %zu numbers, not %zu",
                         relevance->width, width);
    if (!text_bank_wait(relevance->bank, err)) return false;
    for (size_t i = 0; i < count; i++) {
        const float *vector = vectors + i * width;
        float cosine = 0;
        for (size_t j = 0; j < width; j++) cosine += query[j] * vector[j];
        scores[i] = score_of(relevance, cosine, bank_logit(relevance, vector));
    }
    return true;
}

bool relevance_of_texts(struct relevance *relevance, const float *vector, const float *cosines,
                        size_t count, float *scores, struct error *err) {
    if (!text_bank_wait(relevance->bank, err)) return false;
    float against = bank_logit(relevance, vector);
    for (size_t i = 0; i < count; i++) scores[i] = score_of(relevance, cosines[i], against);
    return true;
}
