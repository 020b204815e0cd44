// Turns libjpeg's way of failing (a callback that must not return) into our errors. Usage: put the
// guard into the codec object, setjmp on its `escape`, and run the codec; a fatal error jumps back
// with the error already written. Also decides which of libjpeg's warnings mean lost pixels.
#pragma once

#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
// jpeglib.h needs size_t and FILE from the two above.
#include <jpeglib.h>

#include "base/error.h"

struct jpeg_guard {
    struct jpeg_error_mgr manager;  // first, so that libjpeg's pointer to it is one to us
    jmp_buf escape;
    struct error *err;
};

// The result goes into `cinfo.err` before jpeg_create_*.
struct jpeg_error_mgr *jpeg_guard_init(struct jpeg_guard *guard, struct error *err);
