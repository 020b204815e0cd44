#include "model/transformer_block.h"

#include <math.h>

#include "base/memory.h"

const struct block_names block_names_open_clip = {
    .norm1 = "ln_1",
    .norm2 = "ln_2",
    .qkv_weight = "attn.in_proj_weight",
    .qkv_bias = "attn.in_proj_bias",
    .projection = "attn.out_proj",
    .fc1 = "mlp.c_fc",
    .fc2 = "mlp.c_proj",
};

const struct block_names block_names_hugging_face = {
    .norm1 = "layer_norm1",
    .norm2 = "layer_norm2",
    .q = "self_attn.q_proj",
    .k = "self_attn.k_proj",
    .v = "self_attn.v_proj",
    .projection = "self_attn.out_proj",
    .fc1 = "mlp.fc1",
    .fc2 = "mlp.fc2",
};

const struct block_names block_names_blip_vision = {
    .norm1 = "layer_norm1",
    .norm2 = "layer_norm2",
    .qkv_weight = "self_attn.qkv.weight",
    .qkv_bias = "self_attn.qkv.bias",
    .projection = "self_attn.projection",
    .fc1 = "mlp.fc1",
    .fc2 = "mlp.fc2",
};

static bool load_fused_qkv(struct block_weights *block, struct parameters *parameters,
                           const char *prefix, const struct block_names *names, size_t width,
                           struct error *err) {
    const float *qkv;
    if (!parameters_get(parameters, prefix, names->qkv_weight, SHAPE(3 * width, width), &qkv,
                        err) ||
        !parameters_get(parameters, prefix, names->qkv_bias, SHAPE(3 * width), &block->q_bias, err))
        return false;
    block->qkv = weight_matrix_f32(qkv, 3 * width, width);
    block->q = weight_matrix_rows(&block->qkv, 0, width);
    block->k = weight_matrix_rows(&block->qkv, width, width);
    block->v = weight_matrix_rows(&block->qkv, 2 * width, width);
    block->k_bias = block->q_bias + width;
    block->v_bias = block->k_bias + width;
    return true;
}

bool block_weights_load(struct block_weights *block, struct parameters *parameters,
                        const char *prefix, const struct block_names *names,
                        const struct block_shape *shape, struct error *err) {
    size_t width = shape->width, mlp_width = shape->mlp_width;
    struct shape vector = SHAPE(width);
    bool has_qkv = names->qkv_weight != NULL
                       ? load_fused_qkv(block, parameters, prefix, names, width, err)
                       : parameters_get_layer(parameters, prefix, names->q, width, width, &block->q,
                                              &block->q_bias, err) &&
                             parameters_get_layer(parameters, prefix, names->k, width, width,
                                                  &block->k, &block->k_bias, err) &&
                             parameters_get_layer(parameters, prefix, names->v, width, width,
                                                  &block->v, &block->v_bias, err);
    return has_qkv &&
           parameters_get_pair(parameters, prefix, names->norm1, vector, &block->norm1_gain,
                               &block->norm1_bias, err) &&
           parameters_get_pair(parameters, prefix, names->norm2, vector, &block->norm2_gain,
                               &block->norm2_bias, err) &&
           parameters_get_layer(parameters, prefix, names->projection, width, width,
                                &block->projection, &block->projection_bias, err) &&
           parameters_get_layer(parameters, prefix, names->fc1, mlp_width, width, &block->fc1,
                                &block->fc1_bias, err) &&
           parameters_get_layer(parameters, prefix, names->fc2, width, mlp_width, &block->fc2,
                                &block->fc2_bias, err);
}

