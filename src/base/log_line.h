// One log line with fields: {"time": …, "level": …, "message": …, fields} as JSON, or as text
// "time level message name=value …". For a line of many facts; log_write is for sentences. One
// owner, one thread.
//
// Whatever a value holds, the line stays one line and valid: control characters, bytes that are no
// UTF-8 and the characters that turn text around are escaped, long values are cut, and a field
// that does not fit any more is left out.
//
// A line goes to standard error by one write() of at most LOG_LINE_SIZE bytes, which pipes take in
// one piece. Nobody waits for a slow reader: where a pipe is full the line is lost, and the next
// one that gets through is led by how many were.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

// PIPE_BUF of Linux; `value` is what one field may take, escapes included.
enum { LOG_LINE_SIZE = 4096, LOG_VALUE_SIZE = 640 };

struct log_line {
    char bytes[LOG_LINE_SIZE];
    size_t used;
    bool is_json;
    bool is_open;      // an object within
    bool has_members;  // of the object that the next field goes to
};

bool log_is_on(enum log_level level);  // whether lines of this level are written
bool log_is_json(void);                // whether lines are JSON, as log_configure says

void log_line_begin(struct log_line *line, enum log_level level, const char *message);
void log_line_text(struct log_line *line, const char *name, const char *value);
void log_line_integer(struct log_line *line, const char *name, int64_t value);
// Without zeros at the end; null when it is not finite.
void log_line_decimal(struct log_line *line, const char *name, double value, int decimals);
void log_line_flag(struct log_line *line, const char *name, bool value);
// An object of the fields between the two. Not nested. In text its fields stand as any others.
void log_line_open(struct log_line *line, const char *name);
void log_line_close(struct log_line *line);
// Ends the line and writes it.
void log_line_write(struct log_line *line);
size_t log_lines_lost(void);  // by this process so far
