// What the server and its HEIF child say to each other (heif_child.h). Numbers are little-endian.
//
// Request, a file in memory:        Reply, through a pipe that ends after it:
//    0  u64  most pixels allowed       0  u32  "HEIF" as 0x46494548
//    8  u64  longest side allowed      4  u32  0, or the error's kind
//   16  the picture's bytes            8  u32  width,  0 with an error
//                                     12  u32  height, 0 with an error
//                                     16  u32  bytes of the error's text, 0 without one
//                                     20  width * height * 3 bytes RGB, or the text
//
// The request is from the server and trusted. The reply is from a process that hostile bytes may
// have taken over: nothing in it is believed.
#pragma once

#include "image/decode.h"

// A file in memory that holds the request, closed on exec; -1 on failure.
int heif_request_create(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                        struct error *err);

struct heif_request {
    const uint8_t *bytes;  // the picture; mapped for the rest of the process
    size_t size;
    struct image_limits limits;
};
bool heif_request_open(struct heif_request *request, int descriptor, struct error *err);

// `err` of kind ERROR_NONE sends the pixels. false: the other side is gone.
bool heif_reply_write(int descriptor, const struct pixels *pixels, const struct error *err);

enum heif_reply {
    HEIF_REPLY_PIXELS,  // whole, in *pixels
    HEIF_REPLY_ERROR,   // whole, in *err; or we are out of memory, which *err says too
    HEIF_REPLY_CUT,     // it ended early
    HEIF_REPLY_LATE,    // the deadline passed
    HEIF_REPLY_FALSE,   // it breaks the rules above, or is larger than `limits` allow
};
// Sets *err only with HEIF_REPLY_ERROR. The caller clears *pixels.
enum heif_reply heif_reply_read(int descriptor, int64_t deadline_monotonic_ns,
                                const struct image_limits *limits, struct pixels *pixels,
                                struct error *err);
