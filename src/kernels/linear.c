// x · wᵀ in two ways. Many rows: each task takes one panel of outputs, transposes that part of w
// into its scratch once, and runs all rows over it from registers; the cost of packing is shared
// by the rows. Few rows: the tiles read w where it lies, once, since then memory is the limit.
//
// Weights of f16 become floats on the way, a piece at a time that stays in the L1 cache.
//
// A sum over more than PANEL_DEPTH inputs is made in parts; rows beyond PANEL_ROWS are another
// round. Activation, bias and residual are applied while the sums are still in the L1 cache.
#include <assert.h>

#include "base/memory.h"
#include "kernels/kernels_internal.h"

enum {
    PANEL_DEPTH = 4096,  // inputs: 512 KiB of panel at 32 columns, in the L2 cache
    PANEL_ROWS = 640,    // one round for the 577 patches of BLIP; 80 KiB of sums
    DIRECT_COLUMNS = 32,
    DIRECT_ROWS = 128,  // no tier has a larger panel_min_rows
    // How much of f16 weights is floats at a time: outputs where few rows read them, inputs where
    // panels are packed.
    WIDE_COLUMNS = 4,
    WIDE_DEPTH = 1024,
    CACHE_LINE_FLOATS = 16,
    // Multiplications below which waking the others costs more than it saves.
    SERIAL_MULTIPLICATIONS = 64 * 1024,
};

_Static_assert(KERNELS_SCRATCH_FLOATS >=
                   (PANEL_DEPTH + PANEL_ROWS + WIDE_DEPTH) * KERNELS_MAX_PANEL_COLUMNS,
               "a panel, its sums and what it is packed from fit the scratch of a thread");
_Static_assert(KERNELS_SCRATCH_FLOATS >= DIRECT_ROWS * DIRECT_COLUMNS + WEIGHT_F16_MAX_INPUTS,
               "an output of f16 weights fits beside the sums");

struct linear_job {
    const struct compute *compute;
    const struct linear *call;
    size_t tasks;
};

static size_t minimum(size_t a, size_t b) { return a < b ? a : b; }

void linear_fetch(const struct linear *call, size_t row, size_t rows, size_t column,
                  size_t columns) {
    bool has_residual = call->residual != NULL && call->residual != call->y;
    size_t at = row * call->y_stride + column;
    for (size_t end = row + rows; row < end; row++, at += call->y_stride) {
        for (size_t i = 0; i < columns; i += CACHE_LINE_FLOATS) {
            __builtin_prefetch(call->y + at + i, 1);
            if (has_residual) __builtin_prefetch(call->residual + at + i);
        }
    }
}

size_t linear_place(const struct compute *compute, size_t task, size_t tasks) {
    size_t stripes = compute->threads;
    size_t of_stripe = (tasks + stripes - 1) / stripes;
    size_t full = tasks - (of_stripe - 1) * stripes;  // stripes that are not one shorter
    size_t stripe = task % stripes;
    size_t before = stripe < full ? stripe * of_stripe : full + stripe * (of_stripe - 1);
    return before + task / stripes;
}

struct ahead linear_ahead(uintptr_t next, size_t bytes, size_t tile, size_t tiles) {
    size_t lines = (bytes / MEMORY_CACHE_LINE + tiles - 1) / tiles;
    return (struct ahead){(const void *)(next + tile * lines * MEMORY_CACHE_LINE), lines};
}

// Finishes rows [start, end) of the columns [column, column + columns).
static void finish_rows(const struct linear_job *job, const float *sums, size_t sums_stride,
                        size_t start, size_t end, size_t column, size_t columns) {
    const struct linear *l = job->call;
    const float *bias = l->bias == NULL ? NULL : l->bias + column;
    for (size_t row = start; row < end; row++) {
        size_t at = row * l->y_stride + column;
        const float *residual = l->residual == NULL ? NULL : l->residual + at;
        job->compute->kernels->row_finish(sums, bias, l->activation, residual, l->y + at, columns);
        sums += sums_stride;
    }
}

// Inputs [start, start + depth) of the columns [column, column + columns).
static void pack_panel(const struct linear_job *job, size_t column, size_t columns, size_t start,
                       size_t depth, float *panel, float *wide) {
    const struct kernels *kernels = job->compute->kernels;
    const struct weight_matrix *w = job->call->w;
    size_t offset = column * w->inputs + start;
    if (w->type == WEIGHT_F32) {
        kernels->panel_pack(w->f32 + offset, w->inputs, columns, depth, panel);
        return;
    }
    for (size_t k = 0; k < depth; k += WIDE_DEPTH) {
        size_t piece = minimum(WIDE_DEPTH, depth - k);
        for (size_t c = 0; c < columns; c++) {
            kernels->row_widen(w->f16 + offset + c * w->inputs + k, piece, wide + c * WIDE_DEPTH);
        }
        kernels->panel_pack(wide, WIDE_DEPTH, columns, piece, panel + k * kernels->panel_columns);
    }
}

