// What becomes of the images of the experiment that runs, written down in the book of costs. A book
// that cannot be written fails nothing; it is logged, once a minute at most. Any thread.
#pragma once

#include "service/caption_route.h"

struct observed {
    const struct routed_caption *caption;  // with its variant
    bool is_shadow;
    double agreement;  // of a shadow's caption with the one that was stored; NAN: not known
};

void observation_write(struct service *service, const char *image_id,
                       const struct observed *observed);
