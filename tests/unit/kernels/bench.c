// Times the shapes of the models. Before each run other memory is swept through the caches, so that
// weights come from memory as they do in a model that does not fit there. On a shared machine the
// best run tells what the kernels can do, the median what they got.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tier_tests.h"

enum { RUNS = 15, SWEEP_BYTES = 64 * 1024 * 1024 };

struct shape {
    const char *name;
    size_t rows;
    size_t inputs;
    size_t outputs;
    enum activation activation;
};

static const struct shape shapes[] = {
    {"BLIP vision qkv", 577, 768, 2304, ACTIVATION_NONE},
    {"BLIP vision projection", 577, 768, 768, ACTIVATION_NONE},
    {"BLIP vision mlp up", 577, 768, 3072, ACTIVATION_GELU},
    {"BLIP vision mlp down", 577, 3072, 768, ACTIVATION_NONE},
    {"ViT-B/16 projection", 197, 768, 768, ACTIVATION_NONE},
    {"ViT-B/16 mlp up", 197, 768, 3072, ACTIVATION_GELU},
    {"ViT-B/16 mlp down", 197, 3072, 768, ACTIVATION_NONE},
    {"CLIP image qkv", 50, 768, 2304, ACTIVATION_NONE},
    {"CLIP image projection", 50, 768, 768, ACTIVATION_NONE},
    {"CLIP image mlp up", 50, 768, 3072, ACTIVATION_GELU},
    {"CLIP image mlp down", 50, 3072, 768, ACTIVATION_NONE},
    {"CLIP text 77 qkv", 77, 512, 1536, ACTIVATION_NONE},
    {"CLIP text 16 mlp up", 16, 512, 2048, ACTIVATION_GELU},
    {"CLIP text 9 qkv", 9, 512, 1536, ACTIVATION_NONE},
    {"CLIP text 9 projection", 9, 512, 512, ACTIVATION_NONE},
    {"CLIP text 9 mlp up", 9, 512, 2048, ACTIVATION_GELU},
    {"CLIP text 9 mlp down", 9, 2048, 512, ACTIVATION_NONE},
    {"CLIP text 2 mlp up", 2, 512, 2048, ACTIVATION_GELU},
    {"BLIP decoder qkv", 1, 768, 768, ACTIVATION_NONE},
    {"BLIP decoder mlp up", 1, 768, 3072, ACTIVATION_GELU},
    {"BLIP decoder mlp down", 1, 3072, 768, ACTIVATION_NONE},
    {"BLIP decoder head", 1, 768, 30524, ACTIVATION_NONE},
};

