#include "model/transformer_block.h"

#include <math.h>

#include "base/memory.h"

const struct block_names block_names_open_clip = {
    .norm1 = "ln_1",
    .norm2 = "ln_2",
    .qkv = {{"attn.in_proj_weight"}, {"attn.in_proj_bias"}},
    .projection = LAYER_NAMES("attn.out_proj"),
    .fc1 = LAYER_NAMES("mlp.c_fc"),
    .fc2 = LAYER_NAMES("mlp.c_proj"),
};

const struct block_names block_names_hugging_face = {
    .norm1 = "layer_norm1",
    .norm2 = "layer_norm2",
    .qkv = {{"self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"},
            {"self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias"}},
    .projection = LAYER_NAMES("self_attn.out_proj"),
    .fc1 = LAYER_NAMES("mlp.fc1"),
    .fc2 = LAYER_NAMES("mlp.fc2"),
};

const struct block_names block_names_blip_vision = {
    .norm1 = "layer_norm1",
    .norm2 = "layer_norm2",
    .qkv = LAYER_NAMES("self_attn.qkv"),
    .projection = LAYER_NAMES("self_attn.projection"),
    .fc1 = LAYER_NAMES("mlp.fc1"),
    .fc2 = LAYER_NAMES("mlp.fc2"),
};

bool block_weights_load(struct block_weights *block, struct parameters *parameters,
                        const char *prefix, const struct block_names *names,
                        const struct block_shape *shape, struct error *err) {
    size_t width = shape->width, mlp_width = shape->mlp_width;
    return parameters_get_layer(parameters, LAYER_OF_BLOCK, prefix, &names->qkv, 3 * width, width,
                                &block->qkv, err) &&
           parameters_get_norm(parameters, prefix, names->norm1, width, &block->norm1_gain,
                               &block->norm1_bias, err) &&
           parameters_get_norm(parameters, prefix, names->norm2, width, &block->norm2_gain,
                               &block->norm2_bias, err) &&
           parameters_get_layer(parameters, LAYER_OF_BLOCK, prefix, &names->projection, width,
                                width, &block->projection, err) &&
           parameters_get_layer(parameters, LAYER_OF_BLOCK, prefix, &names->fc1, mlp_width, width,
                                &block->fc1, err) &&
           parameters_get_layer(parameters, LAYER_OF_BLOCK, prefix, &names->fc2, width, mlp_width,
                                &block->fc2, err);
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
static void project_qkv(struct compute *compute, const struct layer *qkv, size_t width,
                        struct block_scratch *scratch, size_t tokens, size_t first, size_t rows) {
    size_t stride = 3 * width;
    struct linear call = {.x = scratch->normed,
                          .rows = tokens,
                          .x_stride = width,
                          .y = scratch->qkv,
                          .y_stride = stride};
    // Where the parts cannot be told apart in the packing, queries for all cost little.
    if (rows == tokens || width % WEIGHT_INT8_OUTPUTS != 0) {
        layer_apply(compute, qkv, call);
        return;
    }
    struct layer queries = layer_rows(qkv, 0, width), others = layer_rows(qkv, width, 2 * width);
    call.y = scratch->qkv + width;
    layer_apply(compute, &others, call);
    call.rows = rows;
    call.x = scratch->normed + first * width;
    call.y = scratch->qkv + first * stride;
    layer_apply(compute, &queries, call);
}

void block_forward(struct compute *compute, const struct block_weights *block,
                   const struct block_shape *shape, struct block_scratch *scratch, float *x,
                   size_t tokens, size_t first, size_t rows) {
    size_t width = shape->width, head_size = width / shape->heads;
    float *updated = x + first * width;  // [rows, width]

    layer_norm_f32(compute, x, tokens, width, block->norm1_gain, block->norm1_bias, shape->epsilon,
                   scratch->normed);
    project_qkv(compute, &block->qkv, width, scratch, tokens, first, rows);
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
    layer_apply(compute, &block->projection,
                (struct linear){.x = scratch->attended,
                                .rows = rows,
                                .x_stride = width,
                                .residual = updated,
                                .y = updated,
                                .y_stride = width});

    layer_norm_f32(compute, updated, rows, width, block->norm2_gain, block->norm2_bias,
                   shape->epsilon, scratch->normed);
    layer_apply(compute, &block->fc1,
                (struct linear){.x = scratch->normed,
                                .rows = rows,
                                .x_stride = width,
                                .activation = shape->activation,
                                .y = scratch->hidden,
                                .y_stride = shape->mlp_width});
    layer_apply(compute, &block->fc2,
                (struct linear){.x = scratch->hidden,
                                .rows = rows,
                                .x_stride = shape->mlp_width,
                                .residual = updated,
                                .y = updated,
                                .y_stride = width});
}
