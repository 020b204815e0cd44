// A network without a network, linked in place of the real client: one address has content.
#pragma once

#include "fetch/fetch.h"

struct fake_fetch {
    const void *body;
    size_t size;
    struct error failure;  // fetch_public fails with it while it is set
    int calls;
    size_t max_bytes;  // of the limits it was last given
};

extern struct fake_fetch fake_fetch;
