// The form reader on anything: first line the Content-Type, the rest the body, as in the suite
// tests/suites/multipart, which is its corpus.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "http/multipart.h"
#include "http/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max) {
    if (text == NULL) return;
    assert(utf8_is_valid(text, strlen(text)));
    assert(strlen(text) <= max);
    for (const char *c = text; *c != '\0'; c++) assert((unsigned char)*c >= 0x20 || *c == '\t');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *line_end = size == 0 ? NULL : memchr(data, '\n', size);
    if (line_end == NULL) return 0;
    size_t type_size = (size_t)(line_end - data);
    char *content_type = memory_try(type_size + 1);
    memcpy(content_type, data, type_size);
    content_type[type_size] = '\0';
    const unsigned char *body = line_end + 1;
    size_t body_size = size - type_size - 1;

    struct multipart_form form;
    struct error err = {0};
    if (multipart_parse(&form, content_type, body, body_size, &err)) {
        assert(form.part_count <= MULTIPART_PARTS_MAX);
        for (size_t i = 0; i < form.part_count; i++) {
            const struct http_part *part = &form.parts[i];
            assert(part->name != NULL);
            // An invalid byte becomes three.
            check_text(part->name, 3 * MULTIPART_NAME_MAX);
            check_text(part->file_name, 3 * MULTIPART_PART_HEADER_MAX);
            check_text(part->content_type, 3 * MULTIPART_PART_HEADER_MAX);
            assert(part->file_name == NULL || strpbrk(part->file_name, "/\\") == NULL);
            assert(part->bytes >= body && part->size <= body_size);
            assert(part->bytes + part->size <= body + body_size);
        }
        multipart_form_clear(&form);
    } else {
        assert(err.kind != ERROR_NONE && form.part_count == 0);
    }
    memory_free(content_type);
    return 0;
}
