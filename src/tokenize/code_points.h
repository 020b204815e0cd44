// Text as an array of Unicode code points, and the classes and the lower case that both tokenizers
// need, as Python's str has them. Tables come from utf8proc.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

// A query or a prompt, of which models read 77 to 512 tokens. A single word of this size takes the
// byte-pair encoder some 30 ms.
enum { TEXT_MAX_BYTES = 16 << 10 };

// The caller frees with memory_free. Errors: ERROR_INVALID when the text is not UTF-8 (surrogates
// and overlong forms are none), ERROR_TOO_LARGE over TEXT_MAX_BYTES.
int32_t *code_points_create(const char *text, size_t *count, struct error *err);

// str.lower(): full mapping with İ as two code points and ς at the end of words. `lower` has room
// for twice `count`; returns how many are written.
size_t code_points_lower(const int32_t *points, size_t count, int32_t *lower);

// " ".join(text.split()): runs of whitespace become one space, none at the ends. In place.
size_t code_points_collapse_spaces(int32_t *points, size_t count);

bool code_point_is_space(int32_t point);   // str.isspace()
bool code_point_is_letter(int32_t point);  // \p{L}
bool code_point_is_number(int32_t point);  // \p{N}

// Writes 1 to 4 bytes, returns how many.
size_t code_point_encode(int32_t point, char bytes[static 4]);
