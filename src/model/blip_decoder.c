#include "model/blip_decoder.h"

#include <math.h>
#include <stdio.h>

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

static bool create_scratch(struct blip_decoder *decoder, struct error *err) {
    const struct blip_decoder_shape *shape = &decoder->shape;
    size_t image_floats = shape->layers * decoder->image_tokens * 2 * shape->width;
    size_t past_floats = shape->layers * decoder->max_tokens * 3 * shape->width;
    size_t floats =
        image_floats + past_floats + 3 * shape->width + shape->mlp_width + shape->vocabulary_size;
    decoder->memory = memory_try_aligned(floats, sizeof(float));
    if (decoder->memory == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for the caption decoder");
    decoder->image_kv = decoder->memory;
    decoder->past_qkv = decoder->image_kv + image_floats;
    decoder->state = decoder->past_qkv + past_floats;
    decoder->query = decoder->state + shape->width;
    decoder->attended = decoder->query + shape->width;
    decoder->hidden = decoder->attended + shape->width;
    decoder->logits = decoder->hidden + shape->mlp_width;
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

void blip_decoder_look(struct blip_decoder *decoder, struct compute *compute, const float *states) {
    size_t stride = 2 * decoder->shape.width;
    for (size_t i = 0; i < decoder->shape.layers; i++)
        layer_apply(compute, &decoder->layers[i].cross_kv,
                    (struct linear){.x = states,
                                    .rows = decoder->image_tokens,
                                    .x_stride = decoder->shape.image_width,
                                    .y = decoder->image_kv + i * decoder->image_tokens * stride,
                                    .y_stride = stride});
}

// y = layer(x) (+ residual) for the one token under way.
static void apply(struct compute *compute, const struct layer *layer, const float *x,
                  enum activation activation, const float *residual, float *y) {
    layer_apply(compute, layer,
                (struct linear){.x = x,
                                .rows = 1,
                                .x_stride = layer->weight.inputs,
                                .activation = activation,
                                .residual = residual,
                                .y = y,
                                .y_stride = layer->weight.outputs});
}

// What the query finds among `count` keys, each with its value right behind it.
static void attend(struct blip_decoder *decoder, struct compute *compute, const float *query,
                   const float *keys, size_t count, size_t stride) {
    size_t width = decoder->shape.width, head_size = width / decoder->shape.heads;
    attention_f32(compute, &(struct attention){.q = query,
                                               .queries = 1,
                                               .q_stride = width,
                                               .k = keys,
                                               .v = keys + width,
                                               .keys = count,
                                               .kv_stride = stride,
                                               .heads = decoder->shape.heads,
                                               .head_size = head_size,
                                               .scale = 1.0f / sqrtf((float)head_size),
                                               .out = decoder->attended,
                                               .out_stride = width});
}

static void self_attention(struct blip_decoder *decoder, struct compute *compute, size_t number,
                           size_t position) {
    const struct decoder_layer *layer = &decoder->layers[number];
    size_t width = decoder->shape.width, stride = 3 * width;
    float *past = decoder->past_qkv + number * decoder->max_tokens * stride;
    float *now = past + position * stride, *x = decoder->state;
    apply(compute, &layer->qkv, x, ACTIVATION_NONE, NULL, now);
    attend(decoder, compute, now, past + width, position + 1, stride);
    apply(compute, &layer->attended, decoder->attended, ACTIVATION_NONE, x, x);
    layer_norm_f32(compute, x, 1, width, layer->attended_gain, layer->attended_shift,
                   decoder->shape.epsilon, x);
}

static void cross_attention(struct blip_decoder *decoder, struct compute *compute, size_t number) {
    const struct decoder_layer *layer = &decoder->layers[number];
    size_t width = decoder->shape.width, stride = 2 * width;
    float *x = decoder->state;
    apply(compute, &layer->cross_q, x, ACTIVATION_NONE, NULL, decoder->query);
    attend(decoder, compute, decoder->query,
           decoder->image_kv + number * decoder->image_tokens * stride, decoder->image_tokens,
           stride);
    apply(compute, &layer->cross_attended, decoder->attended, ACTIVATION_NONE, x, x);
    layer_norm_f32(compute, x, 1, width, layer->cross_gain, layer->cross_shift,
                   decoder->shape.epsilon, x);
}

void blip_decoder_step(struct blip_decoder *decoder, struct compute *compute, int32_t token,
                       size_t position) {
    const struct blip_decoder_shape *shape = &decoder->shape;
    size_t width = shape->width;
    const float *word = decoder->word_embedding + (size_t)token * width;
    const float *place = decoder->position_embedding + position * width;
    float *x = decoder->state;
    for (size_t i = 0; i < width; i++) x[i] = word[i] + place[i];
    layer_norm_f32(compute, x, 1, width, decoder->embedding_gain, decoder->embedding_shift,
                   shape->epsilon, x);
    for (size_t i = 0; i < shape->layers; i++) {
        const struct decoder_layer *layer = &decoder->layers[i];
        self_attention(decoder, compute, i, position);
        cross_attention(decoder, compute, i);
        apply(compute, &layer->fc1, x, shape->activation, NULL, decoder->hidden);
        apply(compute, &layer->fc2, decoder->hidden, ACTIVATION_NONE, x, x);
        layer_norm_f32(compute, x, 1, width, layer->output_gain, layer->output_shift,
                       shape->epsilon, x);
    }
    apply(compute, &decoder->transform, x, shape->activation, NULL, decoder->query);
    layer_norm_f32(compute, decoder->query, 1, width, decoder->transform_gain,
                   decoder->transform_shift, shape->epsilon, decoder->query);
    apply(compute, &decoder->head, decoder->query, ACTIVATION_NONE, NULL, decoder->logits);
}
