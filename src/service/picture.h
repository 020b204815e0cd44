// A picture as pixels, under the service's decode slots.
#pragma once

#include "service/service.h"

struct picture {
    struct pixels pixels;
    struct image_info info;
    double decode_ms;
    bool holds_slot;
};

// Waits for a slot, then decodes. A large picture keeps its slot until picture_clear, so that
// their pixels cannot fill the memory while they wait for the models. Errors: image_decode's.
bool picture_open(struct service *service, const void *bytes, size_t size, struct picture *picture,
                  struct error *err);
void picture_clear(struct service *service, struct picture *picture);
