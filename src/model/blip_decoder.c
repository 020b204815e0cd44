#include "model/blip_decoder.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define EMBEDDINGS "text_decoder.bert.embeddings."
#define WORD_EMBEDDINGS EMBEDDINGS "word_embeddings.weight"

static const struct layer_names qkv_names = {
    {"attention.self.query.weight", "attention.self.key.weight", "attention.self.value.weight"},
    {"attention.self.query.bias", "attention.self.key.bias", "attention.self.value.bias"}};
static const struct layer_names cross_kv_names = {
    {"crossattention.self.key.weight", "crossattention.self.value.weight"},
    {"crossattention.self.key.bias", "crossattention.self.value.bias"}};
static const struct layer_names attended_names = LAYER_NAMES("attention.output.dense");
static const struct layer_names cross_q_names = LAYER_NAMES("crossattention.self.query");
static const struct layer_names cross_attended_names = LAYER_NAMES("crossattention.output.dense");
static const struct layer_names fc1_names = LAYER_NAMES("intermediate.dense");
static const struct layer_names fc2_names = LAYER_NAMES("output.dense");

static bool load_layer(struct decoder_layer *layer, struct parameters *parameters, size_t number,
                       const struct blip_decoder_shape *shape, struct error *err) {
    size_t width = shape->width;
    const struct {
        const struct layer_names *names;
        size_t outputs, inputs;
        struct layer *layer;
    } layers[] = {
        {&qkv_names, 3 * width, width, &layer->qkv},
        {&attended_names, width, width, &layer->attended},
        {&cross_q_names, width, width, &layer->cross_q},
        {&cross_kv_names, 2 * width, shape->image_width, &layer->cross_kv},
        {&cross_attended_names, width, width, &layer->cross_attended},
        {&fc1_names, shape->mlp_width, width, &layer->fc1},
        {&fc2_names, width, shape->mlp_width, &layer->fc2},
    };
    const struct {
        const char *name;
        const float **gain, **shift;
    } norms[] = {
        {"attention.output.LayerNorm", &layer->attended_gain, &layer->attended_shift},
        {"crossattention.output.LayerNorm", &layer->cross_gain, &layer->cross_shift},
        {"output.LayerNorm", &layer->output_gain, &layer->output_shift},
    };
    char prefix[128];
    (void)snprintf(prefix, sizeof prefix, "text_decoder.bert.encoder.layer.%zu.", number);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (!parameters_get_layer(parameters, LAYER_OF_BLOCK, prefix, layers[i].names,
                                  layers[i].outputs, layers[i].inputs, layers[i].layer, err))
            return false;
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++)
        if (!parameters_get_norm(parameters, prefix, norms[i].name, width, norms[i].gain,
                                 norms[i].shift, err))
            return false;
    return true;
}

// The head's matrix is stored apart in the published file; where it is not, it is the word
// embeddings (tied). Its bias has two names for one storage.
static bool load_head(struct blip_decoder *decoder, struct parameters *parameters,
                      struct error *err) {
#define PREDICTIONS "text_decoder.cls.predictions."
    static const struct layer_names transform = LAYER_NAMES(PREDICTIONS "transform.dense");
    static const char matrix[] = PREDICTIONS "decoder.weight", bias[] = PREDICTIONS "bias";
    size_t width = decoder->shape.width, vocabulary = decoder->shape.vocabulary_size;
    const struct layer_names head = {
        {parameters_have(parameters, matrix) ? matrix : WORD_EMBEDDINGS},
        {parameters_have(parameters, bias) ? bias : PREDICTIONS "decoder.bias"}};
    return parameters_get_layer(parameters, LAYER_OF_HEAD, "", &transform, width, width,
                                &decoder->transform, err) &&
           parameters_get_norm(parameters, "", PREDICTIONS "transform.LayerNorm", width,
                               &decoder->transform_gain, &decoder->transform_shift, err) &&
           parameters_get_layer(parameters, LAYER_OF_HEAD, "", &head, vocabulary, width,
                                &decoder->head, err);
#undef PREDICTIONS
}

static size_t image_kv_floats(const struct blip_decoder *decoder) {  // of one layer
    return decoder->image_tokens * 2 * decoder->shape.width;
}

