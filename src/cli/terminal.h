// What the terminal can do that standard output and standard error may be: colours, pictures.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum terminal_colour { COLOUR_PLAIN, COLOUR_STRONG, COLOUR_FAINT, COLOUR_BAD, COLOUR_COUNT };

// Whether it is a terminal, not a dumb one, and NO_COLOR is not set (no-color.org).
bool terminal_has_colour(FILE *out);
// Texts of others: nothing in them may steer the terminal, so control characters become '?'.
void terminal_print(FILE *out, enum terminal_colour colour, const char *text);

enum terminal_pictures {
    PICTURES_NONE,
    PICTURES_KITTY,  // the graphics protocol of kitty
    PICTURES_ITERM,  // the inline images of iTerm2
    PICTURES_SIXEL,
};

struct terminal {
    enum terminal_pictures pictures;  // how standard output shows them
    uint32_t cell_height;             // pixels of a line of text; a guess where it is not told
};

// `choice` is auto, always or never, else ERROR_USAGE; output in JSON has no pictures. Where
// nothing else tells, auto asks the terminal and waits a little for its answer: call it before
// other threads begin, since it holds off signals meanwhile.
bool terminal_find(struct terminal *terminal, const char *choice, bool is_json, struct error *err);
