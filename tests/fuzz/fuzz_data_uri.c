// Pictures as other programs write them, from strangers: whatever the text, either bytes or an
// address come out, within the limit, or a sentence that says what is wrong.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "api/picture_source.h"
#include "base/memory.h"

enum { LIMIT = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(enum picture_form form, const char *text, size_t length) {
    struct picture_source source;
    struct error err = {0};
    if (picture_source_read(&source, form, text, length, LIMIT, &err)) {
        assert((source.bytes != NULL) != (source.url != NULL));
        assert(source.url == NULL || (source.url == text && form == PICTURE_ADDRESS));
        assert(source.bytes == NULL || (source.size > 0 && source.size <= length));
        // A little over the limit is the service's to refuse.
        assert(source.size <= LIMIT + LIMIT / 8);
    } else {
        assert(err.kind != ERROR_NONE && err.text[0] != '\0');
        assert(source.url == NULL);
    }
    picture_source_clear(&source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = memory_try(size + 1);  // exact, so that a read past the end is found
    if (text == NULL) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    read_as(PICTURE_ADDRESS, text, size);
    read_as(PICTURE_BASE64, text, size);
    memory_free(text);
    return 0;
}