static int compare_times(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static float *floats_create(size_t count) {
    float *floats = malloc(count * sizeof *floats);
    for (size_t i = 0; i < count; i++) floats[i] = (float)(i % 251) / 251.0F - 0.5F;
    return floats;
}

static volatile unsigned char sink;

// Reads other memory, so that nothing of the last run is left in the caches.
static void sweep(const unsigned char *memory) {
    unsigned char sum = 0;
    for (size_t i = 0; i < SWEEP_BYTES; i += 64) sum = (unsigned char)(sum + memory[i]);
    sink = sum;
}

typedef void bench_run(struct compute *compute, const void *call);

static void run_linear(struct compute *compute, const void *call) { linear(compute, call); }
static void run_attention(struct compute *compute, const void *call) { attention(compute, call); }

struct timing {
    double median_ms;
    double best_ms;
};

static struct timing measure(struct compute *compute, bench_run *run, const void *call,
                             const unsigned char *memory) {
    int64_t times[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        sweep(memory);
        int64_t started = clock_monotonic_ns();
        run(compute, call);
        times[i] = clock_monotonic_ns() - started;
    }
    qsort(times, RUNS, sizeof *times, compare_times);
    return (struct timing){.median_ms = (double)times[RUNS / 2] / 1e6,
                           .best_ms = (double)times[0] / 1e6};
}

// A copy of w in another type, in memory of its own.
static struct weight_matrix matrix_create(enum weight_type type, const float *w, size_t outputs,
                                          size_t inputs) {
    if (type == WEIGHT_F32) return weight_matrix_f32(w, outputs, inputs);
    if (type == WEIGHT_F16) {
        return weight_matrix_pack_f16(w, outputs, inputs,
                                      malloc(outputs * inputs * sizeof(uint16_t)));
    }
    struct weight_int8_size size = weight_matrix_int8_size(outputs, inputs);
    return weight_matrix_pack_int8(w, outputs, inputs, aligned_alloc(64, size.int8),
                                   malloc(size.scales * sizeof(float)),
                                   malloc(size.scales * sizeof(int32_t)));
}

static void matrix_destroy(struct weight_matrix *matrix) {
    free((void *)matrix->f16);
    free((void *)matrix->int8);
    free((void *)matrix->scales);
    free((void *)matrix->sums);
}

static void bench_linear(struct compute *compute, const struct shape *shape, enum weight_type type,
                         const unsigned char *memory) {
    float *w = floats_create(shape->outputs * shape->inputs);
    struct weight_matrix matrix = matrix_create(type, w, shape->outputs, shape->inputs);
    struct linear l = {.rows = shape->rows,
                       .x_stride = shape->inputs,
                       .w = &matrix,
                       .activation = shape->activation,
                       .y_stride = shape->outputs};
    float *x = floats_create(l.rows * matrix.inputs);
    float *bias = floats_create(matrix.outputs);
    float *y = floats_create(l.rows * matrix.outputs);
    l.x = x;
    l.bias = bias;
    l.y = y;
    struct timing ms = measure(compute, run_linear, &l, memory);
    double multiplications = (double)l.rows * (double)matrix.inputs * (double)matrix.outputs;
    static const double weight_bytes[] = {[WEIGHT_F32] = 4, [WEIGHT_F16] = 2, [WEIGHT_INT8] = 1};
    static const char *const names[] = {
        [WEIGHT_F32] = "f32", [WEIGHT_F16] = "f16", [WEIGHT_INT8] = "int8"};
    double bytes = weight_bytes[type] * (double)matrix.inputs * (double)matrix.outputs;
    (void)printf("%-23s %-4s %3zu x %4zu -> %5zu %8.3f ms, best %8.3f: %5.0f GFLOP/s, %4.1f GB/s\n",
                 shape->name, names[type], l.rows, matrix.inputs, matrix.outputs, ms.median_ms,
                 ms.best_ms, 2e-6 * multiplications / ms.best_ms, 1e-6 * bytes / ms.best_ms);
    free(x);
    matrix_destroy(&matrix);
    free(w);
    free(bias);
    free(y);
}

static void bench_attention(struct compute *compute, const char *name, size_t queries, size_t keys,
                            size_t heads, bool is_causal, bool is_narrow,
                            const unsigned char *memory) {
    size_t width = heads * 64;
    struct attention a = {.queries = queries,
                          .q_stride = width,
                          .keys = keys,
                          .kv_stride = width,
                          .heads = heads,
                          .head_size = 64,
                          .scale = 0.125F,
                          .is_causal = is_causal,
                          .is_narrow = is_narrow,
                          .out_stride = width};
    float *q = floats_create(queries * width);
    float *k = floats_create(keys * width);
    float *v = floats_create(keys * width);
    float *out = floats_create(queries * width);
    a.q = q;
    a.k = k;
    a.v = v;
    a.out = out;
    struct timing ms = measure(compute, run_attention, &a, memory);
    double multiplications = 2.0 * (double)queries * (double)keys * (double)width;
    (void)printf("%-23s %-4s %3zu queries, %3zu keys %8.3f ms, best %8.3f: %5.0f GFLOP/s\n", name,
                 is_narrow ? "i16" : "f32", queries, keys, ms.median_ms, ms.best_ms,
                 2e-6 * multiplications / ms.best_ms);
    free(q);
    free(k);
    free(v);
    free(out);
}

void bench_kernels(struct compute *compute) {
    unsigned char *memory = malloc(SWEEP_BYTES);
    memset(memory, 1, SWEEP_BYTES);
    (void)printf("%s, %s kernels, %zu threads, median and best of %d runs\n", cpu_name(),
                 kernel_tier_name(compute_tier(compute)), compute_threads(compute), RUNS);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        bench_linear(compute, &shapes[i], WEIGHT_F32, memory);
        bench_linear(compute, &shapes[i], WEIGHT_F16, memory);
        bench_linear(compute, &shapes[i], WEIGHT_INT8, memory);
    }
    bench_attention(compute, "BLIP vision attention", 577, 577, 12, false, false, memory);
    bench_attention(compute, "BLIP vision attention", 577, 577, 12, false, true, memory);
    bench_attention(compute, "CLIP image attention", 50, 50, 12, false, false, memory);
    bench_attention(compute, "CLIP image attention", 50, 50, 12, false, true, memory);
    bench_attention(compute, "CLIP text attention", 9, 9, 8, true, false, memory);
    bench_attention(compute, "BLIP cross-attention", 1, 577, 12, false, false, memory);
    free(memory);
}
