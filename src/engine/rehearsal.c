#include "engine/rehearsal.h"

#include <string.h>

#include "base/memory.h"
#include "engine/engine.h"
#include "engine/sample_pictures.h"
#include "image/preprocess.h"

enum {
    SAMPLE_TOKENS_MAX = 77,  // of a sentence below; they have about ten
    REHEARSED_TOKENS = 20,   // of a caption; most have about ten
};

// Of clear choices only: between words that are all but equal, rounding may decide.
static const float clear_margin = 0.05f;

static const char *const sample_texts[] = {
    "a red car",
    "a photo of a cat",
    "two dogs running on the beach",
    "a man riding a wave on top of a surfboard",
    "a group of people standing around a table with food",
    "a white plate topped with meat and vegetables",
    "the city skyline at night",
    "a woman in a black dress",
    "a child playing with a toy train in the living room",
    "snow covered mountains under a blue sky",
    "a close up of a yellow flower",
    "an old wooden bridge over a river in autumn",
    "a black and white photograph of a bicycle leaning against a brick wall",
    "screenshot of a receipt",
    "birthday cake with candles",
    "a train at the station",
    "sunset",
    "an airplane flying through a cloudy sky",
    "people watching fireworks from a boat on the lake, seen from far away in the evening",
    "a kitchen with a stove, a microwave and a refrigerator",
};
enum { SAMPLE_TEXTS = sizeof sample_texts / sizeof *sample_texts };

struct caption_rehearsal {
    struct {
        int32_t chosen[REHEARSED_TOKENS];
        float margins[REHEARSED_TOKENS];
        size_t count;
    } samples[SAMPLE_PICTURES];
};

struct embedding_rehearsal {
    float vectors[SAMPLE_PICTURES + SAMPLE_TEXTS][EMBEDDING_WIDTH_MAX];
};

// A sample as a model reads it; the caller frees with memory_free.
static float *sample_planes_create(size_t number, size_t size, bool is_squashed,
                                   const struct normalization *normalization, struct error *err) {
    struct image_normalization wanted;
    struct pixels pixels = {0};
    memcpy(wanted.mean, normalization->mean, sizeof wanted.mean);
    memcpy(wanted.deviation, normalization->deviation, sizeof wanted.deviation);
    float *planes = memory_try_aligned(3 * size * size, sizeof *planes);
    bool is_ready = planes != NULL || error_set(err, ERROR_INTERNAL, "out of memory for a sample");
    is_ready = is_ready && sample_picture_draw(number, &pixels, err) &&
               (is_squashed ? preprocess_squash : preprocess_crop)(&pixels, (uint32_t)size, &wanted,
                                                                   planes, err);
    pixels_clear(&pixels);
    if (is_ready) return planes;
    memory_free(planes);
    return NULL;
}

static bool see_sample(struct blip *blip, struct compute *compute, size_t number,
                       struct error *err) {
    const struct blip_config *config = blip_config(blip);
    float *planes =
        sample_planes_create(number, config->vision.image_size, true, &config->normalization, err);
    if (planes == NULL) return false;
    blip_see(blip, compute, 0, planes, NULL);
    memory_free(planes);
    return true;
}

struct caption_rehearsal *caption_rehearsal_create(struct blip *blip, struct compute *compute,
                                                   struct error *err) {
    struct caption_rehearsal *rehearsal = memory_alloc(sizeof *rehearsal);
    for (size_t i = 0; i < SAMPLE_PICTURES; i++) {
        size_t count = 0;
        if (see_sample(blip, compute, i, err))
            count = blip_choose(blip, compute, REHEARSED_TOKENS, NULL, rehearsal->samples[i].chosen,
                                rehearsal->samples[i].margins, err);
        if (count == 0) {
            memory_free(rehearsal);
            return NULL;
        }
        rehearsal->samples[i].count = count;
    }
    return rehearsal;
}

void caption_rehearsal_destroy(struct caption_rehearsal *rehearsal) { memory_free(rehearsal); }

bool caption_rehearsal_compare(const struct caption_rehearsal *rehearsal, struct blip *blip,
                               struct compute *compute, double *equal_part, struct error *err) {
    int32_t chosen[REHEARSED_TOKENS];
    float margins[REHEARSED_TOKENS];
    size_t clear = 0, equal = 0;
    for (size_t i = 0; i < SAMPLE_PICTURES; i++) {
        const int32_t *expected = rehearsal->samples[i].chosen;
        size_t count = rehearsal->samples[i].count;
        if (!see_sample(blip, compute, i, err) ||
            blip_choose(blip, compute, count, expected, chosen, margins, err) == 0)
            return false;
        for (size_t k = 0; k < count; k++) {
            if (rehearsal->samples[i].margins[k] <= clear_margin) continue;
            clear++;
            equal += chosen[k] == expected[k];
        }
    }
    *equal_part = clear == 0 ? 1 : (double)equal / (double)clear;
    return true;
}

static bool embed_sample(struct clip *clip, const struct clip_bpe *vocabulary,
                         struct compute *compute, size_t number, float *vector, struct error *err) {
    const struct clip_config *config = clip_config(clip);
    if (number >= SAMPLE_PICTURES) {
        int32_t ids[SAMPLE_TOKENS_MAX];
        size_t capacity =
            config->context_length < SAMPLE_TOKENS_MAX ? config->context_length : SAMPLE_TOKENS_MAX;
        size_t count = clip_bpe_encode(vocabulary, sample_texts[number - SAMPLE_PICTURES], ids,
                                       capacity, NULL, err);
        return count > 0 && clip_embed_text(clip, compute, ids, count, vector, NULL, err);
    }
    float *planes = sample_planes_create(number, config->vision.image_size, config->is_squashed,
                                         &config->normalization, err);
    bool is_embedded = planes != NULL && clip_embed_image(clip, compute, planes, vector, NULL, err);
    memory_free(planes);
    return is_embedded;
}

struct embedding_rehearsal *embedding_rehearsal_create(struct clip *clip,
                                                       const struct clip_bpe *vocabulary,
                                                       struct compute *compute, struct error *err) {
    struct embedding_rehearsal *rehearsal = memory_alloc(sizeof *rehearsal);
    for (size_t i = 0; i < SAMPLE_PICTURES + SAMPLE_TEXTS; i++) {
        if (embed_sample(clip, vocabulary, compute, i, rehearsal->vectors[i], err)) continue;
        memory_free(rehearsal);
        return NULL;
    }
    return rehearsal;
}

void embedding_rehearsal_destroy(struct embedding_rehearsal *rehearsal) { memory_free(rehearsal); }

bool embedding_rehearsal_compare(const struct embedding_rehearsal *rehearsal, struct clip *clip,
                                 const struct clip_bpe *vocabulary, struct compute *compute,
                                 double *least_cosine, struct error *err) {
    float vector[EMBEDDING_WIDTH_MAX];
    *least_cosine = 1;
    for (size_t i = 0; i < SAMPLE_PICTURES + SAMPLE_TEXTS; i++) {
        if (!embed_sample(clip, vocabulary, compute, i, vector, err)) return false;
        double cosine = (double)dot_f32(compute, vector, rehearsal->vectors[i],
                                        clip_config(clip)->embedding_width);
        if (cosine < *least_cosine) *least_cosine = cosine;
    }
    return true;
}
