// Horizontal pass, then vertical pass, with 8 bits in between, as Pillow's Resample.c does. Both
// are weighted sums of rows of bytes: for the horizontal one, 16 rows at a time are turned, and
// then a column of the picture is such a row (of 3 x 16 bytes).
//
// What is horizontal in the upright picture runs down the rows of one that lies on its side
// (orientations 5 to 8). There the rows are weighed first, as they come, and 16 results at a time
// are weighed across. Mirroring is in the tap tables. So no picture has to be turned but the small
// results.
#include "image/row_resizer.h"

#include <string.h>

#include "base/memory.h"
#include "image/orientation.h"
#include "image/tap_table.h"
#include "kernels/resample.h"

enum {
    BAND = 16,              // rows that are turned at once
    COLUMN = 3 * BAND,      // bytes of a turned column of pixels
    SPARE_ROWS = 4 * BAND,  // room that `narrow` has beyond what it must, so that it seldom moves
};

struct target {
    struct tap_table across;
    struct tap_table down;
    uint32_t next;      // row of `out` that comes next
    struct pixels out;  // not turned yet

    // Across first: rows already weighed across, narrow_first .. narrow_end of the picture.
    uint8_t *narrow;  // [narrow_capacity, out.width * 3]
    uint32_t narrow_capacity;
    uint32_t narrow_first;
    uint32_t narrow_end;

    // Down first: rows already weighed down, as wide as the picture.
    uint8_t *wide;  // [BAND, (right - left) * 3]
    uint32_t wide_rows;
};

struct row_resizer {
    const struct resample_kernels *kernels;
    struct resize_source source;
    bool is_down_first;
    uint32_t left;  // the columns that any target needs, left .. right
    uint32_t right;
    uint32_t next_row;        // across first: of the picture
    uint8_t *columns;         // [right - left, COLUMN]: a band, turned
    uint8_t *narrow_columns;  // [widest target, COLUMN]: a band weighed across, still turned
    struct target targets[RESIZE_TARGETS_MAX];
    size_t count;
};

// As in orientation.c: where a picture of this orientation has its upright beginnings.
static bool is_x_mirrored(int orientation) {
    return orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
}
static bool is_y_mirrored(int orientation) {
    return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
}

static size_t wide_bytes(const struct row_resizer *resizer) {
    return (size_t)(resizer->right - resizer->left) * 3;
}

static bool target_init(struct target *target, const struct resize_source *source,
                        const struct resize_target *wanted, struct error *err) {
    const struct resize_window *window = &wanted->window;
    struct tap_line upright_x = {
        .out_size = wanted->width, .out_first = window->left, .positions = window->width};
    struct tap_line upright_y = {
        .out_size = wanted->height, .out_first = window->top, .positions = window->height};
    bool is_on_its_side = source->orientation >= 5;
    struct tap_line x = is_on_its_side ? upright_y : upright_x;
    struct tap_line y = is_on_its_side ? upright_x : upright_y;
    x.in_size = source->width;
    y.in_size = source->height;
    x.extent = source->extent_x;
    y.extent = source->extent_y;
    x.is_mirrored = is_x_mirrored(source->orientation);
    y.is_mirrored = is_y_mirrored(source->orientation);
    if (!tap_table_init(&target->across, &x) || !tap_table_init(&target->down, &y)) return false;
    if (!pixels_init(&target->out, x.positions, y.positions, err)) return false;
    if (is_on_its_side) return true;
    target->narrow_capacity = (uint32_t)target->down.taps_max + SPARE_ROWS;
    target->narrow = memory_try_array(target->narrow_capacity, (size_t)x.positions * 3);
    return target->narrow != NULL;
}

