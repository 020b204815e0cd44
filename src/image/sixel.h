// Pictures as sixels, which terminals descended from DEC's VT340 show.
#pragma once

#include "base/byte_buffer.h"
#include "image/pixels.h"

// Appends the whole escape sequence. The colours are 216, dithered. ERROR_INTERNAL: out of memory,
// or the buffer is full.
bool sixel_append(struct byte_buffer *buffer, const struct pixels *pixels, struct error *err);
