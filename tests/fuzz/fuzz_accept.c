// Any text as an Accept header: a quality from 0 to 1, and no read beyond the text.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    static const char *const types[] = {"text/plain", "application/openmetrics-text"};
    for (size_t i = 0; i < 2; i++) {
        struct http_acceptance found = http_accept_read(text, types[i], i == 0 ? NULL : "1.0.0");
        if (!(found.quality >= 0 && found.quality <= 1)) abort();
        if (found.is_named && strlen(text) < strlen(types[i])) abort();
    }
    free(text);
    return 0;
}
