// Pictures as pixels, only while one of the service's decode slots is held: so many of them fit
// into memory, and so many decoders work at once.
#pragma once

#include "service/service.h"

// Waits for a slot, then engine_prepare_image with the service's limits; same contract.
bool picture_prepare(struct service *service, struct engine *engine, const void *bytes, size_t size,
                     enum image_use use, struct prepared_image *image, struct image_info *info,
                     struct error *err);

// Waits for a slot, then decodes and shrinks: a JPEG without the notes of the original, *width x
// *height (may be NULL). Caller frees it with memory_free. Errors: those of image_decode and
// thumbnail_jpeg_create.
uint8_t *picture_copy_create(struct service *service, const void *bytes, size_t size,
                             uint32_t max_side, size_t *jpeg_size, uint32_t *width,
                             uint32_t *height, struct error *err);
