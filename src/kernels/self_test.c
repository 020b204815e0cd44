// Sizes have a part for every way through the tiers: whole registers and what is left over, whole
// panels and columns beside them, rows for both ways of linear().
#include "kernels/self_test.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    FEW_ROWS = 5,
    MANY_ROWS = 131,  // above the panel_min_rows of every tier
    INPUTS = 67,
    OUTPUTS = 45,
    INT8_INPUTS = 68,   // rounded up as the packing has it
    INT8_OUTPUTS = 48,  // likewise
    ACTIVATIONS = 3,

    HEADS = 2,
    HEAD_SIZE = 40,
    QUERIES = 33,
    KEYS = 47,
    STATE_WIDTH = HEADS * HEAD_SIZE,

    RESULTS_MAX = MANY_ROWS * OUTPUTS * ACTIVATIONS,

    TAPS = 5,
    PIXELS = 147,  // of a row that is weighed
    TURNED_ROWS = 35,
    TURNED_COLUMNS = 50,

    CODE_WIDTH = 192,
};

// Ten times what the tiers differ by, taking sums in another order, and ten times what 16 bits are
// exact to.
#define TOLERANCE 2e-5f
#define NARROW_TOLERANCE 5e-3f

struct samples {
    float x[MANY_ROWS * INPUTS];
    float weights[OUTPUTS * INPUTS];
    float input_scale[INPUTS];
    float bias[INPUTS];
    float residual[MANY_ROWS * OUTPUTS];
    float q[QUERIES * STATE_WIDTH], k[KEYS * STATE_WIDTH], v[KEYS * STATE_WIDTH];
    uint16_t f16[OUTPUTS * INPUTS];
    int8_t int8[INT8_OUTPUTS * INT8_INPUTS];
    float scales[INT8_OUTPUTS];
    int32_t sums[INT8_OUTPUTS];
    struct weight_matrix matrices[3];  // by weight_type
};

struct operation {
    const char *name;
    // Writes up to RESULTS_MAX results and returns their count.
    size_t (*run)(const struct operation *operation, struct compute *compute,
                  const struct samples *samples, float *results);
    size_t rows;  // of linear; queries of attention
    enum weight_type type;
    bool is_causal, is_narrow;
};

static size_t run_linear(const struct operation *operation, struct compute *compute,
                         const struct samples *samples, float *results) {
    size_t count = operation->rows * OUTPUTS;
    for (size_t activation = 0; activation < ACTIVATIONS; activation++) {
        linear(compute, &(struct linear){.x = samples->x,
                                         .rows = operation->rows,
                                         .x_stride = INPUTS,
                                         .w = &samples->matrices[operation->type],
                                         .bias = samples->bias,
                                         .activation = (enum activation)activation,
                                         .residual = samples->residual,
                                         .y = results + activation * count,
                                         .y_stride = OUTPUTS});
    }
    return ACTIVATIONS * count;
}

static size_t run_attention(const struct operation *operation, struct compute *compute,
                            const struct samples *samples, float *results) {
    attention(compute, &(struct attention){.q = samples->q,
                                           .queries = operation->rows,
                                           .q_stride = STATE_WIDTH,
                                           .k = samples->k,
                                           .v = samples->v,
                                           .keys = KEYS,
                                           .kv_stride = STATE_WIDTH,
                                           .heads = HEADS,
                                           .head_size = HEAD_SIZE,
                                           .scale = 0.5f,
                                           .is_causal = operation->is_causal,
                                           .is_narrow = operation->is_narrow,
                                           .out = results,
                                           .out_stride = STATE_WIDTH});
    return operation->rows * STATE_WIDTH;
}

static size_t run_layer_norm(const struct operation *operation, struct compute *compute,
                             const struct samples *samples, float *results) {
    layer_norm_f32(compute, samples->x, operation->rows, INPUTS, samples->input_scale,
                   samples->bias, 1e-5f, results);
    return operation->rows * INPUTS;
}

static size_t run_dot(const struct operation *operation, struct compute *compute,
                      const struct samples *samples, float *results) {
    for (size_t row = 0; row < operation->rows; row++)
        results[row] = dot_f32(compute, samples->x + row * INPUTS, samples->weights, INPUTS);
    return operation->rows;
}

