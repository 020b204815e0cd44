#include "observe/trace_context.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { KEY_SIZE_MAX = 256, VALUE_SIZE_MAX = 256 };

void hex_write(const uint8_t *bytes, int count, char *text) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < count; i++) {
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
    *text = '\0';
}

// Lower-case only, as the standard wants it. -1: no digit.
static int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// *is_zero tells that all bytes are.
static bool read_hex(const char *text, uint8_t *bytes, size_t count, bool *is_zero) {
    *is_zero = true;
    for (size_t i = 0; i < count; i++) {
        int high = digit_value(text[2 * i]);
        int low = high < 0 ? -1 : digit_value(text[2 * i + 1]);
        if (low < 0) return false;
        bytes[i] = (uint8_t)(high << 4 | low);
        if (bytes[i] != 0) *is_zero = false;
    }
    return true;
}

bool trace_context_parse(const char *traceparent, struct trace_context *context) {
    enum { TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, SIZE = TRACE_PARENT_SIZE - 1 };
    if (traceparent == NULL || strnlen(traceparent, SIZE) < SIZE) return false;
    uint8_t version, flags;
    struct trace_context parsed;
    bool is_zero_version, is_zero_trace, is_zero_span, is_zero_flags;
    if (!read_hex(traceparent, &version, 1, &is_zero_version) || version == 0xff) return false;
    char after = traceparent[SIZE];
    if (after != '\0' && (is_zero_version || after != '-')) return false;
    if (traceparent[TRACE_AT - 1] != '-' || traceparent[SPAN_AT - 1] != '-' ||
        traceparent[FLAGS_AT - 1] != '-')
        return false;
    if (!read_hex(traceparent + TRACE_AT, parsed.trace_id, TRACE_ID_BYTES, &is_zero_trace) ||
        !read_hex(traceparent + SPAN_AT, parsed.span_id, SPAN_ID_BYTES, &is_zero_span) ||
        !read_hex(traceparent + FLAGS_AT, &flags, 1, &is_zero_flags) || is_zero_trace ||
        is_zero_span)
        return false;
    parsed.is_sampled = (flags & 1) != 0;
    *context = parsed;
    return true;
}

void trace_context_write(const struct trace_context *context, char text[static TRACE_PARENT_SIZE]) {
    char trace_id[TRACE_ID_TEXT_SIZE], span_id[SPAN_ID_TEXT_SIZE];
    hex_write(context->trace_id, TRACE_ID_BYTES, trace_id);
    hex_write(context->span_id, SPAN_ID_BYTES, span_id);
    (void)snprintf(text, TRACE_PARENT_SIZE, "00-%s-%s-%s", trace_id, span_id,
                   context->is_sampled ? "01" : "00");
}

static bool is_key(const char *text, size_t size) {
    if (size == 0 || size > KEY_SIZE_MAX) return false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool is_letter_or_digit = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_letter_or_digit && (i == 0 || c == '\0' || strchr("_-*/@", c) == NULL))
            return false;
    }
    return true;
}

static bool is_value(const char *text, size_t size) {
    if (size == 0 || size > VALUE_SIZE_MAX) return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] < ' ' || text[i] > '~' || text[i] == ',' || text[i] == '=') return false;
    return text[size - 1] != ' ';
}

// A member with this key, its "=" included.
static bool has_member(const char *state, const char *key, size_t key_size) {
    for (const char *at = state; *at != '\0'; at += strcspn(at, ","), at += *at == ',')
        if (strncmp(at, key, key_size) == 0) return true;
    return false;
}

bool trace_state_add(char state[static TRACE_STATE_SIZE], const char *header) {
    size_t used = strlen(state), members = used > 0;
    for (const char *c = state; *c != '\0'; c++) members += *c == ',';
    while (*header != '\0') {
        size_t size = strcspn(header, ",");
        const char *member = header, *end = header + size;
        header = end + (*end == ',');
        while (member < end && (*member == ' ' || *member == '\t')) member++;
        while (end > member && (end[-1] == ' ' || end[-1] == '\t')) end--;
        size = (size_t)(end - member);
        if (size == 0) continue;  // empty members are allowed and say nothing
        const char *equals = memchr(member, '=', size);
        size_t key_size = equals == NULL ? 0 : (size_t)(equals - member);
        if (equals == NULL || !is_key(member, key_size) ||
            !is_value(equals + 1, size - key_size - 1) || has_member(state, member, key_size + 1) ||
            ++members > TRACE_STATE_MEMBERS) {
            state[0] = '\0';
            return false;
        }
        if (used + (used > 0) + size >= TRACE_STATE_SIZE) continue;
        if (used > 0) state[used++] = ',';
        memcpy(state + used, member, size);
        used += size;
        state[used] = '\0';
    }
    return true;
}
