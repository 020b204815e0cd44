// The arithmetic of the models in fp32. All matrices are row-major. No function allocates; each
// takes its scratch from the `compute` it is given. One thread at a time may use a compute: the
// engine's worker. Results do not depend on the number of threads; between tiers they differ by
// rounding only (sums are taken in another order).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/thread_pool.h"
#include "kernels/cpu_features.h"
#include "kernels/weight_matrix.h"

// A tier's primitives and the scratch and threads to run them with.
struct compute;

// Picks the best tier the processor supports, or the one named (NULL: environment variable
// IMGROUTER_KERNELS, else the best), and proves it once (self_test.h). Errors: ERROR_USAGE for an
// unknown name, ERROR_UNSUPPORTED when the processor lacks it or computes it wrongly. threads 0:
// all that this process may use.
struct compute *compute_create(const char *tier, size_t threads, struct error *err);
void compute_destroy(struct compute *compute);
enum kernel_tier compute_tier(const struct compute *compute);
// The tier that would have been picked but computed wrongly; NULL: none.
const char *compute_failed_tier(const struct compute *compute);
size_t compute_threads(const struct compute *compute);
// Whether layers of int8 are faster than those of f32 on this tier. Where the processor has no dot
// product of bytes but wide floats, they are not.
bool compute_gains_by_int8(const struct compute *compute);

enum activation { ACTIVATION_NONE, ACTIVATION_GELU, ACTIVATION_QUICK_GELU };

// y = activation(x · wᵀ + bias) + residual
struct linear {
    const float *x;  // [rows, inputs], rows x_stride apart
    size_t rows;
    size_t x_stride;                // in floats, >= inputs
    const struct weight_matrix *w;  // tells inputs and outputs
    const float *bias;              // [outputs] or NULL
    enum activation activation;
    const float *residual;  // [rows, outputs], rows y_stride apart, or NULL; may be y itself
    float *y;               // [rows, outputs], rows y_stride apart
    size_t y_stride;        // in floats, >= outputs
};
void linear(struct compute *compute, const struct linear *call);

// out = softmax(q · kᵀ · scale) · v for every head. Head h of a row begins at h * head_size.
// With is_causal, query i sees keys 0 … i + (keys - queries).
struct attention {
    const float *q;  // [queries, heads * head_size], rows q_stride apart
    size_t queries;
    size_t q_stride;
    const float *k;  // [keys, heads * head_size], rows kv_stride apart; v likewise
    const float *v;
    size_t keys;
    size_t kv_stride;
    size_t heads;
    size_t head_size;  // at most ATTENTION_MAX_HEAD_SIZE
    float scale;       // more than 0
    bool is_causal;
    // Beside layers of 8 bits: may be computed in 16, which moves `out` by some 1e-3 of it.
    bool is_narrow;
    float *out;  // [queries, heads * head_size], rows out_stride apart
    size_t out_stride;
};
enum { ATTENTION_MAX_HEAD_SIZE = 256 };
void attention(struct compute *compute, const struct attention *attention);

// y = (x - mean) / sqrt(variance + epsilon) * gain + bias, for each of the rows. y may be x.
void layer_norm_f32(struct compute *compute, const float *x, size_t rows, size_t width,
                    const float *gain, const float *bias, float epsilon, float *y);

// Serial primitives, on the calling thread; any number of threads at once.
float dot_f32(const struct compute *compute, const float *a, const float *b, size_t count);
// Divides by the Euclidean length; false when the length is zero or not finite.
bool normalize_f32(const struct compute *compute, float *vector, size_t count);
// Index of the largest of `count` logits (the first of equals; never a NaN unless all are), and its
// probability under softmax. With a NaN or +inf among them the probability is 0; -inf is an
// ordinary impossible choice.
size_t argmax_softmax_f32(const struct compute *compute, const float *logits, size_t count,
                          float *probability);
// scores[i] = rows[i] · query for many rows: the vector scan. rows is [count, width].
void dot_rows_f32(const struct compute *compute, const float *rows, size_t count, size_t width,
                  const float *query, float *scores);
