// Text from outside that is shown to people: valid UTF-8 and nothing that steers the display.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Copies what fits, cut between characters. Control characters, line separators and marks that
// turn the direction of writing are left out; bytes that are no UTF-8 become U+FFFD.
void plain_text_copy(char *copy, size_t copy_size, const char *text);
// Nothing but blanks of any script.
bool plain_text_is_blank(const char *text);
