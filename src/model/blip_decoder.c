#include "model/blip_decoder.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"

// One line a layer's tensor pair: where it goes, its name, its shape.
static bool load_layer(struct decoder_layer *layer, struct parameters *parameters, size_t number,
                       const struct blip_decoder_shape *shape, struct error *err) {
    size_t width = shape->width;
    const struct {
        const char *name;
        size_t outputs, inputs;
        struct weight_matrix *weight;
        const float **bias;
    } matrices[] = {
        {"attention.self.query", width, width, &layer->q, &layer->q_bias},
        {"attention.self.key", width, width, &layer->k, &layer->k_bias},
        {"attention.self.value", width, width, &layer->v, &layer->v_bias},
        {"attention.output.dense", width, width, &layer->attended, &layer->attended_bias},
        {"crossattention.self.query", width, width, &layer->cross_q, &layer->cross_q_bias},
        {"crossattention.self.key", width, shape->image_width, &layer->cross_k,
         &layer->cross_k_bias},
        {"crossattention.self.value", width, shape->image_width, &layer->cross_v,
         &layer->cross_v_bias},
        {"crossattention.output.dense", width, width, &layer->cross_attended,
         &layer->cross_attended_bias},
        {"intermediate.dense", shape->mlp_width, width, &layer->fc1, &layer->fc1_bias},
        {"output.dense", width, shape->mlp_width, &layer->fc2, &layer->fc2_bias},
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
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        if (!parameters_get_layer(parameters, prefix, matrices[i].name, matrices[i].outputs,
                                  matrices[i].inputs, matrices[i].weight, matrices[i].bias, err))
            return false;
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++)
        if (!parameters_get_pair(parameters, prefix, norms[i].name, SHAPE(width), norms[i].gain,
                                 norms[i].shift, err))
            return false;
    return true;
}

// The head's matrix is stored apart in the published file; where it is not, it is the word
// embeddings (tied). Its bias has two names for one storage.
static bool load_head(struct blip_decoder *decoder, struct parameters *parameters,
                      struct error *err) {
    static const char prefix[] = "text_decoder.cls.predictions.";
    size_t width = decoder->shape.width, vocabulary = decoder->shape.vocabulary_size;
    bool has_matrix = parameters_have(parameters, "text_decoder.cls.predictions.decoder.weight");
    bool has_bias = parameters_have(parameters, "text_decoder.cls.predictions.bias");
    const float *head = decoder->word_embedding;
    if (has_matrix &&
        !parameters_get(parameters, prefix, "decoder.weight", SHAPE(vocabulary, width), &head, err))
        return false;
    decoder->head = weight_matrix_f32(head, vocabulary, width);
    return parameters_get_layer(parameters, prefix, "transform.dense", width, width,
                                &decoder->transform, &decoder->transform_bias, err) &&
           parameters_get_pair(parameters, prefix, "transform.LayerNorm", SHAPE(width),
                               &decoder->transform_gain, &decoder->transform_shift, err) &&
           parameters_get(parameters, prefix, has_bias ? "bias" : "decoder.bias", SHAPE(vocabulary),
                          &decoder->head_bias, err);
}

