// A configuration file in a strict subset of YAML, as a small tree: mappings whose keys are plain
// words and unique, sequences, scalars, each with the line it began at. One document in UTF-8. Not
// taken: anchors, aliases, tags, and whatever is over the limits below; all are checked before
// memory is taken. What a key means, and whether it is known, is the reader's matter.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum {
    YAML_FILE_SIZE_MAX = 1024 * 1024,
    YAML_FILE_DEPTH_MAX = 16,      // containers within containers
    YAML_FILE_VALUES_MAX = 10000,  // scalars and containers
    YAML_FILE_TEXT_MAX = 4096,     // bytes of a key or a scalar
};

enum yaml_value_kind { YAML_VALUE_SCALAR, YAML_VALUE_SEQUENCE, YAML_VALUE_MAPPING };

struct yaml_value {
    enum yaml_value_kind kind;
    size_t line;                // from 1; a member's is its key's
    const char *key;            // of a mapping's member, else NULL
    const char *text;           // a scalar's, else NULL
    struct yaml_value *parent;  // NULL: the root
    struct yaml_value *first;   // member or item of a container; NULL: it has none
    struct yaml_value *next;    // the one after this in its container
};

struct yaml_file;

// ERROR_USAGE with file, line and what is wrong; ERROR_NOT_FOUND and ERROR_STORAGE of the file.
struct yaml_file *yaml_file_create(const char *path, struct error *err);
// The same of bytes in memory, which messages call `name`; both are copied.
struct yaml_file *yaml_file_parse_create(const char *name, const char *bytes, size_t size,
                                         struct error *err);
void yaml_file_destroy(struct yaml_file *file);  // takes NULL
const struct yaml_value *yaml_file_root(const struct yaml_file *file);
// Sets ERROR_USAGE: "NAME, line 12, at models: gpt-4o: price: …". Returns false.
bool yaml_file_fail(const struct yaml_file *file, const struct yaml_value *value, struct error *err,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
