#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { MESSAGE_SIZE = 2048, LINE_SIZE = 2 * MESSAGE_SIZE };

static enum log_level lowest_level = LOG_INFO;
static enum log_format line_format = LOG_FORMAT_AUTO;

static const char *const level_names[] = {"debug", "info", "warning", "error", "off"};

void log_configure(enum log_level level, enum log_format format) {
    lowest_level = level;
    line_format = format;
}

bool log_level_parse(const char *name, enum log_level *level) {
    for (int i = LOG_DEBUG; i <= LOG_OFF; i++) {
        if (strcmp(name, level_names[i]) != 0) continue;
        *level = (enum log_level)i;
        return true;
    }
    return false;
}

// Escapes for a JSON string; control characters become spaces, so a message stays one line.
static size_t append_escaped(char *line, size_t used, const char *text, bool is_json) {
    for (const char *c = text; *c != '\0' && used + 4 < LINE_SIZE; c++) {
        if (is_json && (*c == '"' || *c == '\\')) line[used++] = '\\';
        line[used++] = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
    }
    return used;
}

void log_write(enum log_level level, const char *format, ...) {
    if (level < lowest_level) return;
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    bool is_json = line_format == LOG_FORMAT_JSON ||
                   (line_format == LOG_FORMAT_AUTO && isatty(STDERR_FILENO) == 0);
    char now[CLOCK_TEXT_SIZE];
    clock_utc_text(clock_utc_ms(), now);
    char line[LINE_SIZE];
    const char *opening = is_json ? "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"" : "%s %-7s ";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    size_t used = (size_t)snprintf(line, sizeof line, opening, now, level_names[level]);
#pragma GCC diagnostic pop
    used = append_escaped(line, used, message, is_json);
    if (is_json) {
        line[used++] = '"';
        line[used++] = '}';
    }
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;  // nowhere left to complain
}
