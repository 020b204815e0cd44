#include "api/content_disposition.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *without_folders(const char *name) {
    for (const char *c = name; *c != '\0'; c++)
        if (*c == '/' || *c == '\\') name = c + 1;
    return name + strspn(name, ". ");
}

static bool ends_with(const char *name, const char *extension) {
    size_t size = strlen(name), tail = strlen(extension);
    return size > tail + 1 && name[size - tail - 1] == '.' &&
           strcasecmp(name + size - tail, extension) == 0;
}

// RFC 8187: what is no attr-char is written as %XX. Returns where the text ends.
static size_t append_encoded(char *text, size_t used, const char *name) {
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`|~";
    for (; *name != '\0' && used + sizeof "%XX" <= CONTENT_DISPOSITION_SIZE; name++) {
        unsigned char c = (unsigned char)*name;
        if (c < ' ' || c == 0x7f) continue;
        if (strchr(plain, c) != NULL)
            text[used++] = (char)c;
        else
            used += (size_t)snprintf(text + used, sizeof "%XX", "%%%02X", c);
    }
    text[used] = '\0';
    return used;
}

void content_disposition_write(const char *id, const char *name, const char *extension,
                               char text[static CONTENT_DISPOSITION_SIZE]) {
    int size =
        snprintf(text, CONTENT_DISPOSITION_SIZE, "inline; filename=\"%s.%s\"", id, extension);
    size_t used = (size_t)size;
    name = without_folders(name);
    if (name[0] == '\0') return;
    used = used +
           (size_t)snprintf(text + used, CONTENT_DISPOSITION_SIZE - used, "; filename*=UTF-8''");
    used = append_encoded(text, used, name);
    bool is_right =
        ends_with(name, extension) || (strcmp(extension, "jpg") == 0 && ends_with(name, "jpeg"));
    if (is_right) return;
    used = append_encoded(text, used, ".");
    (void)append_encoded(text, used, extension);
}
