#include "service/picture.h"

#include <errno.h>

#include "image/thumbnail.h"
#include "service/service_private.h"
#include "service/stage_trace.h"

void slot_take(sem_t *slots) {
    while (sem_wait(slots) != 0 && errno == EINTR) continue;
}

void slot_give_back(sem_t *slots) { (void)sem_post(slots); }

bool picture_prepare(struct service *service, struct engine *engine, const void *bytes, size_t size,
                     enum image_use use, struct prepared_image *image, struct image_info *info,
                     struct error *err) {
    slot_take(&service->decode_slots);
    bool is_done = engine_prepare_image(engine, bytes, size, &service->options.image_limits, use,
                                        image, info, err);
    if (is_done) stage_trace_prepare(image);
    slot_give_back(&service->decode_slots);
    return is_done;
}

uint8_t *picture_copy_create(struct service *service, const void *bytes, size_t size,
                             uint32_t max_side, size_t *jpeg_size, uint32_t *width,
                             uint32_t *height, struct error *err) {
    struct pixels pixels;
    struct image_info info;
    slot_take(&service->decode_slots);
    uint8_t *jpeg = image_decode(bytes, size, &service->options.image_limits, &pixels, &info, err)
                        ? thumbnail_jpeg_create(&pixels, max_side, jpeg_size, err)
                        : NULL;
    if (jpeg != NULL && width != NULL && height != NULL) {
        *width = pixels.width;
        *height = pixels.height;
        thumbnail_size(max_side, width, height);
    }
    pixels_clear(&pixels);
    slot_give_back(&service->decode_slots);
    return jpeg;
}