static void panel_task(void *context, size_t task, size_t worker) {
    const struct linear_job *job = context;
    const struct linear *l = job->call;
    const struct kernels *kernels = job->compute->kernels;
    size_t width = kernels->panel_columns;
    size_t column = linear_place(job->compute, task, job->tasks) * width;
    size_t columns = minimum(width, l->w->outputs - column);
    float *panel = job->compute->scratch + worker * KERNELS_SCRATCH_FLOATS;
    float *sums = panel + PANEL_DEPTH * width;
    float *wide = sums + PANEL_ROWS * width;
    bool is_f32 = l->w->type == WEIGHT_F32;
    size_t row_bytes = l->w->inputs * (is_f32 ? sizeof *l->w->f32 : sizeof *l->w->f16);
    uintptr_t weights = is_f32 ? (uintptr_t)l->w->f32 : (uintptr_t)l->w->f16;
    uintptr_t next = weights + (column + columns) * row_bytes;

    for (size_t block = 0; block < l->rows; block += PANEL_ROWS) {
        size_t rows = minimum(PANEL_ROWS, l->rows - block);
        // Tiles of even height: 577 rows are 49 tiles of 11 or 12, not 48 of 12 and one of 1.
        size_t tiles = (rows + kernels->tile_rows - 1) / kernels->tile_rows;
        for (size_t k = 0; k < l->w->inputs; k += PANEL_DEPTH) {
            size_t depth = minimum(PANEL_DEPTH, l->w->inputs - k);
            bool is_last = k + depth == l->w->inputs;
            pack_panel(job, column, columns, k, depth, panel, wide);
            for (size_t tile = 0; tile < tiles; tile++) {
                size_t start = rows * tile / tiles;
                size_t end = rows * (tile + 1) / tiles;
                struct ahead ahead = linear_ahead(next, columns * row_bytes, tile, tiles);
                // Sums that are not gone on with take turns in one place, which stays in the cache.
                float *tile_sums = is_last && k == 0 ? sums : sums + start * width;
                if (is_last) linear_fetch(l, block + start, end - start, column, columns);
                kernels->panel_multiply(l->x + (block + start) * l->x_stride + k, l->x_stride,
                                        end - start, panel, depth, k > 0, ahead, tile_sums, width);
                if (!is_last) continue;
                finish_rows(job, tile_sums, width, block + start, block + end, column, columns);
            }
        }
    }
}

static void direct_task(void *context, size_t task, size_t worker) {
    const struct linear_job *job = context;
    const struct linear *l = job->call;
    size_t column = task * DIRECT_COLUMNS;
    size_t columns = minimum(DIRECT_COLUMNS, l->w->outputs - column);
    float *sums = job->compute->scratch + worker * KERNELS_SCRATCH_FLOATS;
    const struct kernels *kernels = job->compute->kernels;
    size_t inputs = l->w->inputs;
    if (l->w->type == WEIGHT_F32) {
        kernels->rows_multiply(l->x, l->x_stride, l->rows, l->w->f32 + column * inputs, inputs,
                               columns, inputs, sums, DIRECT_COLUMNS);
    } else {
        float *wide = sums + DIRECT_ROWS * DIRECT_COLUMNS;
        size_t room = KERNELS_SCRATCH_FLOATS - DIRECT_ROWS * DIRECT_COLUMNS;
        size_t at_once = minimum(WIDE_COLUMNS, room / inputs);
        for (size_t c = 0; c < columns; c += at_once) {
            size_t count = minimum(at_once, columns - c);
            kernels->row_widen(l->w->f16 + (column + c) * inputs, count * inputs, wide);
            kernels->rows_multiply(l->x, l->x_stride, l->rows, wide, inputs, count, inputs,
                                   sums + c, DIRECT_COLUMNS);
        }
    }
    finish_rows(job, sums, DIRECT_COLUMNS, 0, l->rows, column, columns);
}

void linear(struct compute *compute, const struct linear *call) {
    const struct weight_matrix *w = call->w;
    assert(w->inputs > 0 && call->x_stride >= w->inputs);
    assert(call->y_stride >= w->outputs);
    if (call->rows == 0 || w->outputs == 0) return;
    if (w->type == WEIGHT_INT8) {
        linear_int8(compute, call);
        return;
    }
    bool is_packing = call->rows >= compute->kernels->panel_min_rows;
    size_t width = is_packing ? compute->kernels->panel_columns : DIRECT_COLUMNS;
    size_t tasks = (w->outputs + width - 1) / width;
    struct linear_job job = {.compute = compute, .call = call, .tasks = tasks};
    thread_pool_task *function = is_packing ? panel_task : direct_task;
    if (call->rows * w->inputs * w->outputs < SERIAL_MULTIPLICATIONS) {
        for (size_t task = 0; task < tasks; task++) function(&job, task, 0);
    } else {
        thread_pool_run(compute->pool, function, &job, tasks);
    }
}