bool block_scratch_init(struct block_scratch *scratch, const struct block_shape *shape,
                        size_t tokens, struct error *err) {
    // normed, three of qkv, attended, hidden; the config's limits keep this far from overflow.
    size_t floats = tokens * (5 * shape->width + shape->mlp_width);
    scratch->memory = memory_try_aligned(floats, sizeof(float));
    if (scratch->memory == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for %zu tokens of a model", tokens);
    scratch->normed = scratch->memory;
    scratch->qkv = scratch->normed + tokens * shape->width;
    scratch->attended = scratch->qkv + 3 * tokens * shape->width;
    scratch->hidden = scratch->attended + tokens * shape->width;
    return true;
}

void block_scratch_clear(struct block_scratch *scratch) {
    memory_free(scratch->memory);
    *scratch = (struct block_scratch){0};
}

// Queries for `rows` tokens from `first` on, keys and values for all.
static void project_qkv(struct compute *compute, const struct block_weights *block, size_t width,
                        struct block_scratch *scratch, size_t tokens, size_t first, size_t rows) {
    size_t stride = 3 * width;
    bool is_fused = block->qkv.outputs > 0;
    struct linear call = {.x = scratch->normed,
                          .rows = tokens,
                          .x_stride = width,
                          .w = &block->qkv,
                          .bias = block->q_bias,
                          .y = scratch->qkv,
                          .y_stride = stride};
    if (is_fused && rows == tokens) {
        linear(compute, &call);
        return;
    }
    struct weight_matrix keys = block->k;
    if (is_fused) keys = weight_matrix_rows(&block->qkv, width, 2 * width);  // and values
    call.w = &keys;
    call.bias = block->k_bias;
    call.y = scratch->qkv + width;
    linear(compute, &call);
    if (!is_fused) {
        call.w = &block->v;
        call.bias = block->v_bias;
        call.y = scratch->qkv + 2 * width;
        linear(compute, &call);
    }
    call.rows = rows;
    call.x = scratch->normed + first * width;
    call.w = &block->q;
    call.bias = block->q_bias;
    call.y = scratch->qkv + first * stride;
    linear(compute, &call);
}

void block_forward(struct compute *compute, const struct block_weights *block,
                   const struct block_shape *shape, struct block_scratch *scratch, float *x,
                   size_t tokens, size_t first, size_t rows) {
    size_t width = shape->width, head_size = width / shape->heads;
    float *updated = x + first * width;  // [rows, width]

    layer_norm_f32(compute, x, tokens, width, block->norm1_gain, block->norm1_bias, shape->epsilon,
                   scratch->normed);
    project_qkv(compute, block, width, scratch, tokens, first, rows);
    attention_f32(compute, &(struct attention){
                               .q = scratch->qkv + first * 3 * width,
                               .queries = rows,
                               .q_stride = 3 * width,
                               .k = scratch->qkv + width,
                               .v = scratch->qkv + 2 * width,
                               // A causal query sees nothing behind itself, so later rows are
                               // no keys for it.
                               .keys = shape->is_causal ? first + rows : tokens,
                               .kv_stride = 3 * width,
                               .heads = shape->heads,
                               .head_size = head_size,
                               .scale = 1.0f / sqrtf((float)head_size),
                               .is_causal = shape->is_causal,
                               .out = scratch->attended,
                               .out_stride = width,
                           });
    linear(compute, &(struct linear){.x = scratch->attended,
                                     .rows = rows,
                                     .x_stride = width,
                                     .w = &block->projection,
                                     .bias = block->projection_bias,
                                     .residual = updated,
                                     .y = updated,
                                     .y_stride = width});

    layer_norm_f32(compute, updated, rows, width, block->norm2_gain, block->norm2_bias,
                   shape->epsilon, scratch->normed);
    linear(compute, &(struct linear){.x = scratch->normed,
                                     .rows = rows,
                                     .x_stride = width,
                                     .w = &block->fc1,
                                     .bias = block->fc1_bias,
                                     .activation = shape->activation,
                                     .y = scratch->hidden,
                                     .y_stride = shape->mlp_width});
    linear(compute, &(struct linear){.x = scratch->hidden,
                                     .rows = rows,
                                     .x_stride = shape->mlp_width,
                                     .w = &block->fc2,
                                     .bias = block->fc2_bias,
                                     .residual = updated,
                                     .y = updated,
                                     .y_stride = width});
}