struct row_resizer *row_resizer_create(const struct resize_source *source,
                                       const struct resize_target *targets, size_t count,
                                       struct error *err) {
    struct row_resizer *resizer = memory_try_zeroed(1, sizeof *resizer);
    if (resizer == NULL) goto fail;
    *resizer = (struct row_resizer){.kernels = resample_kernels(),
                                    .source = *source,
                                    .is_down_first = source->orientation >= 5,
                                    .left = UINT32_MAX,
                                    .count = count};
    uint32_t widest = 0;
    for (size_t i = 0; i < count; i++) {
        struct target *target = &resizer->targets[i];
        if (!target_init(target, source, &targets[i], err)) goto fail;
        uint32_t left = tap_table_first(&target->across);
        uint32_t right = tap_table_end(&target->across);
        if (left < resizer->left) resizer->left = left;
        if (right > resizer->right) resizer->right = right;
        if (target->out.width > widest) widest = target->out.width;
    }
    // Zeroed: where a band has fewer rows, the rest is weighed too, and thrown away.
    resizer->columns = memory_try_zeroed(resizer->right - resizer->left, COLUMN);
    resizer->narrow_columns = memory_try_array(widest, COLUMN);
    if (resizer->columns == NULL || resizer->narrow_columns == NULL) goto fail;
    for (size_t i = 0; resizer->is_down_first && i < count; i++) {
        resizer->targets[i].wide = memory_try_zeroed(BAND, wide_bytes(resizer));
        if (resizer->targets[i].wide == NULL) goto fail;
    }
    return resizer;
fail:
    row_resizer_destroy(resizer);
    (void)error_set(err, ERROR_INTERNAL,
                    "out of memory while scaling the picture; try again later");
    return NULL;
}

void row_resizer_destroy(struct row_resizer *resizer) {
    if (resizer == NULL) return;
    for (size_t i = 0; i < RESIZE_TARGETS_MAX; i++) {
        struct target *target = &resizer->targets[i];
        tap_table_clear(&target->across);
        tap_table_clear(&target->down);
        pixels_clear(&target->out);
        memory_free(target->narrow);
        memory_free(target->wide);
    }
    memory_free(resizer->columns);
    memory_free(resizer->narrow_columns);
    memory_free(resizer);
}

// Turns `rows` rows, which begin at the column `left`.
static void turn_band(struct row_resizer *resizer, const uint8_t *from, size_t stride,
                      uint32_t rows) {
    resizer->kernels->matrix_turn(from, stride, rows, wide_bytes(resizer), resizer->columns, BAND);
}

// From the turned band to `rows` rows of the target's width.
static void weigh_across(struct row_resizer *resizer, const struct target *target, uint32_t rows,
                         uint8_t *out) {
    const struct tap_table *across = &target->across;
    for (size_t x = 0; x < across->positions; x++) {
        const uint8_t *columns =
            resizer->columns + (size_t)(across->first[x] - resizer->left) * COLUMN;
        resizer->kernels->rows_weigh(columns, COLUMN, tap_table_weights(across, x),
                                     across->count[x], COLUMN,
                                     resizer->narrow_columns + x * COLUMN);
    }
    size_t out_bytes = across->positions * 3;
    resizer->kernels->matrix_turn(resizer->narrow_columns, BAND, out_bytes, rows, out, out_bytes);
}

// Room in `narrow` for another band, after which that band has come.
static uint8_t *narrow_extend(struct target *target, uint32_t row, uint32_t rows) {
    size_t row_bytes = (size_t)target->out.width * 3;
    if (target->narrow_end == 0) target->narrow_first = target->narrow_end = row;
    if (target->narrow_end - target->narrow_first + rows > target->narrow_capacity) {
        uint32_t oldest = target->down.first[target->next];
        if (oldest > target->narrow_end) oldest = target->narrow_end;
        memmove(target->narrow, target->narrow + (oldest - target->narrow_first) * row_bytes,
                (target->narrow_end - oldest) * row_bytes);
        target->narrow_first = oldest;
    }
    uint8_t *room = target->narrow + (target->narrow_end - target->narrow_first) * row_bytes;
    target->narrow_end += rows;
    return room;
}

// Whether all rows for the target's next row have come, of `end`.
static bool is_next_ready(const struct target *target, uint32_t end) {
    return target->next < target->out.height &&
           target->down.first[target->next] + target->down.count[target->next] <= end;
}

