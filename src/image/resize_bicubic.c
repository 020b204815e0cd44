#include "image/resize_bicubic.h"

bool resize_bicubic(const struct pixels *source, const struct resize_target *target,
                    struct pixels *out, struct error *err) {
    *out = (struct pixels){0};
    struct row_resizer *resizer =
        row_resizer_create(&(struct resize_source){.width = source->width,
                                                   .height = source->height,
                                                   .extent_x = source->width,
                                                   .extent_y = source->height,
                                                   .orientation = 1},
                           target, 1, err);
    if (resizer == NULL) return false;
    row_resizer_take(resizer, &(struct row_window){.rows = source->rgb,
                                                   .stride = (size_t)source->width * 3,
                                                   .end = source->height});
    bool is_ok = row_resizer_finish(resizer, out, err);
    row_resizer_destroy(resizer);
    return is_ok;
}
