// What the hub's answers mean to a user, and how long it wants us to wait.
#pragma once

#include <stdbool.h>

#include "hub/hub_remote.h"

// Seconds that a 429 or 503 asks for: Retry-After, else t= of RateLimit; -1 when it does not say.
// Either header may be NULL.
long reply_wait_seconds(const char *retry_after, const char *rate_limit);

// Writes the error for an answer that will not get better by asking again.
bool reply_set_error(struct hub_remote *remote, long status, const char *path, struct error *err);

// Writes the error for no answer at all; `failure` is what fetch_client_send said.
bool reply_set_silence(const struct hub_remote *remote, const struct error *failure,
                       struct error *err);
