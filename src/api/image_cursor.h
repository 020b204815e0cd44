// Where a listing of images goes on, as text: the time and the id of the last image shown, 16
// hexadecimal digits each. Clients must not look inside.
#pragma once

#include <stdbool.h>

#include "store/store.h"

enum { IMAGE_CURSOR_SIZE = 33 };  // with NUL

void image_cursor_write(const struct store_cursor *cursor, char text[static IMAGE_CURSOR_SIZE]);
// false: it is none of ours.
bool image_cursor_read(const char *text, struct store_cursor *cursor);
