// Which variant of an experiment an image gets. Pure: the same name and image give the same variant
// on every machine and after every restart. Drawn by SHA-256, so experiments are independent of one
// another, and the shadow's draw of the variant's.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// The index of the variant, or `count`: the control, which gets what the shares leave. Shares are
// whole percent and add up to 100 at most.
//
// When a share changes, images move only between its variant, the control, and the second next,
// fourth next, … variant. So with one or two variants they come from the control and go back to
// it, and a variant added at the end takes from the control only.
size_t variant_choose(const char *experiment, const char *image_id, const unsigned *shares_percent,
                      size_t count);

// Whether the image is one of the `percent` of 100 that the shadow looks at. Raising the percentage
// keeps those that it looked at before.
bool variant_is_shadowed(const char *experiment, const char *image_id, unsigned percent);
