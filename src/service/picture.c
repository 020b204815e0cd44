#include "service/picture.h"

#include <errno.h>

#include "base/clock.h"
#include "service/service_private.h"

// 16 megapixels are 48 MB; the largest picture taken by default has four times as many.
enum { LARGE_PIXELS = 16 * 1000 * 1000 };

bool picture_open(struct service *service, const void *bytes, size_t size, struct picture *picture,
                  struct error *err) {
    *picture = (struct picture){0};
    while (sem_wait(&service->decode_slots) != 0 && errno == EINTR) continue;
    int64_t started = clock_monotonic_ns();
    bool is_done = image_decode(bytes, size, &service->options.image_limits, &picture->pixels,
                                &picture->info, err);
    picture->decode_ms = clock_ms_since(started);
    picture->holds_slot =
        is_done && (uint64_t)picture->pixels.width * picture->pixels.height > LARGE_PIXELS;
    if (!picture->holds_slot) (void)sem_post(&service->decode_slots);
    return is_done;
}

void picture_clear(struct service *service, struct picture *picture) {
    pixels_clear(&picture->pixels);
    if (picture->holds_slot) (void)sem_post(&service->decode_slots);
    picture->holds_slot = false;
}
