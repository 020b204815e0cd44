// HEIC and AVIF are decoded in a short-lived process of their own. libheif takes memory for what
// the codec finds in a file, whatever the container's header claims, so that 1.5 KB can ask for
// gigabytes; only limits on a whole process hold it (docs/adr/0004-heif-in-a-child.md).
//
// The child is this program again, started as `imgrouter decode-heif`. It gets the picture as a
// file in memory on descriptor 0, answers through a pipe on 1 (heif_protocol.h), has /dev/null on 2
// and nothing else, no environment, and the limits of heif_sandbox.h. It never lives longer than
// the call that started it. Any thread; as many children as callers, and the service bounds those.
#pragma once

#include "image/decode.h"

// From now on image_decode hands HEIC and AVIF to children started from `executable`; the text is
// borrowed. NULL, and before the first call: decoded in this process. Call before threads start.
void heif_child_enable(const char *executable);
bool heif_child_is_enabled(void);

// The caller clears *pixels. Whatever the child does, the size is checked against `limits` before
// memory is taken, and the child is gone afterwards. Errors: those of image_decode, ERROR_INVALID
// when the child died or ran over a limit, ERROR_UNAVAILABLE when none could be started.
bool heif_child_decode(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                       struct pixels *pixels, struct error *err);

// The child's whole life: confines itself, decodes what `request` holds, answers on `reply`.
// Returns whether the answer, pixels or error, was written.
bool heif_child_serve(int request, int reply);
