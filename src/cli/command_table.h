// The commands, once: what --help, the man page and the completions are made from.
#pragma once

#include <stddef.h>

#include "cli/command.h"

struct command {
    const char *name;
    int settings;  // which settings it takes: FOR_...
    command_function *function;
    const char *words;    // what may follow the options; words that are to be typed as they are
                          // come between "[" or "|" and "|" or "]" in lower case
    const char *summary;  // NULL: started by the program itself, not shown
    const char *example;  // one that works
};

extern const struct command commands[];
extern const size_t command_count;

// NULL: there is none of that name.
const struct command *command_find(const char *name);
// The name that is most like a mistyped one; NULL: none is like it.
const char *command_suggest(const char *name);
