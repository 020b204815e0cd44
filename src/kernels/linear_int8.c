// x · wᵀ with weights of int8. First every row of x becomes bytes with a scale and a zero point of
// its own, done once and shared by the threads; then each task multiplies all rows with a few
// blocks of outputs. What lies there is one packing, so few rows and many take the same way: the
// weights of a task are read from memory by the first tile of rows and from the cache by the rest.
//
// With x = scale * (byte - zero_point) and w = weight_scale * int8, the sum over the inputs is
// scale * weight_scale * (Σ byte * int8 - zero_point * Σ int8), all integers until the end.
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels_internal.h"

enum {
    CACHE_LINE = 64,  // bytes
    // Below these, waking the others costs more than it saves.
    SERIAL_MULTIPLICATIONS = 64 * 1024,
    SERIAL_ELEMENTS = 16 * 1024,
    QUANTIZE_ELEMENTS = 16 * 1024,  // of one task
    TASK_BYTES = 64 * 1024,         // of weights, where the rows are few
    TASKS_PER_THREAD = 4,           // at least, so that none waits long for another
};

struct int8_job {
    const struct compute *compute;
    const struct linear *call;
    size_t start;  // rows [start, end) of x are under way
    size_t end;
    size_t bytes_stride;
    size_t rows_per_task;  // of quantising
    size_t panels;         // of int8_blocks each
    size_t panels_per_task;
    size_t tasks;  // of multiplying
};

static size_t minimum(size_t a, size_t b) { return a < b ? a : b; }
static size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }

// A row with a number that is not finite gets NaN for a scale: all its results become NaN.
static void quantize_row(const struct int8_job *job, size_t row) {
    const struct kernels *kernels = job->compute->kernels;
    const struct weight_matrix *w = job->call->w;
    struct quantized_rows *quantized = job->compute->quantized;
    const float *x = job->call->x + (job->start + row) * job->call->x_stride;
    uint8_t *bytes = quantized->bytes + row * job->bytes_stride;
    float low;
    float high;
    bool is_finite = kernels->row_range(x, w->input_scale, w->inputs, &low, &high);
    float maximum = (float)kernels->int8_byte_maximum;
    float scale = high / maximum - low / maximum;
    // Below FLT_MIN its inverse would not be finite, and the numbers are as good as zeros.
    bool has_values = is_finite && scale >= FLT_MIN;
    float inverse = has_values ? 1 / scale : 0;
    int32_t zero_point = has_values ? (int32_t)rintf(-low * inverse) : 0;
    quantized->scales[row] = has_values ? scale : is_finite ? 0 : NAN;
    quantized->zero_points[row] = zero_point - kernels->int8_byte_offset;
    if (has_values) {
        kernels->row_quantize(x, w->input_scale, inverse, zero_point, w->inputs, bytes);
    } else {
        memset(bytes, 0, job->bytes_stride);
    }
}

static void quantize_task(void *context, size_t task, size_t worker) {
    (void)worker;
    const struct int8_job *job = context;
    size_t start = task * job->rows_per_task;
    size_t end = minimum(start + job->rows_per_task, job->end - job->start);
    for (size_t row = start; row < end; row++) quantize_row(job, row);
}

