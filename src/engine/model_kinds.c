#include "engine/model_kinds.h"

#include "engine/engine.h"
#include "engine/rehearsal.h"

// The project's bar for 8 bits against f32: of the tokens chosen clearly, and of vectors' cosines.
static const double least_equal_tokens = 0.99, least_cosine = 0.999;

struct context {
    struct compute *compute;
    const struct clip_bpe *vocabulary;
};

static void *load_blip(const char *folder, struct packed_cache *packed, struct error *err) {
    return blip_load(folder, packed, err);
}

static void destroy_blip(void *model) { blip_destroy(model); }

static struct parameters *parameters_of_blip(void *model) { return blip_parameters(model); }

static void *rehearse_blip(void *context, void *model, struct error *err) {
    return caption_rehearsal_create(model, ((struct context *)context)->compute, err);
}

static void forget_blip(void *rehearsal) { caption_rehearsal_destroy(rehearsal); }

static bool compare_blip(void *context, const void *rehearsal, void *model, double *likeness,
                         struct error *err) {
    return caption_rehearsal_compare(rehearsal, model, ((struct context *)context)->compute,
                                     likeness, err);
}

struct blip *caption_model_load(const struct packed_model_options *options, struct compute *compute,
                                enum precision *precision, struct error *err) {
    struct context context = {.compute = compute};
    const struct model_kind kind = {.purpose = "caption",
                                    .context = &context,
                                    .find_weights = blip_find_weights,
                                    .load = load_blip,
                                    .destroy = destroy_blip,
                                    .parameters = parameters_of_blip,
                                    .rehearse = rehearse_blip,
                                    .forget = forget_blip,
                                    .compare = compare_blip,
                                    .least_likeness = least_equal_tokens};
    return packed_model_load(&kind, options, precision, err);
}

static void *load_clip(const char *folder, struct packed_cache *packed, struct error *err) {
    struct clip *clip = clip_load(folder, packed, err);
    if (clip == NULL) return NULL;
    size_t width = clip_config(clip)->embedding_width;
    if (width <= EMBEDDING_WIDTH_MAX) return clip;
    error_set(err, ERROR_INVALID,
              "%s: vectors of %zu numbers are longer than this program keeps (%d)", folder, width,
              EMBEDDING_WIDTH_MAX);
    clip_destroy(clip);
    return NULL;
}

static void destroy_clip(void *model) { clip_destroy(model); }

static struct parameters *parameters_of_clip(void *model) { return clip_parameters(model); }

static void *rehearse_clip(void *context, void *model, struct error *err) {
    const struct context *with = context;
    return embedding_rehearsal_create(model, with->vocabulary, with->compute, err);
}

static void forget_clip(void *rehearsal) { embedding_rehearsal_destroy(rehearsal); }

static bool compare_clip(void *context, const void *rehearsal, void *model, double *likeness,
                         struct error *err) {
    const struct context *with = context;
    return embedding_rehearsal_compare(rehearsal, model, with->vocabulary, with->compute, likeness,
                                       err);
}

struct clip *embedding_model_load(const struct packed_model_options *options,
                                  const struct clip_bpe *vocabulary, struct compute *compute,
                                  enum precision *precision, struct error *err) {
    struct context context = {.compute = compute, .vocabulary = vocabulary};
    const struct model_kind kind = {.purpose = "search",
                                    .context = &context,
                                    .find_weights = clip_find_weights,
                                    .load = load_clip,
                                    .destroy = destroy_clip,
                                    .parameters = parameters_of_clip,
                                    .rehearse = rehearse_clip,
                                    .forget = forget_clip,
                                    .compare = compare_clip,
                                    .least_likeness = least_cosine};
    return packed_model_load(&kind, options, precision, err);
}
