#include "observe/otlp_json.h"

#include <string.h>

// How many bytes the character at `text` has; 0: it is not UTF-8.
static size_t character_size(const unsigned char *text) {
    if (text[0] < 0x80) return 1;
    size_t size = text[0] >= 0xc2 && text[0] <= 0xdf   ? 2
                  : text[0] >= 0xe0 && text[0] <= 0xef ? 3
                  : text[0] >= 0xf0 && text[0] <= 0xf4 ? 4
                                                       : 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    // Too long a form of a lower one, halves of pairs, above the last one.
    bool is_wrong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
                    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f);
    return is_wrong ? 0 : size;
}

// A whole number; printf takes several times as long, and a batch has thousands of them.
static void write_number(struct byte_buffer *body, int64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (value < 0) byte_buffer_append(body, "-", 1);
    byte_buffer_append(body, digits + at, sizeof digits - at);
}

static bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// What is not UTF-8 becomes U+FFFD.
static void write_text(struct byte_buffer *body, const char *text) {
    byte_buffer_append(body, "\"", 1);
    while (*text != '\0') {
        size_t plain = 0, size;
        while (is_plain(text[plain])) plain++;
        while ((unsigned char)text[plain] >= 0x7f &&
               (size = character_size((const unsigned char *)text + plain)) > 0)
            plain += size;
        byte_buffer_append(body, text, plain);
        text += plain;
        if (*text == '\0') break;
        if (is_plain(*text)) continue;
        unsigned char c = (unsigned char)*text++;
        if (c == '"' || c == '\\')
            byte_buffer_append_format(body, "\\%c", c);
        else if (c < 0x20)
            byte_buffer_append_format(body, "\\u%04x", c);
        else
            byte_buffer_append_text(body, "\xef\xbf\xbd");
    }
    byte_buffer_append(body, "\"", 1);
}

static void write_text_attribute(struct byte_buffer *body, const char *key, const char *text) {
    byte_buffer_append_text(body, "{\"key\":");
    write_text(body, key);
    byte_buffer_append_text(body, ",\"value\":{\"stringValue\":");
    write_text(body, text);
    byte_buffer_append_text(body, "}}");
}

static void write_attribute(struct byte_buffer *body, const struct span_attribute *attribute) {
    if (attribute->type == ATTRIBUTE_TEXT) {
        write_text_attribute(body, attribute->key, attribute->value.text);
        return;
    }
    byte_buffer_append_text(body, "{\"key\":");
    write_text(body, attribute->key);
    byte_buffer_append_text(body, ",\"value\":{");
    if (attribute->type == ATTRIBUTE_INTEGER) {
        byte_buffer_append_text(body, "\"intValue\":\"");
        write_number(body, attribute->value.integer);
        byte_buffer_append(body, "\"", 1);
    } else if (attribute->type == ATTRIBUTE_NUMBER) {
        byte_buffer_append_format(body, "\"doubleValue\":%.17g", attribute->value.number);
    } else {
        byte_buffer_append_text(body, "\"boolValue\":");
        byte_buffer_append_text(body, attribute->value.flag ? "true" : "false");
    }
    byte_buffer_append_text(body, "}}");
}

static void write_id(struct byte_buffer *body, const char *opening, const uint8_t *id, int count) {
    char text[TRACE_ID_TEXT_SIZE];
    hex_write(id, count, text);
    byte_buffer_append_text(body, opening);
    byte_buffer_append(body, text, 2 * (size_t)count);
    byte_buffer_append(body, "\"", 1);
}

static void write_span(struct byte_buffer *body, const struct span *span) {
    // Bit 0: sampled; bit 8: it is known whether the parent is remote, which bit 9 says.
    unsigned flags = 0x101U | (span->is_parent_remote ? 0x200U : 0);
    write_id(body, "{\"traceId\":\"", span->context.trace_id, TRACE_ID_BYTES);
    write_id(body, ",\"spanId\":\"", span->context.span_id, SPAN_ID_BYTES);
    if (span->has_parent) write_id(body, ",\"parentSpanId\":\"", span->parent_id, SPAN_ID_BYTES);
    if (span->state[0] != '\0') {
        byte_buffer_append_text(body, ",\"traceState\":");
        write_text(body, span->state);
    }
    byte_buffer_append_text(body, ",\"flags\":");
    write_number(body, flags);
    byte_buffer_append_text(body, ",\"kind\":");
    write_number(body, span->kind);
    byte_buffer_append_text(body, ",\"name\":");
    write_text(body, span->name);
    byte_buffer_append_text(body, ",\"startTimeUnixNano\":\"");
    write_number(body, span->started_ns + span->unix_offset_ns);
    byte_buffer_append_text(body, "\",\"endTimeUnixNano\":\"");
    write_number(body, span->ended_ns + span->unix_offset_ns);
    byte_buffer_append(body, "\"", 1);
    byte_buffer_append_text(body, ",\"attributes\":[");
    for (size_t i = 0; i < span->attribute_count; i++) {
        if (i > 0) byte_buffer_append(body, ",", 1);
        write_attribute(body, &span->attributes[i]);
    }
    byte_buffer_append_text(body, span->is_failed ? "],\"status\":{\"code\":2}}" : "]}");
}

bool otlp_json_write(struct byte_buffer *body, const struct tracer_options *options,
                     struct span *const *spans, size_t count) {
    byte_buffer_append_text(body, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
    for (size_t i = 0; i < options->resource_count; i++) {
        if (i > 0) byte_buffer_append(body, ",", 1);
        write_text_attribute(body, options->resource[i].key, options->resource[i].text);
    }
    byte_buffer_append_text(body,
                            "]},\"scopeSpans\":[{\"scope\":{\"name\":\"imgrouter\",\"version\":");
    write_text(body, options->service_version);
    byte_buffer_append_text(body, "},\"spans\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) byte_buffer_append(body, ",", 1);
        write_span(body, spans[i]);
    }
    byte_buffer_append_text(body, "]}]}]}");
    return !body->has_failed;
}
