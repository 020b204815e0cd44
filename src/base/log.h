// Log lines on standard error: text on a terminal, one JSON object a line otherwise.
// Any thread; a line is written in one piece, and nobody waits for who reads it (log_line.h). Never
// pass secrets or picture content.
#pragma once

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_OFF };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

// Call before other threads start. Without it: LOG_INFO, LOG_FORMAT_AUTO.
void log_configure(enum log_level level, enum log_format format);
// "debug", "info", "warning", "error", "off"; false for anything else.
bool log_level_parse(const char *name, enum log_level *level);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
