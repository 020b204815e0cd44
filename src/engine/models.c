#include "engine/models.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "engine/mock_models.h"
#include "engine/model_kinds.h"
#include "engine/model_source.h"
#include "image/decode_squares.h"
#include "image/perceptual_hash.h"
#include "kernels/kernels.h"
#include "kernels/resample.h"
#include "model/blip.h"
#include "model/clip.h"
#include "model/model_path.h"
#include "tokenize/clip_bpe.h"
#include "tokenize/wordpiece.h"

enum {
    CLIP_CONTEXT_MAX = 1024
};  // tokens of a text; every published CLIP has 77 or fewer than this

struct models {
    bool is_mock;
    bool is_exact;
    struct compute *compute;
    struct blip *blip;  // NULL when captions are not needed, and for mocks
    struct wordpiece *caption_vocabulary;
    struct clip *clip;  // NULL when embeddings are not needed, and for mocks
    struct clip_bpe *text_vocabulary;
};

// "auto" means the fastest that is exact enough, and 8 bits are not faster everywhere.
static const char *precision_of(const struct models *models, const struct engine_options *options) {
    bool is_auto = options->precision != NULL && strcmp(options->precision, "auto") == 0;
    return options->precision == NULL || (is_auto && !compute_gains_by_int8(models->compute))
               ? precision_name(PRECISION_F32)
               : options->precision;
}

static struct packed_model_options packing_of(const struct models *models,
                                              const struct engine_options *options,
                                              const char *folder, const char *name) {
    return (struct packed_model_options){
        .folder = folder,
        .name = name,
        .precision = precision_of(models, options),
        .kernel_tier = kernel_tier_name(compute_tier(models->compute)),
        .cache_folder = options->cache_folder};
}

static bool load_caption_model(struct models *models, const struct engine_options *options,
                               enum precision *precision, struct error *err) {
    char path[PATH_MAX];
    if (!model_path_join(path, options->caption_model_folder, "vocab.txt", err)) return false;
    models->caption_vocabulary = wordpiece_load(path, err);
    if (models->caption_vocabulary == NULL) return false;
    struct packed_model_options packing =
        packing_of(models, options, options->caption_model_folder, options->caption_model_name);
    models->blip = caption_model_load(&packing, models->compute, precision, err);
    return models->blip != NULL;
}

static bool load_embedding_model(struct models *models, const struct engine_options *options,
                                 enum precision *precision, struct error *err) {
    const char *folder = options->embedding_model_folder;
    char merges[PATH_MAX], vocabulary[PATH_MAX];
    if (!model_path_join(merges, folder, "merges.txt", err) ||
        !model_path_join(vocabulary, folder, "vocab.json", err))
        return false;
    // Where there is no vocab.json, the ids follow from the merges.
    models->text_vocabulary =
        clip_bpe_load(merges, file_exists(vocabulary) ? vocabulary : NULL, err);
    if (models->text_vocabulary == NULL) return false;
    struct packed_model_options packing =
        packing_of(models, options, folder, options->embedding_model_name);
    models->clip =
        embedding_model_load(&packing, models->text_vocabulary, models->compute, precision, err);
    if (models->clip == NULL) return false;
    size_t known = clip_bpe_vocabulary_size(models->text_vocabulary);
    if (known <= clip_config(models->clip)->vocabulary_size) return true;
    return error_set(err, ERROR_INVALID,
                     "%s: the vocabulary files have %zu tokens, the model only %zu: they do not "
                     "belong together",
                     folder, known, clip_config(models->clip)->vocabulary_size);
}

// "int8", or "int8, f32" where the caption model and the search model differ.
static void name_precision(const struct models *models, enum precision caption,
                           enum precision embedding, char text[static PRECISION_TEXT_SIZE]) {
    const char *first = precision_name(models->blip != NULL ? caption : embedding);
    const char *second = precision_name(models->clip != NULL ? embedding : caption);
    bool is_one = strcmp(first, second) == 0;
    (void)snprintf(text, PRECISION_TEXT_SIZE, "%s%s%s", first, is_one ? "" : ", ",
                   is_one ? "" : second);
}

