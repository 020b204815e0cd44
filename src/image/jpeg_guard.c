#include "image/jpeg_guard.h"

#include <jerror.h>

#include "image/decoders.h"

static void jpeg_guard_error_exit(j_common_ptr cinfo) {
    struct jpeg_guard *guard = (struct jpeg_guard *)cinfo->err;
    char text[JMSG_LENGTH_MAX];
    guard->manager.format_message(cinfo, text);
    switch (guard->manager.msg_code) {
        case JERR_OUT_OF_MEMORY:
            (void)picture_out_of_memory(guard->err);
            break;
        case JERR_IMAGE_TOO_BIG:
        case JERR_NO_BACKING_STORE:
        case JERR_WIDTH_OVERFLOW:
            (void)error_set(guard->err, ERROR_TOO_LARGE,
                            "the picture is too large (JPEG: %s); send a smaller one", text);
            break;
        default:
            (void)picture_is_damaged(guard->err, IMAGE_JPEG, text);
    }
    longjmp(guard->escape, 1);
}

// libjpeg goes on after these and paints grey where data is missing; a caption of that helps
// nobody. Its other warnings (extra bytes between segments, odd version numbers) cost no pixels.
static void jpeg_guard_emit_message(j_common_ptr cinfo, int level) {
    if (level >= 0) return;
    switch (cinfo->err->msg_code) {
        case JWRN_JPEG_EOF:
        case JWRN_HIT_MARKER:
        case JWRN_HUFF_BAD_CODE:
        case JWRN_ARITH_BAD_CODE:
        case JWRN_MUST_RESYNC:
        case JWRN_NOT_SEQUENTIAL:
        case JWRN_BOGUS_PROGRESSION:
            jpeg_guard_error_exit(cinfo);
    }
}

static void jpeg_guard_output_message(j_common_ptr cinfo) { (void)cinfo; }

struct jpeg_error_mgr *jpeg_guard_init(struct jpeg_guard *guard, struct error *err) {
    (void)jpeg_std_error(&guard->manager);
    guard->manager.error_exit = jpeg_guard_error_exit;
    guard->manager.emit_message = jpeg_guard_emit_message;
    guard->manager.output_message = jpeg_guard_output_message;
    guard->err = err;
    return &guard->manager;
}
