// WebP, lossy or lossless; of an animation the first frame on its canvas, black where the frame
// does not reach, as Pillow shows it. Alpha is dropped, not blended.
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "image/decoders.h"
#include "image/orientation.h"

static bool webp_fail(VP8StatusCode status, struct error *err) {
    switch (status) {
        case VP8_STATUS_OUT_OF_MEMORY:
            return picture_out_of_memory(err);
        case VP8_STATUS_NOT_ENOUGH_DATA:
            return picture_is_damaged(err, IMAGE_WEBP, "the data ends too early");
        case VP8_STATUS_UNSUPPORTED_FEATURE:
            return picture_is_damaged(err, IMAGE_WEBP, "it uses a feature that does not exist");
        default:
            return picture_is_damaged(err, IMAGE_WEBP, "the data makes no sense");
    }
}

static bool webp_decode_frame(const WebPIterator *frame, struct pixels *pixels, struct error *err) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        return error_set(err, ERROR_INTERNAL, "libwebp is of another version than its header");
    }
    VP8StatusCode status =
        WebPGetFeatures(frame->fragment.bytes, frame->fragment.size, &config.input);
    if (status != VP8_STATUS_OK) return webp_fail(status, err);
    uint64_t right = (uint64_t)frame->x_offset + (uint64_t)config.input.width;
    uint64_t bottom = (uint64_t)frame->y_offset + (uint64_t)config.input.height;
    if (right > pixels->width || bottom > pixels->height) {
        return picture_is_damaged(err, IMAGE_WEBP, "the frame is larger than its canvas");
    }
    size_t row_bytes = (size_t)pixels->width * 3;
    size_t start = (size_t)frame->y_offset * row_bytes + (size_t)frame->x_offset * 3;
    size_t size = row_bytes * pixels->height;
    if (right < pixels->width || bottom < pixels->height || start > 0) {
        memset(pixels->rgb, 0, size);
    }
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels->rgb + start;
    config.output.u.RGBA.stride = (int)row_bytes;
    config.output.u.RGBA.size = size - start;
    status = WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    return status == VP8_STATUS_OK || webp_fail(status, err);
}

static bool webp_orientation(const WebPDemuxer *demuxer, int *orientation, struct error *err) {
    WebPChunkIterator chunk = {0};
    bool is_ok = true;
    if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) {
        is_ok = exif_orientation_read(chunk.chunk.bytes, chunk.chunk.size, orientation, err);
    }
    WebPDemuxReleaseChunkIterator(&chunk);
    return is_ok;
}

bool decode_webp(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                 struct pixels *pixels, int *orientation, struct error *err) {
    bool is_ok = false;
    WebPIterator frame = {0};
    WebPData data = {.bytes = bytes, .size = size};
    WebPDemuxer *demuxer = WebPDemux(&data);
    if (demuxer == NULL) {
        return picture_is_damaged(err, IMAGE_WEBP, "its parts are incomplete or contradict");
    }
    uint32_t width = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH);
    uint32_t height = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
    if (!picture_size_check(limits, width, height, err)) goto out;
    if (!WebPDemuxGetFrame(demuxer, 1, &frame)) {
        (void)webp_fail(VP8_STATUS_BITSTREAM_ERROR, err);
        goto out;
    }
    if (!pixels_init(pixels, width, height, err)) goto out;
    is_ok = webp_decode_frame(&frame, pixels, err) && webp_orientation(demuxer, orientation, err);

out:
    WebPDemuxReleaseIterator(&frame);
    WebPDemuxDelete(demuxer);
    return is_ok;
}
