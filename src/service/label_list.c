#define _GNU_SOURCE  // memmem

#include "service/label_list.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "base/file.h"
#include "base/memory.h"
#include "store/tags.h"

static const char separator[] = " = ";

static bool wrong(struct error *err, const char *name, size_t line, const char *what) {
    return error_set(err, ERROR_INVALID, "line %zu of the tags in %s: %s", line, name, what);
}

static bool is_utf8(const char *text, size_t size) {
    utf8proc_int32_t character;
    while (size > 0) {
        utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &character);
        if (used <= 0) return false;
        text += used;
        size -= (size_t)used;
    }
    return true;
}

// A label from one line without blanks around it.
static bool read_label(struct label *label, const char *line, size_t size, const char *name,
                       size_t number, struct error *err) {
    if ((size >= 2 && memcmp(line + size - 2, " =", 2) == 0) ||
        memcmp(line, "= ", size < 2 ? size : 2) == 0)
        return wrong(err, name, number, "a word is missing beside the =");
    const char *split = memmem(line, size, separator, sizeof separator - 1);
    size_t tag_size = split == NULL ? size : (size_t)(split - line);
    const char *text = split == NULL ? line : split + sizeof separator - 1;
    size_t text_size = size - (size_t)(text - line);
    char checked[STORE_TAGS_SIZE] = "";
    struct error problem = {0};
    if (!is_utf8(line, size)) return wrong(err, name, number, "it is no UTF-8");
    if (memchr(line, '\0', size) != NULL) return wrong(err, name, number, "it has a zero byte");
    if (tag_size >= STORE_TAG_SIZE || text_size + sizeof "a picture of " > LABEL_TEXT_SIZE)
        return wrong(err, name, number, "it is too long");
    (void)snprintf(label->tag, sizeof label->tag, "%.*s", (int)tag_size, line);
    (void)snprintf(label->text, sizeof label->text, "%s%.*s", split == NULL ? "a picture of " : "",
                   (int)text_size, text);
    return tags_add(checked, label->tag, &problem) || wrong(err, name, number, problem.text);
}

static bool is_there(const struct label_list *list, const char *tag) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->labels[i].tag, tag) == 0) return true;
    return false;
}

static bool add_line(struct label_list *list, const char *line, size_t size, const char *name,
                     size_t number, struct error *err) {
    while (size > 0 && strchr(" \t\r", line[0]) != NULL && line[0] != '\0') line++, size--;
    while (size > 0 && strchr(" \t\r", line[size - 1]) != NULL && line[size - 1] != '\0') size--;
    if (size == 0 || line[0] == '#') return true;
    if (list->count == LABELS_MAX)
        return wrong(err, name, number, "there are too many; 4096 may be");
    struct label *label = &list->labels[list->count];
    if (!read_label(label, line, size, name, number, err)) return false;
    if (is_there(list, label->tag)) return wrong(err, name, number, "this tag is there already");
    list->count++;
    return true;
}

static size_t count_lines(const char *text, size_t size) {
    size_t count = 1;
    for (size_t i = 0; i < size; i++) count += text[i] == '\n';
    return count;
}

bool label_list_parse(struct label_list *list, const char *text, size_t size, const char *name,
                      struct error *err) {
    size_t lines = count_lines(text, size);
    *list = (struct label_list){0};
    list->labels = memory_try_array(lines < LABELS_MAX ? lines : LABELS_MAX, sizeof *list->labels);
    if (list->labels == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for the tags in %s", name);
    for (size_t number = 1; size > 0; number++) {
        const char *end = memchr(text, '\n', size);
        size_t length = end == NULL ? size : (size_t)(end - text);
        if (!add_line(list, text, length, name, number, err)) return false;
        text += length + (end != NULL);
        size -= length + (end != NULL);
    }
    return list->count > 0 || error_set(err, ERROR_INVALID, "there is no tag in %s", name);
}

bool label_list_read(struct label_list *list, const char *path, struct error *err) {
    size_t size;
    *list = (struct label_list){0};
    char *text = file_read_create(path, LABEL_FILE_MAX, &size, err);
    if (text == NULL) return false;
    bool is_done = label_list_parse(list, text, size, path, err);
    memory_free(text);
    return is_done;
}

void label_list_clear(struct label_list *list) {
    memory_free(list->labels);
    *list = (struct label_list){0};
}
