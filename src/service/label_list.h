// A file of tags that pictures may be given: one a line, "tag" or "tag = what the search model is
// asked"; "#" begins a comment, blank lines are passed over. docs/tags.md.
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "store/store.h"

enum {
    LABELS_MAX = 4096,         // 8 MB of vectors, and some seconds at start
    LABEL_TEXT_SIZE = 256,     // of what is asked, with NUL
    LABEL_FILE_MAX = 1 << 20,  // bytes
};

struct label {
    char tag[STORE_TAG_SIZE];
    char text[LABEL_TEXT_SIZE];
};

struct label_list {
    struct label *labels;  // [count]
    size_t count;
};

// Errors: ERROR_NOT_FOUND, ERROR_INVALID with the line that is wrong. The caller clears the list,
// also after a failure.
bool label_list_read(struct label_list *list, const char *path, struct error *err);
// The same of a text of `size` bytes; `name` is what errors call it.
bool label_list_parse(struct label_list *list, const char *text, size_t size, const char *name,
                      struct error *err);
void label_list_clear(struct label_list *list);
