#include "kernels/kernels_internal.h"

// Tasks of this many floats: long against the 1 us that handing one over costs, and one task,
// which thread_pool_run does not hand over at all, for the few rows of a text.
enum { FLOATS_PER_TASK = 16 * 1024 };

struct layer_norm_job {
    const struct kernels *kernels;
    const float *x;
    size_t rows;
    size_t rows_per_task;
    size_t width;
    const float *gain;
    const float *bias;
    float epsilon;
    float *y;
};

static void layer_norm_task(void *context, size_t task, size_t worker) {
    (void)worker;
    const struct layer_norm_job *job = context;
    size_t start = task * job->rows_per_task;
    size_t end = start + job->rows_per_task < job->rows ? start + job->rows_per_task : job->rows;
    for (size_t row = start; row < end; row++) {
        job->kernels->row_normalize(job->x + row * job->width, job->gain, job->bias, job->epsilon,
                                    job->y + row * job->width, job->width);
    }
}

void layer_norm_f32(struct compute *compute, const float *x, size_t rows, size_t width,
                    const float *gain, const float *bias, float epsilon, float *y) {
    if (rows == 0 || width == 0) return;
    struct layer_norm_job job = {
        .kernels = compute->kernels,
        .x = x,
        .rows = rows,
        .rows_per_task = width < FLOATS_PER_TASK ? FLOATS_PER_TASK / width : 1,
        .width = width,
        .gain = gain,
        .bias = bias,
        .epsilon = epsilon,
        .y = y,
    };
    size_t tasks = (rows + job.rows_per_task - 1) / job.rows_per_task;
    thread_pool_run(compute->pool, layer_norm_task, &job, tasks);
}
