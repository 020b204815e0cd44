// The child's side: confine, decode, answer.
#include "image/heif_child.h"
#include "image/heif_protocol.h"
#include "image/heif_sandbox.h"
#include "image/pixels.h"

bool heif_child_serve(int request_descriptor, int reply_descriptor) {
    struct heif_request request;
    struct pixels pixels = {0};
    struct image_info info;
    struct error err = {0};
    heif_child_enable(NULL);  // a child has no children
    // Asking has libheif load its plugins, while files can still be opened.
    (void)image_format_is_readable(IMAGE_HEIC);
    bool is_open = heif_request_open(&request, request_descriptor, &err);
    if (is_open && image_sniff(request.bytes, request.size) == IMAGE_AVIF)
        heif_sandbox_use_one_processor();
    if (!is_open) {
        // *err tells
    } else if (!heif_sandbox_enter(request.limits.max_pixels, request.size)) {
        error_set(&err, ERROR_UNAVAILABLE,
                  "this system cannot confine the decoder of HEIC and AVIF pictures; send JPEG or "
                  "PNG");
    } else {
        (void)image_decode(request.bytes, request.size, &request.limits, &pixels, &info, &err);
    }
    // Out of memory here is not the server's fault: the limit fits what the header claims.
    if (err.kind == ERROR_INTERNAL) {
        error_clear(&err);
        error_set(&err, ERROR_INVALID,
                  "the picture cannot be decoded within the limits: it takes more memory than a "
                  "picture of the size it claims; send it as JPEG or PNG");
    }
    return heif_reply_write(reply_descriptor, &pixels, &err);
}
