// HEIC and AVIF through libheif: the primary picture, turned and cropped as the container says
// (libheif does that), as 8-bit RGB, alpha dropped. The container states the size before anything
// is decoded, but libheif takes memory for whatever the codec finds: the program therefore has this
// run in a child (heif_child.h), and what comes out of the codec is checked once more.
#include <libheif/heif.h>
#include <pthread.h>
#include <string.h>

#include "image/decoders.h"
#include "image/heif_sandbox.h"

// Loads the decoder plugins, which some distributions package apart from the library. Never undone.
static pthread_once_t heif_once = PTHREAD_ONCE_INIT;
static void heif_load(void) { (void)heif_init(NULL); }

bool decode_heif_can_read(enum image_format format) {
    (void)pthread_once(&heif_once, heif_load);
    return heif_have_decoder_for_format(format == IMAGE_AVIF ? heif_compression_AV1
                                                             : heif_compression_HEVC) != 0;
}

static bool heif_fail(struct heif_error code, enum image_format format, struct error *err) {
    switch (code.code) {
        case heif_error_Memory_allocation_error:
            // libheif says so, too, when the file asks for more than it allows.
            if (code.subcode == heif_suberror_Security_limit_exceeded) {
                return error_set(err, ERROR_TOO_LARGE,
                                 "the picture is too large (%s); send a smaller one", code.message);
            }
            // 1.19 calls a side of zero that.
            if (code.subcode == heif_suberror_Invalid_image_size) {
                return picture_is_damaged(err, format, code.message);
            }
            return picture_out_of_memory(err);
        case heif_error_Unsupported_filetype:
        case heif_error_Unsupported_feature:
            return error_set(err, ERROR_UNSUPPORTED,
                             "this %s picture uses something that libheif cannot read (%s); send "
                             "it as JPEG or PNG",
                             image_format_extension(format), code.message);
        default:
            return picture_is_damaged(err, format, code.message);
    }
}

// The size as it will be shown, and as it was before the container's own cropping.
static bool heif_check_claims(const struct heif_image_handle *handle,
                              const struct image_limits *limits, struct error *err) {
    int width = heif_image_handle_get_width(handle);
    int height = heif_image_handle_get_height(handle);
    if (!picture_size_check(limits, width < 0 ? 0 : (uint64_t)width,
                            height < 0 ? 0 : (uint64_t)height, err)) {
        return false;
    }
    uint64_t pixels = (uint64_t)width * (uint64_t)height;
    int whole_width = heif_image_handle_get_ispe_width(handle);
    int whole_height = heif_image_handle_get_ispe_height(handle);
    if (whole_width > 0 && whole_height > 0) {
        if (!picture_size_check(limits, (uint64_t)whole_width, (uint64_t)whole_height, err)) {
            return false;
        }
        uint64_t whole_pixels = (uint64_t)whole_width * (uint64_t)whole_height;
        if (whole_pixels > pixels) pixels = whole_pixels;
    }
    heif_sandbox_allow(pixels);
    return true;
}

static bool heif_copy_rows(const struct heif_image *image, const struct image_limits *limits,
                           struct pixels *pixels, enum image_format format, struct error *err) {
    int width = heif_image_get_width(image, heif_channel_interleaved);
    int height = heif_image_get_height(image, heif_channel_interleaved);
    int stride = 0;
    const uint8_t *rows = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
    if (rows == NULL || width < 0 || height < 0) {
        return picture_is_damaged(err, format, "it holds no pixels");
    }
    if (!picture_size_check(limits, (uint64_t)width, (uint64_t)height, err) ||
        !pixels_init(pixels, (uint32_t)width, (uint32_t)height, err)) {
        return false;
    }
    size_t row_bytes = (size_t)width * 3;
    for (size_t y = 0; y < (size_t)height; y++) {
        memcpy(pixels->rgb + y * row_bytes, rows + y * (size_t)stride, row_bytes);
    }
    return true;
}

bool decode_heif(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                 struct pixels *pixels, int *orientation, struct error *err) {
    (void)orientation;
    (void)pthread_once(&heif_once, heif_load);
    enum image_format format = image_sniff(bytes, size);
    bool is_ok = false;
    struct heif_image_handle *handle = NULL;
    struct heif_image *image = NULL;
    struct heif_decoding_options *options = heif_decoding_options_alloc();
    struct heif_context *context = heif_context_alloc();
    if (context == NULL || options == NULL) {
        (void)picture_out_of_memory(err);
        goto out;
    }
    options->convert_hdr_to_8bit = 1;
    struct heif_error code = heif_context_read_from_memory_without_copy(context, bytes, size, NULL);
    if (code.code == heif_error_Ok) code = heif_context_get_primary_image_handle(context, &handle);
    if (code.code != heif_error_Ok) {
        (void)heif_fail(code, format, err);
        goto out;
    }
    if (!heif_check_claims(handle, limits, err)) goto out;
    code = heif_decode_image(handle, &image, heif_colorspace_RGB, heif_chroma_interleaved_RGB,
                             options);
    if (code.code != heif_error_Ok) {
        (void)heif_fail(code, format, err);
        goto out;
    }
    is_ok = heif_copy_rows(image, limits, pixels, format, err);

out:
    if (image != NULL) heif_image_release(image);
    if (handle != NULL) heif_image_handle_release(handle);
    if (context != NULL) heif_context_free(context);
    if (options != NULL) heif_decoding_options_free(options);
    return is_ok;
}
