// A file of labels: whatever is taken keeps its bounds, and each tag may be an image's.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/label_list.h"
#include "store/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right) {
    if (!is_right) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct label_list list;
    struct error err = {0};
    bool is_read = label_list_parse(&list, (const char *)data, size, "here", &err);
    check(is_read == (err.kind == ERROR_NONE));
    for (size_t i = 0; is_read && i < list.count; i++) {
        char tags[STORE_TAGS_SIZE] = "";
        check(tags_add(tags, list.labels[i].tag, NULL));
        check(strnlen(list.labels[i].text, LABEL_TEXT_SIZE) < LABEL_TEXT_SIZE);
    }
    label_list_clear(&list);
    return 0;
}
