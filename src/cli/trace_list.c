#include "cli/trace_list.h"

#include <string.h>

#include "base/memory.h"

static int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// In its place. false: a broken escape, or one of a control character.
static bool decode(char *text) {
    char *out = text;
    for (const char *c = text; *c != '\0'; c++) {
        int value = (unsigned char)*c;
        if (*c == '%') {
            int high = digit_value(c[1]), low = high < 0 ? -1 : digit_value(c[2]);
            if (low < 0) return false;
            value = high << 4 | low;
            c += 2;
        }
        if (value < 0x20 || value == 0x7f) return false;
        *out++ = (char)value;
    }
    *out = '\0';
    return true;
}

static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t')) text[--size] = '\0';
    return text;
}

static bool read_members(struct trace_list *list, char *text) {
    while (text != NULL) {
        char *member = text, *comma = strchr(text, ',');
        if (comma != NULL) *comma = '\0';
        text = comma == NULL ? NULL : comma + 1;
        member = trim(member);
        if (*member == '\0') continue;
        char *equals = strchr(member, '=');
        if (equals == NULL || list->count == TRACE_LIST_MAX) return false;
        *equals = '\0';
        char *name = trim(member), *value = trim(equals + 1);
        if (*name == '\0' || strpbrk(name, " \t:\r\n") != NULL || !decode(value)) return false;
        list->names[list->count] = name;
        list->values[list->count++] = value;
    }
    return true;
}

bool trace_list_parse(struct trace_list *list, const char *text) {
    *list = (struct trace_list){0};
    if (text == NULL || text[0] == '\0') return true;
    list->storage = memory_copy_text(text);
    if (read_members(list, list->storage)) return true;
    trace_list_clear(list);
    return false;
}

void trace_list_clear(struct trace_list *list) {
    memory_free(list->storage);
    *list = (struct trace_list){0};
}