static void weigh_narrow_down(const struct row_resizer *resizer, struct target *target) {
    size_t row_bytes = (size_t)target->out.width * 3;
    for (; is_next_ready(target, target->narrow_end); target->next++) {
        uint32_t first = target->down.first[target->next] - target->narrow_first;
        resizer->kernels->rows_weigh(target->narrow + first * row_bytes, row_bytes,
                                     tap_table_weights(&target->down, target->next),
                                     target->down.count[target->next], row_bytes,
                                     target->out.rgb + target->next * row_bytes);
    }
}

static void take_across_first(struct row_resizer *resizer, const struct row_window *window) {
    uint32_t height = resizer->source.height;
    while (resizer->next_row < window->end &&
           (resizer->next_row + BAND <= window->end || window->end == height)) {
        uint32_t row = resizer->next_row;
        uint32_t rows = window->end - row < BAND ? window->end - row : BAND;
        bool is_turned = false;
        for (size_t i = 0; i < resizer->count; i++) {
            struct target *target = &resizer->targets[i];
            if (row + rows <= tap_table_first(&target->down) || row >= tap_table_end(&target->down))
                continue;
            if (!is_turned)
                turn_band(resizer,
                          window->rows + (row - window->first) * window->stride +
                              (size_t)resizer->left * 3,
                          window->stride, rows);
            is_turned = true;
            weigh_across(resizer, target, rows, narrow_extend(target, row, rows));
            weigh_narrow_down(resizer, target);
        }
        resizer->next_row += rows;
    }
}

// The rows in `wide` become the rows of `out` that end with the last one.
static void weigh_wide_across(struct row_resizer *resizer, struct target *target) {
    uint32_t rows = target->wide_rows;
    turn_band(resizer, target->wide, wide_bytes(resizer), BAND);
    weigh_across(resizer, target, rows,
                 target->out.rgb + (size_t)(target->next - rows) * target->out.width * 3);
    target->wide_rows = 0;
}

static void take_down_first(struct row_resizer *resizer, const struct row_window *window) {
    size_t bytes = wide_bytes(resizer);
    for (size_t i = 0; i < resizer->count; i++) {
        struct target *target = &resizer->targets[i];
        const struct tap_table *down = &target->down;
        while (is_next_ready(target, window->end)) {
            const uint8_t *from = window->rows +
                                  (down->first[target->next] - window->first) * window->stride +
                                  (size_t)resizer->left * 3;
            resizer->kernels->rows_weigh(
                from, window->stride, tap_table_weights(down, target->next),
                down->count[target->next], bytes, target->wide + target->wide_rows * bytes);
            target->wide_rows++;
            target->next++;
            if (target->wide_rows == BAND || target->next == target->out.height)
                weigh_wide_across(resizer, target);
        }
    }
}

void row_resizer_take(struct row_resizer *resizer, const struct row_window *window) {
    if (resizer->is_down_first) {
        take_down_first(resizer, window);
    } else {
        take_across_first(resizer, window);
    }
}

uint32_t row_resizer_oldest(const struct row_resizer *resizer) {
    if (!resizer->is_down_first) return resizer->next_row;
    uint32_t oldest = resizer->source.height;
    for (size_t i = 0; i < resizer->count; i++) {
        const struct target *target = &resizer->targets[i];
        if (target->next < target->out.height && target->down.first[target->next] < oldest)
            oldest = target->down.first[target->next];
    }
    return oldest;
}

uint32_t row_resizer_kept_rows(const struct row_resizer *resizer) {
    if (!resizer->is_down_first) return BAND - 1;
    size_t most = 0;
    for (size_t i = 0; i < resizer->count; i++)
        if (resizer->targets[i].down.taps_max > most) most = resizer->targets[i].down.taps_max;
    return (uint32_t)most;
}

bool row_resizer_finish(struct row_resizer *resizer, struct pixels *out, struct error *err) {
    for (size_t i = 0; i < resizer->count; i++) {
        struct target *target = &resizer->targets[i];
        out[i] = target->out;
        target->out = (struct pixels){0};
        if (!orientation_apply(&out[i], resizer->source.orientation, err)) return false;
    }
    return true;
}