static size_t run_choice(const struct operation *operation, struct compute *compute,
                         const struct samples *samples, float *results) {
    for (size_t row = 0; row < operation->rows; row++)
        results[2 * row] = (float)argmax_softmax_f32(compute, samples->x + row * INPUTS, INPUTS,
                                                     &results[2 * row + 1]);
    return 2 * operation->rows;
}

static const struct operation operations[] = {
    {"few rows times f32 weights", run_linear, .rows = FEW_ROWS, .type = WEIGHT_F32},
    {"many rows times f32 weights", run_linear, .rows = MANY_ROWS, .type = WEIGHT_F32},
    {"few rows times f16 weights", run_linear, .rows = FEW_ROWS, .type = WEIGHT_F16},
    {"many rows times f16 weights", run_linear, .rows = MANY_ROWS, .type = WEIGHT_F16},
    {"few rows times int8 weights", run_linear, .rows = FEW_ROWS, .type = WEIGHT_INT8},
    {"many rows times int8 weights", run_linear, .rows = MANY_ROWS, .type = WEIGHT_INT8},
    {"attention of one query", run_attention, .rows = 1},
    {"attention of many queries", run_attention, .rows = QUERIES},
    {"causal attention", run_attention, .rows = QUERIES, .is_causal = true},
    {"attention in 16 bits", run_attention, .rows = QUERIES, .is_narrow = true},
    {"layer norm", run_layer_norm, .rows = FEW_ROWS},
    {"dot products", run_dot, .rows = FEW_ROWS},
    {"the choice of a token", run_choice, .rows = FEW_ROWS},
};

static uint32_t random_number(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;  // Numerical Recipes' generator
    return *state >> 8;
}

static void draw(float *numbers, size_t count, uint32_t *state) {  // -1 … 1
    for (size_t i = 0; i < count; i++)
        numbers[i] = (float)random_number(state) / (float)(1u << 23) - 1.0f;
}

static struct samples *samples_create(void) {
    struct samples *samples = memory_alloc(sizeof *samples);
    uint32_t state = 1;
    draw(samples->x, MANY_ROWS * INPUTS, &state);
    draw(samples->weights, OUTPUTS * INPUTS, &state);
    draw(samples->input_scale, INPUTS, &state);
    draw(samples->bias, INPUTS, &state);
    draw(samples->residual, MANY_ROWS * OUTPUTS, &state);
    draw(samples->q, QUERIES * STATE_WIDTH, &state);
    draw(samples->k, KEYS * STATE_WIDTH, &state);
    draw(samples->v, KEYS * STATE_WIDTH, &state);
    samples->matrices[WEIGHT_F32] = weight_matrix_f32(samples->weights, OUTPUTS, INPUTS);
    samples->matrices[WEIGHT_F16] =
        weight_matrix_pack_f16(samples->weights, OUTPUTS, INPUTS, samples->f16);
    samples->matrices[WEIGHT_INT8] = weight_matrix_pack_int8(
        samples->weights, OUTPUTS, INPUTS, samples->int8, samples->scales, samples->sums);
    samples->matrices[WEIGHT_INT8].input_scale = samples->input_scale;
    return samples;
}

bool self_test_compute(struct compute *compute, const char **operation) {
    struct kernels truth = *kernels_of_tier(KERNEL_SCALAR);
    struct compute scalar = *compute;
    truth.int8_byte_maximum = compute->kernels->int8_byte_maximum;
    scalar.kernels = &truth;
    struct samples *samples = samples_create();
    float *results = memory_alloc(RESULTS_MAX * sizeof *results);
    float *expected = memory_alloc(RESULTS_MAX * sizeof *expected);
    bool is_right = true;
    for (size_t i = 0; is_right && i < sizeof operations / sizeof *operations; i++) {
        *operation = operations[i].name;
        size_t count = operations[i].run(&operations[i], compute, samples, results);
        (void)operations[i].run(&operations[i], &scalar, samples, expected);
        float tolerance = operations[i].is_narrow ? NARROW_TOLERANCE : TOLERANCE;
        for (size_t j = 0; is_right && j < count; j++)
            is_right = fabsf(results[j] - expected[j]) <= tolerance;  // false for NaN
    }
    memory_free(samples);
    memory_free(results);
    memory_free(expected);
    return is_right;
}

