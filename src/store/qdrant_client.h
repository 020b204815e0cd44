// Qdrant's REST interface as requests with JSON and answers with JSON. Keeps connections between
// requests, repeats what may succeed then (all our requests may be repeated: they say what is to
// be, not what is to change), and when the server is away says so at once instead of waiting again.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

struct qdrant_client;

// `url` as QDRANT_URL has it, `api_key` NULL or empty for none; both are copied. Sends nothing yet.
// ERROR_USAGE: the address is none, or the key cannot be sent.
struct qdrant_client *qdrant_client_create(const char *url, const char *api_key, struct error *err);
void qdrant_client_destroy(struct qdrant_client *client);

// Whether it answered when it was asked last; false before that. Asks nothing. Any thread.
bool qdrant_client_is_there(struct qdrant_client *client);

// Any thread. `path` begins with a slash. `body` is taken over, also after a failure; NULL is only
// right for GET and DELETE. *result, if asked for, is what the answer has under "result"; the
// caller releases it. Errors: ERROR_UNAVAILABLE (it is away, busy, or refuses the key),
// ERROR_NOT_FOUND, ERROR_CONFLICT (is there already), ERROR_STORAGE (its disk is full),
// ERROR_UPSTREAM (the request was refused, or the answer is not what Qdrant answers). The key is in
// no error and no log.
bool qdrant_client_send(struct qdrant_client *client, const char *method, const char *path,
                        json_t *body, json_t **result, struct error *err);