static size_t past_kv_floats(const struct blip_decoder *decoder) {  // of one layer
    return decoder->max_tokens * 2 * decoder->shape.width;
}

static bool create_scratch(struct blip_decoder *decoder, struct error *err) {
    const struct blip_decoder_shape *shape = &decoder->shape;
    size_t of_layers = shape->layers * (image_kv_floats(decoder) + past_kv_floats(decoder));
    size_t of_place = of_layers + 5 * shape->width + shape->mlp_width + shape->vocabulary_size;
    float *next = memory_try_aligned(BLIP_DECODER_PLACES * of_place, sizeof *next);
    if (next == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for the caption decoder");
    decoder->memory = next;
    const struct {
        float **part;
        size_t floats;  // of a place
    } parts[] = {
        {&decoder->image_kv, shape->layers * image_kv_floats(decoder)},
        {&decoder->past_kv, shape->layers * past_kv_floats(decoder)},
        {&decoder->state, shape->width},
        {&decoder->qkv, 3 * shape->width},
        {&decoder->attended, shape->width},
        {&decoder->hidden, shape->mlp_width},
        {&decoder->logits, shape->vocabulary_size},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i].part = next;
        next += BLIP_DECODER_PLACES * parts[i].floats;
    }
    return true;
}

bool blip_decoder_load(struct blip_decoder *decoder, struct parameters *parameters,
                       const struct blip_decoder_shape *shape, size_t image_tokens,
                       size_t max_tokens, struct error *err) {
    *decoder = (struct blip_decoder){
        .shape = *shape, .image_tokens = image_tokens, .max_tokens = max_tokens};
    if (!parameters_get(parameters, "", WORD_EMBEDDINGS,
                        SHAPE(shape->vocabulary_size, shape->width), &decoder->word_embedding,
                        err) ||
        !parameters_get(parameters, "", EMBEDDINGS "position_embeddings.weight",
                        SHAPE(shape->max_positions, shape->width), &decoder->position_embedding,
                        err) ||
        !parameters_get_norm(parameters, "", EMBEDDINGS "LayerNorm", shape->width,
                             &decoder->embedding_gain, &decoder->embedding_shift, err))
        return false;
    decoder->layers = memory_alloc(shape->layers * sizeof *decoder->layers);
    for (size_t layer = 0; layer < shape->layers; layer++)
        if (!load_layer(&decoder->layers[layer], parameters, layer, shape, err)) return false;
    return load_head(decoder, parameters, err) && create_scratch(decoder, err);
}

void blip_decoder_clear(struct blip_decoder *decoder) {
    memory_free(decoder->layers);
    memory_free(decoder->memory);
    *decoder = (struct blip_decoder){0};
}

void blip_decoder_look(struct blip_decoder *decoder, struct compute *compute, size_t place,
                       const float *states) {
    size_t stride = 2 * decoder->shape.width, floats = image_kv_floats(decoder);
    float *kv = decoder->image_kv + place * decoder->shape.layers * floats;
    for (size_t i = 0; i < decoder->shape.layers; i++, kv += floats)
        layer_apply(compute, &decoder->layers[i].cross_kv,
                    (struct linear){.x = states,
                                    .rows = decoder->image_tokens,
                                    .x_stride = decoder->shape.image_width,
                                    .y = kv,
                                    .y_stride = stride});
}

// The tokens under way: one a caption.
struct step {
    struct blip_decoder *decoder;
    struct compute *compute;
    const struct decoder_input *inputs;
    size_t count;
    size_t position;
};

// y = layer(x) (+ residual)
static void apply(const struct step *step, const struct layer *layer, const float *x,
                  enum activation activation, const float *residual, float *y) {
    layer_apply(step->compute, layer,
                (struct linear){.x = x,
                                .rows = step->count,
                                .x_stride = layer->weight.inputs,
                                .activation = activation,
                                .residual = residual,
                                .y = y,
                                .y_stride = layer->weight.outputs});
}

static void normalize(const struct step *step, float *x, const float *gain, const float *shift) {
    layer_norm_f32(step->compute, x, step->count, step->decoder->shape.width, gain, shift,
                   step->decoder->shape.epsilon, x);
}

