// English noun phrases for things that were counted: "a dog", "two people", "many mice", "jeans".
// Pure, any thread.
#pragma once

#include <stddef.h>

// Writes `name`, a noun in the singular and in lower case, as `count` (1 or more) of it. Cut when
// it does not fit.
void noun_phrase_write(char *phrase, size_t phrase_size, const char *name, unsigned count);
