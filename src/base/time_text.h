// Dates and times that clients send.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// "2026-01-31" (midnight UTC) or a time of RFC 3339: "2026-01-31T09:26:53Z", with up to nine
// decimals, with an offset such as "+02:00" in place of Z. Gives milliseconds since 1970, UTC;
// false for anything else, and for times before 1970, which no image has.
bool time_text_read(const char *text, int64_t *ms);
