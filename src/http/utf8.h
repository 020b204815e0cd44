// UTF-8 of what comes from outside: checked where it must be right, mended where it is only shown.
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool utf8_is_valid(const char *bytes, size_t size);
// A copy with every invalid byte replaced by U+FFFD; the caller frees with memory_free. NULL when
// memory is out.
char *utf8_mended_copy(const char *bytes, size_t size);