static void multiply_panel(const struct int8_job *job, size_t panel) {
    const struct kernels *kernels = job->compute->kernels;
    const struct quantized_rows *quantized = job->compute->quantized;
    const struct linear *call = job->call;
    const struct weight_matrix *w = call->w;
    size_t depth = divide_up(w->inputs, WEIGHT_INT8_INPUTS);
    size_t width = kernels->int8_blocks * WEIGHT_INT8_OUTPUTS;
    size_t column = panel * width;
    size_t columns = minimum(width, w->outputs - column);
    size_t blocks = divide_up(columns, WEIGHT_INT8_OUTPUTS);
    size_t rows = job->end - job->start;
    const int8_t *weights = w->int8 + column * depth * WEIGHT_INT8_INPUTS;
    // Tiles of even height: 577 rows are 49 tiles of 11 or 12, not 48 of 12 and one of 1.
    size_t tiles = divide_up(rows, kernels->int8_rows);
    size_t panel_bytes = width * depth * WEIGHT_INT8_INPUTS;
    _Alignas(CACHE_LINE)
        int32_t sums[KERNELS_MAX_INT8_ROWS * KERNELS_MAX_INT8_BLOCKS * WEIGHT_INT8_OUTPUTS];
    for (size_t tile = 0; tile < tiles; tile++) {
        size_t start = rows * tile / tiles;
        size_t end = rows * (tile + 1) / tiles;
        size_t at = (job->start + start) * call->y_stride + column;
        struct ahead ahead =
            linear_ahead((uintptr_t)weights + panel_bytes, panel_bytes, tile, tiles);
        linear_fetch(call, job->start + start, end - start, column, columns);
        kernels->int8_multiply(quantized->bytes + start * job->bytes_stride, job->bytes_stride,
                               end - start, weights, depth, blocks, ahead, sums, width);
        kernels->tile_finish(&(struct int8_tile){
            .sums = sums,
            .sums_stride = width,
            .rows = end - start,
            .columns = columns,
            .row_scales = quantized->scales + start,
            .zero_points = quantized->zero_points + start,
            .weight_scales = w->scales + column,
            .weight_sums = w->sums + column,
            .bias = call->bias == NULL ? NULL : call->bias + column,
            .activation = call->activation,
            .residual = call->residual == NULL ? NULL : call->residual + at,
            .y = call->y + at,
            .y_stride = call->y_stride,
        });
    }
}

static void multiply_task(void *context, size_t task, size_t worker) {
    (void)worker;
    const struct int8_job *job = context;
    size_t first = linear_place(job->compute, task, job->tasks) * job->panels_per_task;
    size_t end = minimum(first + job->panels_per_task, job->panels);
    for (size_t panel = first; panel < end; panel++) multiply_panel(job, panel);
}

static void run(struct int8_job *job, thread_pool_task *function, size_t tasks, bool is_serial) {
    if (!is_serial) {
        thread_pool_run(job->compute->pool, function, job, tasks);
        return;
    }
    for (size_t task = 0; task < tasks; task++) function(job, task, 0);
}

// An odd number of cache lines: rows of a power of two apart would all want the same few places of
// the cache.
static size_t stride_of(size_t inputs) { return (divide_up(inputs, CACHE_LINE) | 1) * CACHE_LINE; }

// Panels that one tile of rows runs over take less time than handing over a task, so tasks are some
// of them.
static void plan_panels(struct int8_job *job) {
    const struct kernels *kernels = job->compute->kernels;
    const struct weight_matrix *w = job->call->w;
    size_t columns = kernels->int8_blocks * WEIGHT_INT8_OUTPUTS;
    size_t together = 1;
    job->panels = divide_up(w->outputs, columns);
    if (job->end - job->start <= kernels->int8_rows) {
        size_t share = job->panels / (TASKS_PER_THREAD * job->compute->threads);
        together = minimum(share, TASK_BYTES / (columns * w->inputs));
    }
    job->panels_per_task = together > 0 ? together : 1;
    job->tasks = divide_up(job->panels, job->panels_per_task);
}

_Static_assert(KERNELS_QUANTIZED_BYTES >= WEIGHT_INT8_MAX_INPUTS + CACHE_LINE, "a row fits");

void linear_int8(struct compute *compute, const struct linear *call) {
    const struct weight_matrix *w = call->w;
    assert(w->inputs <= WEIGHT_INT8_MAX_INPUTS);
    struct int8_job job = {.compute = compute,
                           .call = call,
                           .bytes_stride = stride_of(w->inputs),
                           .rows_per_task = divide_up(QUANTIZE_ELEMENTS, w->inputs)};
    size_t block_rows = minimum(KERNELS_QUANTIZED_ROWS, KERNELS_QUANTIZED_BYTES / job.bytes_stride);
    size_t blocks = divide_up(call->rows, block_rows);
    for (size_t block = 0; block < blocks; block++) {
        job.start = call->rows * block / blocks;
        job.end = call->rows * (block + 1) / blocks;
        plan_panels(&job);
        size_t elements = (job.end - job.start) * w->inputs;
        run(&job, quantize_task, divide_up(job.end - job.start, job.rows_per_task),
            elements < SERIAL_ELEMENTS);
        run(&job, multiply_task, job.tasks, elements * w->outputs < SERIAL_MULTIPLICATIONS);
    }
}