struct models *models_load(const struct engine_options *options, struct engine_info *info,
                           struct error *err) {
    struct models *models = memory_alloc(sizeof *models);
    enum precision caption_precision = PRECISION_F32, embedding_precision = PRECISION_F32;
    models->is_mock = options->is_mock;
    models->is_exact = options->is_exact;
    const char *tier = options->kernel_tier;
    models->compute = compute_create(tier != NULL && strcmp(tier, "auto") == 0 ? NULL : tier,
                                     options->threads, err);
    if (models->compute == NULL) goto fail;
    resample_use_tier(compute_tier(models->compute));
    *info = (struct engine_info){.precision = "f32",
                                 .caption_precision = "f32",
                                 .embedding_precision = "f32",
                                 .kernel_tier = kernel_tier_name(compute_tier(models->compute)),
                                 .failed_kernel_tier = compute_failed_tier(models->compute),
                                 .threads = compute_threads(models->compute)};
    if (models->is_mock) {
        info->embedding_width = MOCK_EMBEDDING_WIDTH;
        info->logit_scale = CLIP_LOGIT_SCALE_MAX;
        (void)snprintf(info->caption_model, MODEL_NAME_SIZE, MOCK_MODEL_NAME);
        (void)snprintf(info->embedding_model, MODEL_NAME_SIZE, MOCK_MODEL_NAME);
        return models;
    }
    if (options->caption_model_folder != NULL) {
        if (!load_caption_model(models, options, &caption_precision, err)) goto fail;
        (void)snprintf(info->caption_model, MODEL_NAME_SIZE, "%s", options->caption_model_name);
    }
    if (options->embedding_model_folder != NULL) {
        if (!load_embedding_model(models, options, &embedding_precision, err)) goto fail;
        char fingerprint[CLIP_FINGERPRINT_SIZE];
        clip_fingerprint(models->clip, fingerprint);
        (void)snprintf(info->embedding_model, MODEL_NAME_SIZE, "%.*s@%s",
                       MODEL_NAME_SIZE - CLIP_FINGERPRINT_SIZE - 1, options->embedding_model_name,
                       fingerprint);
        info->embedding_width = clip_config(models->clip)->embedding_width;
        info->logit_scale = clip_logit_scale(models->clip);
    }
    info->caption_precision = precision_name(caption_precision);
    info->embedding_precision = precision_name(embedding_precision);
    name_precision(models, caption_precision, embedding_precision, info->precision);
    return models;
fail:
    models_destroy(models);
    return NULL;
}

void models_destroy(struct models *models) {
    if (models == NULL) return;
    blip_destroy(models->blip);
    wordpiece_destroy(models->caption_vocabulary);
    clip_destroy(models->clip);
    clip_bpe_destroy(models->text_vocabulary);
    compute_destroy(models->compute);
    memory_free(models);
}

// One model's input. *planes is the caller's, also after a failure.
static bool prepare_planes(const struct pixels *square, const struct normalization *normalization,
                           float **planes, struct error *err) {
    struct image_normalization wanted;
    memcpy(wanted.mean, normalization->mean, sizeof wanted.mean);
    memcpy(wanted.deviation, normalization->deviation, sizeof wanted.deviation);
    *planes = memory_try_aligned((size_t)3 * square->width * square->height, sizeof **planes);
    if (*planes == NULL)
        return error_set(err, ERROR_INTERNAL,
                         "out of memory preparing a picture; try again shortly");
    pixels_normalize(square, &wanted, *planes);
    return true;
}

// The squares that the models read, the caption model's first.
static void request_squares(const struct models *models, enum image_use use,
                            struct square_request *request) {
    *request = (struct square_request){.is_exact = models->is_exact};
    if (models->is_mock) {
        request->squares[request->count++] =
            (struct picture_square){MOCK_PICTURE_SIDE, PICTURE_SQUASHED};
        return;
    }
    if ((use & IMAGE_FOR_CAPTION) != 0)
        request->squares[request->count++] = (struct picture_square){
            (uint32_t)blip_config(models->blip)->vision.image_size, PICTURE_SQUASHED};
    if ((use & IMAGE_FOR_EMBEDDING) != 0) {
        const struct clip_config *config = clip_config(models->clip);
        request->squares[request->count++] =
            (struct picture_square){(uint32_t)config->vision.image_size,
                                    config->is_squashed ? PICTURE_SQUASHED : PICTURE_CROPPED};
    }
}

static bool prepare_squares(const struct models *models, const struct pixels *squares,
                            enum image_use use, struct prepared_image *image, struct error *err) {
    if ((use & IMAGE_FOR_CAPTION) != 0)
        image->has_perceptual_hash = pixels_perceptual_hash(squares, &image->perceptual_hash);
    if (models->is_mock) {
        sha256(squares->rgb, (size_t)3 * squares->width * squares->height, image->hash);
        return true;
    }
    if ((use & IMAGE_FOR_CAPTION) != 0 &&
        !prepare_planes(squares++, &blip_config(models->blip)->normalization,
                        &image->caption_planes, err))
        return false;
    return (use & IMAGE_FOR_EMBEDDING) == 0 ||
           prepare_planes(squares, &clip_config(models->clip)->normalization,
                          &image->embedding_planes, err);
}

bool models_prepare_image(const struct models *models, const void *bytes, size_t size,
                          const struct image_limits *limits, enum image_use use,
                          struct prepared_image *image, struct image_info *info,
                          struct error *err) {
    struct square_request request;
    struct pixels squares[PICTURE_SQUARES_MAX];
    *image = (struct prepared_image){0};
    int64_t started = clock_monotonic_ns();
    request_squares(models, use, &request);
    if (!image_decode_squares(bytes, size, limits, &request, squares, info, err)) return false;
    image->decode_ms = clock_ms_since(started);

    started = clock_monotonic_ns();
    bool is_done = prepare_squares(models, squares, use, image, err);
    for (size_t i = 0; i < request.count; i++) pixels_clear(&squares[i]);
    image->preprocess_ms = clock_ms_since(started);
    return is_done;
}