static bool create_scratch(struct blip_decoder *decoder, struct error *err) {
    const struct blip_decoder_shape *shape = &decoder->shape;
    size_t image_floats = shape->layers * decoder->image_tokens * shape->width;
    size_t past_floats = shape->layers * decoder->max_tokens * shape->width;
    size_t floats = 2 * image_floats + 2 * past_floats + 3 * shape->width + shape->mlp_width +
                    shape->vocabulary_size;
    decoder->memory = memory_try_aligned(floats, sizeof(float));
    if (decoder->memory == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for the caption decoder");
    decoder->image_keys = decoder->memory;
    decoder->image_values = decoder->image_keys + image_floats;
    decoder->past_keys = decoder->image_values + image_floats;
    decoder->past_values = decoder->past_keys + past_floats;
    decoder->state = decoder->past_values + past_floats;
    decoder->query = decoder->state + shape->width;
    decoder->attended = decoder->query + shape->width;
    decoder->hidden = decoder->attended + shape->width;
    decoder->logits = decoder->hidden + shape->mlp_width;
    return true;
}

bool blip_decoder_load(struct blip_decoder *decoder, struct parameters *parameters,
                       const struct blip_decoder_shape *shape, size_t image_tokens,
                       size_t max_tokens, struct error *err) {
    static const char prefix[] = "text_decoder.bert.embeddings.";
    *decoder = (struct blip_decoder){
        .shape = *shape, .image_tokens = image_tokens, .max_tokens = max_tokens};
    if (!parameters_get(parameters, prefix, "word_embeddings.weight",
                        SHAPE(shape->vocabulary_size, shape->width), &decoder->word_embedding,
                        err) ||
        !parameters_get(parameters, prefix, "position_embeddings.weight",
                        SHAPE(shape->max_positions, shape->width), &decoder->position_embedding,
                        err) ||
        !parameters_get_pair(parameters, prefix, "LayerNorm", SHAPE(shape->width),
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
    size_t width = decoder->shape.width, image_width = decoder->shape.image_width;
    for (size_t i = 0; i < decoder->shape.layers; i++) {
        const struct decoder_layer *layer = &decoder->layers[i];
        struct linear call = {.x = states,
                              .rows = decoder->image_tokens,
                              .x_stride = image_width,
                              .w = &layer->cross_k,
                              .bias = layer->cross_k_bias,
                              .y = decoder->image_keys + i * decoder->image_tokens * width,
                              .y_stride = width};
        linear(compute, &call);
        call.w = &layer->cross_v;
        call.bias = layer->cross_v_bias;
        call.y = decoder->image_values + i * decoder->image_tokens * width;
        linear(compute, &call);
    }
}

// y = w · x + bias (+ residual) for the one token under way.
static void apply(struct compute *compute, const struct weight_matrix *w, const float *bias,
                  const float *x, enum activation activation, const float *residual, float *y) {
    linear(compute, &(struct linear){.x = x,
                                     .rows = 1,
                                     .x_stride = w->inputs,
                                     .w = w,
                                     .bias = bias,
                                     .activation = activation,
                                     .residual = residual,
                                     .y = y,
                                     .y_stride = w->outputs});
}

static void attend(struct blip_decoder *decoder, struct compute *compute, const float *keys,
                   const float *values, size_t count) {
    size_t width = decoder->shape.width, head_size = width / decoder->shape.heads;
    attention_f32(compute, &(struct attention){.q = decoder->query,
                                               .queries = 1,
                                               .q_stride = width,
                                               .k = keys,
                                               .v = values,
                                               .keys = count,
                                               .kv_stride = width,
                                               .heads = decoder->shape.heads,
                                               .head_size = head_size,
                                               .scale = 1.0f / sqrtf((float)head_size),
                                               .out = decoder->attended,
                                               .out_stride = width});
}

static void self_attention(struct blip_decoder *decoder, struct compute *compute, size_t number,
                           size_t position) {
    const struct decoder_layer *layer = &decoder->layers[number];
    size_t width = decoder->shape.width;
    float *keys = decoder->past_keys + number * decoder->max_tokens * width;
    float *values = decoder->past_values + number * decoder->max_tokens * width;
    float *x = decoder->state;
    apply(compute, &layer->q, layer->q_bias, x, ACTIVATION_NONE, NULL, decoder->query);
    apply(compute, &layer->k, layer->k_bias, x, ACTIVATION_NONE, NULL, keys + position * width);
    apply(compute, &layer->v, layer->v_bias, x, ACTIVATION_NONE, NULL, values + position * width);
    attend(decoder, compute, keys, values, position + 1);
    apply(compute, &layer->attended, layer->attended_bias, decoder->attended, ACTIVATION_NONE, x,
          x);
    layer_norm_f32(compute, x, 1, width, layer->attended_gain, layer->attended_shift,
                   decoder->shape.epsilon, x);
}

static void cross_attention(struct blip_decoder *decoder, struct compute *compute, size_t number) {
    const struct decoder_layer *layer = &decoder->layers[number];
    size_t width = decoder->shape.width, offset = number * decoder->image_tokens * width;
    float *x = decoder->state;
    apply(compute, &layer->cross_q, layer->cross_q_bias, x, ACTIVATION_NONE, NULL, decoder->query);
    attend(decoder, compute, decoder->image_keys + offset, decoder->image_values + offset,
           decoder->image_tokens);
    apply(compute, &layer->cross_attended, layer->cross_attended_bias, decoder->attended,
          ACTIVATION_NONE, x, x);
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
        apply(compute, &layer->fc1, layer->fc1_bias, x, shape->activation, NULL, decoder->hidden);
        apply(compute, &layer->fc2, layer->fc2_bias, decoder->hidden, ACTIVATION_NONE, x, x);
        layer_norm_f32(compute, x, 1, width, layer->output_gain, layer->output_shift,
                       shape->epsilon, x);
    }
    apply(compute, &decoder->transform, decoder->transform_bias, x, shape->activation, NULL,
          decoder->query);
    layer_norm_f32(compute, decoder->query, 1, width, decoder->transform_gain,
                   decoder->transform_shift, shape->epsilon, decoder->query);
    apply(compute, &decoder->head, decoder->head_bias, decoder->query, ACTIVATION_NONE, NULL,
          decoder->logits);
}
