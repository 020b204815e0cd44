// Pillow's antialiased bicubic resize of a picture in memory, or of a window of the result.
#pragma once

#include "image/row_resizer.h"

// The caller clears *out. Errors: ERROR_INTERNAL (out of memory).
bool resize_bicubic(const struct pixels *source, const struct resize_target *target,
                    struct pixels *out, struct error *err);