bool self_test_resample(const struct resample_kernels *kernels, const char **operation) {
    // They add up to one, and overshoot at both ends.
    static const int32_t one = 1 << RESAMPLE_WEIGHT_BITS;
    static const int32_t weights[TAPS] = {one / 2, -one / 4, one, -one / 2, one / 4};
    const struct resample_kernels *scalar = resample_kernels_of_tier(KERNEL_SCALAR);
    uint8_t rows[TURNED_ROWS * TURNED_COLUMNS];
    uint8_t results[sizeof rows], expected[sizeof rows];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof rows; i++) rows[i] = (uint8_t)random_number(&state);
    *operation = "weighing rows of a picture";
    kernels->rows_weigh(rows, PIXELS, weights, TAPS, PIXELS, results);
    scalar->rows_weigh(rows, PIXELS, weights, TAPS, PIXELS, expected);
    if (memcmp(results, expected, PIXELS) != 0) return false;
    *operation = "turning a picture";
    kernels->matrix_turn(rows, TURNED_COLUMNS, TURNED_ROWS, TURNED_COLUMNS, results, TURNED_ROWS);
    scalar->matrix_turn(rows, TURNED_COLUMNS, TURNED_ROWS, TURNED_COLUMNS, expected, TURNED_ROWS);
    return memcmp(results, expected, sizeof rows) == 0;
}

static void draw_codes(uint8_t *codes, uint8_t *entries, int8_t *row, int16_t *query,
                       float *factors) {
    uint32_t state = 1;
    for (size_t i = 0; i < CODES_BLOCK_ROWS * CODE_WIDTH / 8; i++)
        codes[i] = (uint8_t)random_number(&state);
    for (size_t i = 0; i < CODES_PATTERNS * CODE_WIDTH / 4; i++)
        entries[i] = (uint8_t)(random_number(&state) % (CODES_ENTRY_MAXIMUM + 1));
    for (size_t i = 0; i < CODE_WIDTH; i++) {
        row[i] = (int8_t)(random_number(&state) % 255 - 127);
        query[i] = (int16_t)(random_number(&state) % 32767 - 16383);
    }
    draw(factors, CODES_BLOCK_ROWS, &state);
}

bool self_test_codes(const struct code_kernels *kernels, const char **operation) {
    const struct code_kernels *scalar = code_kernels_of_tier(KERNEL_SCALAR);
    uint8_t codes[CODES_BLOCK_ROWS * CODE_WIDTH / 8], entries[CODES_PATTERNS * CODE_WIDTH / 4];
    uint16_t sums[CODES_BLOCK_ROWS], expected[CODES_BLOCK_ROWS];
    int8_t row[CODE_WIDTH];
    int16_t query[CODE_WIDTH];
    float factors[CODES_BLOCK_ROWS];
    draw_codes(codes, entries, row, query, factors);
    *operation = "adding up codes of vectors";
    kernels->block_sum(codes, entries, CODE_WIDTH / 8, sums);
    scalar->block_sum(codes, entries, CODE_WIDTH / 8, expected);
    if (memcmp(sums, expected, sizeof sums) != 0) return false;
    *operation = "choosing among vectors";
    for (int least = -3; least <= 3; least++)
        if (kernels->block_select(sums, factors, 0.25f, -180, (float)least) !=
            scalar->block_select(sums, factors, 0.25f, -180, (float)least))
            return false;
    *operation = "products of vectors' bytes";
    return kernels->row_multiply(row, query, CODE_WIDTH) ==
           scalar->row_multiply(row, query, CODE_WIDTH);
}

_Static_assert(TAPS *PIXELS <= TURNED_ROWS * TURNED_COLUMNS, "one picture serves both");
_Static_assert(RESULTS_MAX >= QUERIES * STATE_WIDTH, "attention's results fit");
