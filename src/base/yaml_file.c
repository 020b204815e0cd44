#include "base/yaml_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"
#include "base/memory.h"

enum { PLACE_SIZE = 200 };

struct yaml_file {
    char name[256];
    struct yaml_value *root;
};

struct yaml_reader {
    yaml_parser_t parser;
    struct yaml_file *file;
    struct yaml_value *open;  // the container that is being filled; NULL: the root comes
    struct yaml_value *last;  // its latest member; NULL: none yet
    size_t depth, value_count;
    bool has_key;  // of the mapping that is open: its value comes next
    size_t key_line;
    char key[YAML_FILE_TEXT_MAX + 1];
};

// The keys that lead to a value, outermost first.
static void place_write(const struct yaml_value *value, char place[static PLACE_SIZE]) {
    const struct yaml_value *path[YAML_FILE_DEPTH_MAX + 1];
    size_t depth = 0, length = 0;
    for (; value != NULL && depth <= YAML_FILE_DEPTH_MAX; value = value->parent)
        if (value->key != NULL) path[depth++] = value;
    place[0] = '\0';
    while (depth > 0 && length < PLACE_SIZE - 1) {
        int count = snprintf(place + length, PLACE_SIZE - length, "%s%.60s",
                             length == 0 ? ", at " : ": ", path[--depth]->key);
        length += count < 0 ? 0 : (size_t)count;
    }
}

