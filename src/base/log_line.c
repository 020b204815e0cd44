#include "base/log_line.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    MESSAGE_SIZE_MAX = 2560,  // as written, escapes included
    ENDING_SIZE = 4,          // what always finds room: a quote, two braces, the line's end
    NUMBER_SIZE = 64,
};

static enum log_level lowest_level = LOG_INFO;
static enum log_format line_format = LOG_FORMAT_AUTO;

static const char *const level_names[] = {"debug", "info", "warning", "error", "off"};

// Between asking whether there is room and writing, no other thread may take the room.
static pthread_mutex_t output_mutex = PTHREAD_MUTEX_INITIALIZER;
static size_t lost_lines;  // since the last one that was written
static size_t all_lost_lines;

void log_configure(enum log_level level, enum log_format format) {
    lowest_level = level;
    line_format = format;
}

bool log_is_on(enum log_level level) { return level >= lowest_level; }

bool log_level_parse(const char *name, enum log_level *level) {
    for (int i = LOG_DEBUG; i <= LOG_OFF; i++) {
        if (strcmp(name, level_names[i]) != 0) continue;
        *level = (enum log_level)i;
        return true;
    }
    return false;
}

// Bytes of the UTF-8 character that *text begins with; 0 when it begins with none.
static size_t character_read(const char *text, uint32_t *code) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
    *code = bytes[0];
    if (bytes[0] < 0x80) return 1;
    size_t count = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4) return 0;
    *code &= 0x7fU >> count;
    for (size_t i = 1; i < count; i++) {
        if ((bytes[i] & 0xc0) != 0x80) return 0;
        *code = (*code << 6) | (bytes[i] & 0x3f);
    }
    bool is_surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < smallest[count] || *code > 0x10ffff || is_surrogate ? 0 : count;
}

