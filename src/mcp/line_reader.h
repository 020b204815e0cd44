// Lines from a descriptor, each up to a ceiling. One thread.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct line_reader {
    int descriptor;
    size_t line_max;          // bytes, without the line end
    const sigset_t *signals;  // the mask while waiting; one that comes then ends the wait
    char *bytes;
    size_t capacity;
    size_t start, end;  // what has been read and not given yet
    bool is_skipping;   // the rest of a line that was too long
};

enum line_outcome {
    LINE_READ,
    LINE_TOO_LONG,     // it is passed over
    LINE_END,          // nothing comes any more
    LINE_INTERRUPTED,  // by a signal
    LINE_FAILED,       // err says why
};

void line_reader_init(struct line_reader *reader, int descriptor, size_t line_max,
                      const sigset_t *signals);
void line_reader_clear(struct line_reader *reader);
// Waits for a whole line. *line is borrowed until the next call, [*size], with neither line end
// nor NUL. What stands before the end without a line end is a line too.
enum line_outcome line_reader_next(struct line_reader *reader, const char **line, size_t *size,
                                   struct error *err);
