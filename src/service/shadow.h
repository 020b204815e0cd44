// An experiment's shadow: a variant that captions some of the other variants' images too, only to
// be compared. One thread of its own works in the bulk lane, with the bytes that were stored, after
// the upload was; its answer is written down and nothing else. It never delays an upload: an image
// that finds SHADOW_WAITING_MAX of them waiting is left out, and counted as such. What it asks of
// the cloud is paid from its own purse, "shadow:NAME" of the experiment, and from the day's budget.
// While a budget or limit impedes it, or no provider can be reached, it waits with the image that
// it has: which images are observed must not depend on what they need.
#pragma once

#include "route/policy.h"
#include "store/store.h"

enum { SHADOW_WAITING_MAX = 64 };

struct service;
struct shadow;

// ERROR_INTERNAL: no thread.
struct shadow *shadow_create(struct service *service, struct error *err);
// No further images, and those that wait are left. Does not wait itself. Any thread.
void shadow_stop(struct shadow *shadow);
// Stops, and waits for the image that is under way: as long as the models take for it, and the
// cloud's timeout at the most. Takes NULL.
void shadow_destroy(struct shadow *shadow);
// The image was captioned and stored; if the shadow captions it, it will. Of those that asked for
// QUALITY_FAST it takes none: they do not want the cloud. Never waits; any thread.
void shadow_offer(struct shadow *shadow, const struct image_record *record,
                  enum route_quality quality);
