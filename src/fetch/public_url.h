// What an address typed by a user must look like before anything is sent. libcurl's own URL parser
// reads it, and the very same handle is given to the transfer, so that what was checked is what is
// connected to.
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "base/error.h"

// A parsed address that may be tried; the caller frees it with curl_url_cleanup. NULL with
// ERROR_INVALID. Names are not resolved here: the socket's address is checked when it is opened.
CURLU *public_url_create(const char *url, bool allows_private, struct error *err);

// A redirect may not take the transfer from https to http.
bool public_url_is_downgrade(CURLU *from, CURLU *to);
