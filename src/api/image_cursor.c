#include "api/image_cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PART_SIZE = 16 };
_Static_assert(IMAGE_CURSOR_SIZE == 2 * PART_SIZE + 1, "a cursor's parts");

void image_cursor_write(const struct store_cursor *cursor, char text[static IMAGE_CURSOR_SIZE]) {
    (void)snprintf(text, IMAGE_CURSOR_SIZE, "%016" PRIx64 "%s", (uint64_t)cursor->created_ms,
                   cursor->id);
}

bool image_cursor_read(const char *text, struct store_cursor *cursor) {
    if (strlen(text) != IMAGE_CURSOR_SIZE - 1 ||
        strspn(text, "0123456789abcdef") != IMAGE_CURSOR_SIZE - 1)
        return false;
    char time[PART_SIZE + 1] = "";
    memcpy(time, text, PART_SIZE);
    cursor->created_ms = (int64_t)strtoull(time, NULL, 16);
    memcpy(cursor->id, text + PART_SIZE, PART_SIZE + 1);
    return true;
}