// Characters that steer terminals, end lines, or turn around the order of what is shown.
static bool is_steering(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

// One character, escaped where it must be. Returns the bytes of *text it took.
static size_t character_write(const char *text, bool is_json, bool is_quoted,
                              char piece[static 8]) {
    uint32_t code;
    size_t size = character_read(text, &code);
    if (size == 0)
        (void)snprintf(piece, 8, is_json ? "\\ufffd" : "\\x%02x", (unsigned char)*text);
    else if (is_steering(code))
        (void)snprintf(piece, 8, is_json || code > 0xff ? "\\u%04x" : "\\x%02x", (unsigned)code);
    else
        (void)snprintf(piece, 8, "%s%.*s",
                       (is_quoted && code == '"') || (is_json && code == '\\') ? "\\" : "",
                       (int)size, text);
    return size == 0 ? 1 : size;
}

static void append(struct log_line *line, const char *bytes, size_t size) {
    memcpy(line->bytes + line->used, bytes, size);
    line->used += size;
}

// At most size_max bytes as written, and no more than the line has.
static void append_escaped(struct log_line *line, const char *text, size_t size_max,
                           bool is_quoted) {
    static const char ellipsis[] = "\xe2\x80\xa6";
    size_t end = LOG_LINE_SIZE - ENDING_SIZE;
    if (size_max < end - line->used) end = line->used + size_max;
    end -= sizeof ellipsis - 1;
    while (*text != '\0') {
        char piece[8];
        size_t taken = character_write(text, line->is_json, is_quoted, piece);
        size_t size = strlen(piece);
        if (line->used + size > end) {
            append(line, ellipsis, sizeof ellipsis - 1);
            return;
        }
        append(line, piece, size);
        text += taken;
    }
}

bool log_is_json(void) {
    return line_format == LOG_FORMAT_JSON ||
           (line_format == LOG_FORMAT_AUTO && isatty(STDERR_FILENO) == 0);
}

void log_line_begin(struct log_line *line, enum log_level level, const char *message) {
    line->is_json = log_is_json();
    line->is_open = false;
    line->has_members = true;
    char now[CLOCK_TEXT_SIZE];
    clock_utc_text(clock_utc_ms(), now);
    int used =
        line->is_json
            ? snprintf(line->bytes, sizeof line->bytes,
                       "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"", now, level_names[level])
            : snprintf(line->bytes, sizeof line->bytes, "%s %-7s ", now, level_names[level]);
    line->used = (size_t)used;
    append_escaped(line, message, MESSAGE_SIZE_MAX, line->is_json);
    if (line->is_json) append(line, "\"", 1);
}

// False when the line has no room for a name and a short value.
static bool begin_field(struct log_line *line, const char *name) {
    size_t size = strlen(name);
    if (line->used + size + NUMBER_SIZE + ENDING_SIZE > LOG_LINE_SIZE) return false;
    if (!line->is_json)
        append(line, " ", 1);
    else if (line->has_members)
        append(line, ",\"", 2);
    else
        append(line, "\"", 1);
    append(line, name, size);
    append(line, line->is_json ? "\":" : "=", line->is_json ? 2 : 1);
    line->has_members = true;
    return true;
}

void log_line_text(struct log_line *line, const char *name, const char *value) {
    if (!begin_field(line, name)) return;
    bool is_quoted = line->is_json || *value == '\0' || strpbrk(value, " \"=") != NULL;
    if (is_quoted) append(line, "\"", 1);
    append_escaped(line, value, LOG_VALUE_SIZE, is_quoted);
    if (is_quoted) append(line, "\"", 1);
}

void log_line_integer(struct log_line *line, const char *name, int64_t value) {
    char text[NUMBER_SIZE];
    int size = snprintf(text, sizeof text, "%lld", (long long)value);
    if (begin_field(line, name)) append(line, text, (size_t)size);
}

void log_line_decimal(struct log_line *line, const char *name, double value, int decimals) {
    char text[NUMBER_SIZE];
    int size = snprintf(text, sizeof text, "%.*f", decimals, value);
    if (!isfinite(value) || size >= NUMBER_SIZE) size = snprintf(text, sizeof text, "null");
    if (strchr(text, '.') != NULL) {
        while (text[size - 1] == '0') size--;
        if (text[size - 1] == '.') size--;
    }
    if (begin_field(line, name)) append(line, text, (size_t)size);
}

void log_line_flag(struct log_line *line, const char *name, bool value) {
    if (begin_field(line, name)) append(line, value ? "true" : "false", value ? 4 : 5);
}

void log_line_open(struct log_line *line, const char *name) {
    if (!line->is_json) return;
    line->is_open = begin_field(line, name);
    if (!line->is_open) return;
    append(line, "{", 1);
    line->has_members = false;
}

void log_line_close(struct log_line *line) {
    if (line->is_open) append(line, "}", 1);
    line->is_open = false;
    line->has_members = true;
}

// Pipes have room for a line of this size whenever they say that they can be written to.
static bool output_has_room(void) {
    struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&output, 1, 0) == 1 && (output.revents & POLLOUT) != 0;
}

static bool output_write(struct log_line *line) {
    if (line->is_json) append(line, "}", 1);
    append(line, "\n", 1);
    return output_has_room() &&
           write(STDERR_FILENO, line->bytes, line->used) == (ssize_t)line->used;
}

static bool lost_lines_told(void) {
    if (lost_lines == 0) return true;
    char message[128];
    (void)snprintf(message, sizeof message,
                   "%zu log lines were lost, because what reads them was too slow", lost_lines);
    struct log_line line;
    log_line_begin(&line, LOG_WARNING, message);
    if (!output_write(&line)) return false;
    lost_lines = 0;
    return true;
}

void log_line_write(struct log_line *line) {
    (void)pthread_mutex_lock(&output_mutex);
    if (!lost_lines_told() || !output_write(line)) {
        lost_lines++;
        all_lost_lines++;
    }
    (void)pthread_mutex_unlock(&output_mutex);
}

size_t log_lines_lost(void) {
    (void)pthread_mutex_lock(&output_mutex);
    size_t count = all_lost_lines;
    (void)pthread_mutex_unlock(&output_mutex);
    return count;
}