// What one caption's query finds among `count` keys, each with its value right behind it.
static void attend(const struct step *step, size_t row, const float *query, const float *kv,
                   size_t count) {
    size_t width = step->decoder->shape.width, heads = step->decoder->shape.heads;
    size_t head_size = width / heads;
    attention(step->compute, &(struct attention){.q = query,
                                                 .queries = 1,
                                                 .q_stride = width,
                                                 .k = kv,
                                                 .v = kv + width,
                                                 .keys = count,
                                                 .kv_stride = 2 * width,
                                                 .heads = heads,
                                                 .head_size = head_size,
                                                 .scale = 1.0f / sqrtf((float)head_size),
                                                 .out = step->decoder->attended + row * width,
                                                 .out_stride = width});
}

static void self_attention(const struct step *step, size_t number) {
    struct blip_decoder *decoder = step->decoder;
    const struct decoder_layer *layer = &decoder->layers[number];
    size_t width = decoder->shape.width, floats = past_kv_floats(decoder);
    apply(step, &layer->qkv, decoder->state, ACTIVATION_NONE, NULL, decoder->qkv);
    for (size_t row = 0; row < step->count; row++) {
        const float *qkv = decoder->qkv + row * 3 * width;
        size_t block = step->inputs[row].place * decoder->shape.layers + number;
        float *past = decoder->past_kv + block * floats;
        memcpy(past + step->position * 2 * width, qkv + width, 2 * width * sizeof *past);
        attend(step, row, qkv, past, step->position + 1);
    }
    apply(step, &layer->attended, decoder->attended, ACTIVATION_NONE, decoder->state,
          decoder->state);
    normalize(step, decoder->state, layer->attended_gain, layer->attended_shift);
}

static void cross_attention(const struct step *step, size_t number) {
    struct blip_decoder *decoder = step->decoder;
    const struct decoder_layer *layer = &decoder->layers[number];
    size_t width = decoder->shape.width, floats = image_kv_floats(decoder);
    apply(step, &layer->cross_q, decoder->state, ACTIVATION_NONE, NULL, decoder->qkv);
    for (size_t row = 0; row < step->count; row++) {
        size_t block = step->inputs[row].place * decoder->shape.layers + number;
        attend(step, row, decoder->qkv + row * width, decoder->image_kv + block * floats,
               decoder->image_tokens);
    }
    apply(step, &layer->cross_attended, decoder->attended, ACTIVATION_NONE, decoder->state,
          decoder->state);
    normalize(step, decoder->state, layer->cross_gain, layer->cross_shift);
}

void blip_decoder_step(struct blip_decoder *decoder, struct compute *compute,
                       const struct decoder_input *inputs, size_t count, size_t position) {
    const struct blip_decoder_shape *shape = &decoder->shape;
    const struct step step = {decoder, compute, inputs, count, position};
    size_t width = shape->width;
    float *x = decoder->state;
    assert(count <= BLIP_DECODER_PLACES);
    for (size_t row = 0; row < count; row++) {
        const float *word = decoder->word_embedding + (size_t)inputs[row].token * width;
        const float *place = decoder->position_embedding + position * width;
        for (size_t i = 0; i < width; i++) x[row * width + i] = word[i] + place[i];
    }
    normalize(&step, x, decoder->embedding_gain, decoder->embedding_shift);
    for (size_t i = 0; i < shape->layers; i++) {
        const struct decoder_layer *layer = &decoder->layers[i];
        self_attention(&step, i);
        cross_attention(&step, i);
        apply(&step, &layer->fc1, x, shape->activation, NULL, decoder->hidden);
        apply(&step, &layer->fc2, decoder->hidden, ACTIVATION_NONE, x, x);
        normalize(&step, x, layer->output_gain, layer->output_shift);
    }
    float *transformed = decoder->attended;
    apply(&step, &decoder->transform, x, shape->activation, NULL, transformed);
    normalize(&step, transformed, decoder->transform_gain, decoder->transform_shift);
    apply(&step, &decoder->head, transformed, ACTIVATION_NONE, NULL, decoder->logits);
}
