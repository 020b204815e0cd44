#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log_line.h"

enum { MESSAGE_SIZE = 2048 };

void log_write(enum log_level level, const char *format, ...) {
    if (!log_is_on(level)) return;
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct log_line line;
    log_line_begin(&line, level, message);
    log_line_write(&line);
}
