// HTML character references back to characters, as Python's html.unescape does it: &#38; &#x26;
// &amp; and the old ones that lack their semicolon. Of the 2125 names of HTML 5 the 252 of HTML 4
// are known, with AMP, LT, GT, QUOT, COPY, REG and apos; the others stay as they are written.
#pragma once

#include <stddef.h>
#include <stdint.h>

// In place: a reference is never shorter than what it stands for. Returns the new count. What one
// call has made is not looked at again by the same call.
size_t html_unescape(int32_t *points, size_t count);