bool yaml_file_fail(const struct yaml_file *file, const struct yaml_value *value, struct error *err,
                    const char *format, ...) {
    char words[ERROR_TEXT_SIZE], place[PLACE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    place_write(value, place);
    return error_set(err, ERROR_USAGE, "%s, line %zu%s: %s", file->name, value->line, place, words);
}

static bool fail_at(const struct yaml_reader *reader, const yaml_mark_t *mark, struct error *err,
                    const char *words) {
    return error_set(err, ERROR_USAGE, "%s, line %zu: %s", reader->file->name, mark->line + 1,
                     words);
}

static bool check_scalar(const struct yaml_reader *reader, const yaml_event_t *event,
                         struct error *err) {
    size_t length = event->data.scalar.length;
    const char *text = (const char *)event->data.scalar.value;
    if (length > YAML_FILE_TEXT_MAX)
        return fail_at(reader, &event->start_mark, err, "the text is too long; say it in less");
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\n' && text[i] != '\t') || text[i] == 0x7f)
            return fail_at(reader, &event->start_mark, err,
                           "the text has a control character in it");
    return true;
}

static bool read_key(struct yaml_reader *reader, const yaml_event_t *event, struct error *err) {
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(reader, &event->start_mark, err, "a key must be a word");
    if (!check_scalar(reader, event, err)) return false;
    const char *key = (const char *)event->data.scalar.value;
    if (key[0] == '\0' || strpbrk(key, "\n\t") != NULL)
        return fail_at(reader, &event->start_mark, err, "a key must be a word");
    memcpy(reader->key, key, event->data.scalar.length + 1);
    for (const struct yaml_value *other = reader->open->first; other != NULL; other = other->next)
        if (strcmp(other->key, reader->key) == 0)
            return yaml_file_fail(reader->file, other, err, "it is there twice, again in line %zu",
                                  event->start_mark.line + 1);
    reader->has_key = true;
    reader->key_line = event->start_mark.line + 1;
    return true;
}

// Adds a value to the container that is open, and opens it if it is one itself.
static bool add_value(struct yaml_reader *reader, const yaml_event_t *event,
                      enum yaml_value_kind kind, struct error *err) {
    bool is_scalar = kind == YAML_VALUE_SCALAR;
    if (is_scalar && !check_scalar(reader, event, err)) return false;
    if (++reader->value_count > YAML_FILE_VALUES_MAX)
        return fail_at(reader, &event->start_mark, err, "there are too many values in the file");
    if (!is_scalar && ++reader->depth > YAML_FILE_DEPTH_MAX)
        return fail_at(reader, &event->start_mark, err, "it is nested too deeply");
    size_t key_size = reader->has_key ? strlen(reader->key) + 1 : 0;
    size_t text_size = is_scalar ? event->data.scalar.length + 1 : 0;
    struct yaml_value *value = memory_try_zeroed(1, sizeof *value + key_size + text_size);
    if (value == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for %s", reader->file->name);
    char *texts = (char *)(value + 1);
    if (reader->has_key) value->key = memcpy(texts, reader->key, key_size);
    if (is_scalar) value->text = memcpy(texts + key_size, event->data.scalar.value, text_size);
    value->kind = kind;
    value->line = reader->has_key ? reader->key_line : event->start_mark.line + 1;
    value->parent = reader->open;
    if (reader->last != NULL)
        reader->last->next = value;
    else if (reader->open != NULL)
        reader->open->first = value;
    else
        reader->file->root = value;
    reader->has_key = false;
    reader->last = is_scalar ? value : NULL;
    if (!is_scalar) reader->open = value;
    return true;
}

static void close_container(struct yaml_reader *reader) {
    if (reader->open == NULL) return;  // libyaml never ends what did not begin
    reader->depth--;
    reader->last = reader->open;
    reader->open = reader->open->parent;
}

static bool is_plain(const yaml_char_t *anchor, const yaml_char_t *tag) {
    return anchor == NULL && tag == NULL;
}

static bool read_event(struct yaml_reader *reader, const yaml_event_t *event, struct error *err) {
    static const char not_plain[] = "anchors (&), aliases (*) and tags (!) are not taken";
    bool wants_key =
        reader->open != NULL && reader->open->kind == YAML_VALUE_MAPPING && !reader->has_key;
    switch (event->type) {
        case YAML_ALIAS_EVENT:
            return fail_at(reader, &event->start_mark, err, not_plain);
        case YAML_SCALAR_EVENT:
            if (!is_plain(event->data.scalar.anchor, event->data.scalar.tag))
                return fail_at(reader, &event->start_mark, err, not_plain);
            return wants_key ? read_key(reader, event, err)
                             : add_value(reader, event, YAML_VALUE_SCALAR, err);
        case YAML_SEQUENCE_START_EVENT:
            if (!is_plain(event->data.sequence_start.anchor, event->data.sequence_start.tag))
                return fail_at(reader, &event->start_mark, err, not_plain);
            return wants_key ? read_key(reader, event, err)
                             : add_value(reader, event, YAML_VALUE_SEQUENCE, err);
        case YAML_MAPPING_START_EVENT:
            if (!is_plain(event->data.mapping_start.anchor, event->data.mapping_start.tag))
                return fail_at(reader, &event->start_mark, err, not_plain);
            return wants_key ? read_key(reader, event, err)
                             : add_value(reader, event, YAML_VALUE_MAPPING, err);
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
            close_container(reader);
            return true;
        case YAML_DOCUMENT_START_EVENT:
            return reader->file->root == NULL ||
                   fail_at(reader, &event->start_mark, err, "one document a file is taken");
        default:
            return true;
    }
}

static bool read_events(struct yaml_reader *reader, struct error *err) {
    bool is_at_end = false, is_ok = true;
    while (is_ok && !is_at_end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event)) {
            // Of bytes that are no text libyaml knows the offset only.
            const char *problem = reader->parser.problem;
            return fail_at(reader, &reader->parser.problem_mark, err,
                           problem == NULL ? "this is not YAML" : problem);
        }
        is_ok = read_event(reader, &event, err);
        is_at_end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    return is_ok && (reader->file->root != NULL ||
                     error_set(err, ERROR_USAGE, "%s is empty", reader->file->name));
}

struct yaml_file *yaml_file_parse_create(const char *name, const char *bytes, size_t size,
                                         struct error *err) {
    struct yaml_file *file = memory_alloc(sizeof *file);
    struct yaml_reader *reader = memory_alloc(sizeof *reader);
    (void)snprintf(file->name, sizeof file->name, "%s", name);
    reader->file = file;
    bool is_read = false;
    if (size > YAML_FILE_SIZE_MAX) {
        error_set(err, ERROR_USAGE, "%s is larger than %d bytes", name, YAML_FILE_SIZE_MAX);
    } else if (yaml_parser_initialize(&reader->parser) == 0) {
        error_set(err, ERROR_INTERNAL, "out of memory for %s", name);
    } else {
        yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&reader->parser, (const unsigned char *)bytes, size);
        is_read = read_events(reader, err);
        yaml_parser_delete(&reader->parser);
    }
    memory_free(reader);
    if (is_read) return file;
    yaml_file_destroy(file);
    return NULL;
}

struct yaml_file *yaml_file_create(const char *path, struct error *err) {
    size_t size;
    struct error problem = {0};
    char *bytes = file_read_create(path, YAML_FILE_SIZE_MAX, &size, &problem);
    if (bytes == NULL) {
        bool is_large = problem.kind == ERROR_TOO_LARGE;
        error_set(err, is_large ? ERROR_USAGE : problem.kind, "%s", problem.text);
        return NULL;
    }
    struct yaml_file *file = yaml_file_parse_create(path, bytes, size, err);
    memory_free(bytes);
    return file;
}

void yaml_file_destroy(struct yaml_file *file) {
    if (file == NULL) return;
    for (struct yaml_value *value = file->root; value != NULL;) {
        struct yaml_value *gone = value;
        if (value->first != NULL) {
            value = value->first;
            gone->first = NULL;
            continue;
        }
        value = value->next != NULL ? value->next : value->parent;
        memory_free(gone);
    }
    memory_free(file);
}

const struct yaml_value *yaml_file_root(const struct yaml_file *file) { return file->root; }