void prepared_image_clear(struct prepared_image *image) {
    memory_free(image->caption_planes);
    memory_free(image->embedding_planes);
    *image = (struct prepared_image){0};
}

// Geometric mean of the probabilities, summed as logarithms so that it cannot underflow.
static float confidence_of(const float *probabilities, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += log((double)probabilities[i]);
    return count == 0 ? 0.0f : (float)exp(sum / (double)count);
}

static void finish_caption(const struct models *models, struct caption_member *member) {
    struct caption *caption = member->caption;
    caption->confidence = confidence_of(caption->token_probabilities, caption->token_count);
    char *text = wordpiece_decode_copy(models->caption_vocabulary, caption->token_ids,
                                       caption->token_count, &member->error);
    if (text == NULL) return;
    (void)snprintf(caption->text, sizeof caption->text, "%s", text);
    memory_free(text);
}

void models_write_captions(struct models *models, struct caption_member *members, size_t count,
                           struct engine_timings *timings) {
    for (size_t i = 0; models->is_mock && i < count; i++)
        mock_caption(members[i].image->hash, members[i].caption);
    if (models->is_mock) return;
    struct blip_caption told[BLIP_CAPTIONS_MAX];
    int64_t started = clock_monotonic_ns();
    for (size_t i = 0; i < count; i++) {
        blip_see(models->blip, models->compute, i, members[i].image->caption_planes, NULL);
        told[i] = (struct blip_caption){.ids = members[i].caption->token_ids,
                                        .probabilities = members[i].caption->token_probabilities};
    }
    timings->caption_vision_ms = clock_ms_since(started);

    started = clock_monotonic_ns();
    blip_tell(models->blip, models->compute, told, count, CAPTION_TOKENS_MAX, NULL);
    for (size_t i = 0; i < count; i++) {
        members[i].caption->token_count = told[i].count;
        members[i].error = told[i].error;
        if (told[i].count > 0) finish_caption(models, &members[i]);
    }
    timings->caption_decode_ms = clock_ms_since(started);
}

void models_embed_pictures(struct models *models, struct picture_member *members, size_t count) {
    for (size_t i = 0; models->is_mock && i < count; i++)
        mock_embed_image(members[i].image->hash, members[i].embedding);
    if (models->is_mock) return;
    struct clip_image images[VISION_BATCH_MAX];
    size_t most = clip_images_max(models->clip);
    for (size_t first = 0; first < count; first += most) {
        size_t together = count - first < most ? count - first : most;
        for (size_t i = 0; i < together; i++) {
            struct picture_member *member = &members[first + i];
            member->embedding->width = clip_config(models->clip)->embedding_width;
            images[i] = (struct clip_image){.planes = member->image->embedding_planes,
                                            .embedding = member->embedding->values};
        }
        clip_embed_images(models->clip, models->compute, images, together, NULL);
        for (size_t i = 0; i < together; i++) members[first + i].error = images[i].error;
    }
}

void models_embed_texts(struct models *models, struct text_member *members, size_t count) {
    for (size_t i = 0; models->is_mock && i < count; i++)
        (void)mock_embed_text(members[i].text, members[i].embedding, &members[i].error);
    if (models->is_mock) return;
    const struct clip_config *config = clip_config(models->clip);
    int32_t ids[CLIP_TEXTS_MAX][CLIP_CONTEXT_MAX];
    struct clip_text texts[CLIP_TEXTS_MAX];
    struct text_member *asking[CLIP_TEXTS_MAX];  // those that are texts
    size_t found = 0;
    size_t capacity =
        config->context_length < CLIP_CONTEXT_MAX ? config->context_length : CLIP_CONTEXT_MAX;
    for (size_t i = 0; i < count; i++) {
        struct text_member *member = &members[i];
        size_t tokens = clip_bpe_encode(models->text_vocabulary, member->text, ids[found], capacity,
                                        &member->is_cut, &member->error);
        if (tokens == 0) continue;
        member->token_count = tokens;
        member->embedding->width = config->embedding_width;
        texts[found] = (struct clip_text){
            .ids = ids[found], .count = tokens, .embedding = member->embedding->values};
        asking[found++] = member;
    }
    clip_embed_texts(models->clip, models->compute, texts, found, NULL);
    for (size_t i = 0; i < found; i++) asking[i]->error = texts[i].error;
}

float models_similarity(const struct models *models, const struct embedding *a,
                        const struct embedding *b) {
    return dot_f32(models->compute, a->values, b->values, a->width);
}
