// Pictures written into an address (RFC 2397): "data:image/png;base64,iVBORw0KGgo…".
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

bool is_data_uri(const char *text, size_t length);

// Where the base64 of a picture begins; it goes on to the end of the text, and is not looked at
// here. ERROR_INVALID: no data URI, not base64, or of another kind than pictures.
bool data_uri_read(const char *text, size_t length, const char **base64, size_t *base64_length,
                   struct error *err);
