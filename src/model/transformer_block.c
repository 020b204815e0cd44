#include "model/transformer_block.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum { LINE_FLOATS = MEMORY_CACHE_LINE / sizeof(float) };

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
    // An odd number of cache lines, so that neighbouring rows do not compete for the same places in
    // the L1 cache; usual widths are multiples of 4096 bytes, at which all rows would.
    scratch->hidden_stride = ((shape->mlp_width + LINE_FLOATS - 1) / LINE_FLOATS | 1) * LINE_FLOATS;
    // normed, three of qkv, attended, hidden; the config's limits keep this far from overflow.
    size_t floats = tokens * (5 * shape->width + scratch->hidden_stride);
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

static void layer_of_rows(struct compute *compute, const struct layer *layer, const float *x,
                          size_t rows, float *residual, float *y) {
    layer_apply(compute, layer,
                (struct linear){.x = x,
                                .rows = rows,
                                .x_stride = layer->weight.inputs,
                                .residual = residual,
                                .y = y,
                                .y_stride = layer->weight.outputs});
}

static void apply_mlp(struct compute *compute, const struct block_weights *block,
                      const struct block_shape *shape, const struct block_scratch *scratch,
                      size_t rows, float *x) {
    layer_apply(compute, &block->fc1,
                (struct linear){.x = scratch->normed,
                                .rows = rows,
                                .x_stride = shape->width,
                                .activation = shape->activation,
                                .y = scratch->hidden,
                                .y_stride = scratch->hidden_stride});
    layer_apply(compute, &block->fc2,
                (struct linear){.x = scratch->hidden,
                                .rows = rows,
                                .x_stride = scratch->hidden_stride,
                                .residual = x,
                                .y = x,
                                .y_stride = shape->width});
}

// Moves the rows to be updated to the top, each `stride` floats, of which `floats` count.
static void move_up(float *x, size_t stride, size_t floats, const struct token_sequence *sequences,
                    size_t count) {
    float *to = x;
    const float *sequence = x;
    for (size_t i = 0; i < count; i++) {
        const float *from = sequence + sequences[i].first * stride;
        for (size_t row = 0; row < sequences[i].rows; row++, from += stride, to += stride)
            if (to != from) memcpy(to, from, floats * sizeof *to);
        sequence += sequences[i].tokens * stride;
    }
}

// Keys and values of all tokens, each in its own row; queries of the rows to be updated, in the
// first rows. Leaves those rows of `normed` on top.
static void project_qkv(struct compute *compute, const struct layer *qkv, size_t width,
                        struct block_scratch *scratch, size_t tokens, size_t updated,
                        const struct token_sequence *sequences, size_t count) {
    size_t stride = 3 * width;
    bool is_whole = updated == tokens;
    // Where the parts cannot be told apart in the packing, queries for all cost little.
    if (is_whole || width % WEIGHT_INT8_OUTPUTS != 0) {
        layer_of_rows(compute, qkv, scratch->normed, tokens, NULL, scratch->qkv);
        if (!is_whole) move_up(scratch->qkv, stride, width, sequences, count);
        return;
    }
    struct layer queries = layer_rows(qkv, 0, width), others = layer_rows(qkv, width, 2 * width);
    struct linear call = {.x = scratch->normed,
                          .rows = tokens,
                          .x_stride = width,
                          .y = scratch->qkv + width,
                          .y_stride = stride};
    layer_apply(compute, &others, call);
    move_up(scratch->normed, width, width, sequences, count);
    call.rows = updated;
    call.y = scratch->qkv;
    layer_apply(compute, &queries, call);
}

static void attend(struct compute *compute, const struct block_shape *shape, bool is_narrow,
                   struct block_scratch *scratch, const struct token_sequence *sequences,
                   size_t count) {
    size_t width = shape->width, stride = 3 * width, head_size = width / shape->heads;
    const float *q = scratch->qkv, *qkv = scratch->qkv;
    float *out = scratch->attended;
    for (size_t i = 0; i < count; i++) {
        const struct token_sequence *sequence = &sequences[i];
        attention(
            compute,
            &(struct attention){
                .q = q,
                .queries = sequence->rows,
                .q_stride = stride,
                .k = qkv + width,
                .v = qkv + 2 * width,
                // A causal query sees nothing behind itself, so later rows are no keys.
                .keys = shape->is_causal ? sequence->first + sequence->rows : sequence->tokens,
                .kv_stride = stride,
                .heads = shape->heads,
                .head_size = head_size,
                .scale = 1.0f / sqrtf((float)head_size),
                .is_causal = shape->is_causal,
                .is_narrow = is_narrow,
                .out = out,
                .out_stride = width,
            });
        q += sequence->rows * stride;
        qkv += sequence->tokens * stride;
        out += sequence->rows * width;
    }
}

void block_forward(struct compute *compute, const struct block_weights *block,
                   const struct block_shape *shape, struct block_scratch *scratch, float *x,
                   const struct token_sequence *sequences, size_t count) {
    size_t width = shape->width, tokens = 0, rows = 0;
    for (size_t i = 0; i < count; i++) {
        tokens += sequences[i].tokens;
        rows += sequences[i].rows;
    }
    layer_norm_f32(compute, x, tokens, width, block->norm1_gain, block->norm1_bias, shape->epsilon,
                   scratch->normed);
    project_qkv(compute, &block->qkv, width, scratch, tokens, rows, sequences, count);
    attend(compute, shape, block->qkv.weight.type == WEIGHT_INT8, scratch, sequences, count);
    move_up(x, width, width, sequences, count);
    layer_of_rows(compute, &block->projection, scratch->attended, rows, x, x);
    layer_norm_f32(compute, x, rows, width, block->norm2_gain, block->norm2_bias, shape->epsilon,
                   scratch->normed);
    apply_mlp(compute, block, shape, scratch, rows, x);
}
