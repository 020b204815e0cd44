#include "store/tags.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"

bool tags_next(const char **tags, char tag[static STORE_TAG_SIZE]) {
    if (**tags == '\0') return false;
    size_t length = strcspn(*tags, "\n");
    (void)snprintf(tag, STORE_TAG_SIZE, "%.*s", (int)length, *tags);
    *tags += length + ((*tags)[length] == '\n' ? 1 : 0);
    return true;
}

bool tags_contain(const char *tags, const char *tag) {
    char each[STORE_TAG_SIZE];
    while (tags_next(&tags, each))
        if (strcmp(each, tag) == 0) return true;
    return false;
}

static size_t count_tags(const char *tags) {
    char each[STORE_TAG_SIZE];
    size_t count = 0;
    while (tags_next(&tags, each)) count++;
    return count;
}

static bool is_allowed(const char *tag) {
    for (const char *c = tag; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == ',') return false;
    return tag[0] != '\0';
}

bool tags_add(char tags[static STORE_TAGS_SIZE], const char *tag, struct error *err) {
    if (!is_allowed(tag))
        return error_set(err, ERROR_INVALID,
                         "a tag must be some text without commas and control characters");
    if (strlen(tag) >= STORE_TAG_SIZE)
        return error_set(err, ERROR_INVALID, "the tag \"%.32s…\" is longer than %d bytes", tag,
                         STORE_TAG_SIZE - 1);
    if (tags_contain(tags, tag)) return true;
    if (count_tags(tags) == STORE_TAGS_MAX)
        return error_set(err, ERROR_INVALID, "an image has at most %d tags", STORE_TAGS_MAX);
    size_t used = strlen(tags);
    (void)snprintf(tags + used, STORE_TAGS_SIZE - used, "%s%s", used == 0 ? "" : "\n", tag);
    return true;
}

uint32_t tags_digest(const char *tags) {
    uint8_t digest[SHA256_SIZE];
    uint32_t number;
    sha256(tags, strlen(tags), digest);
    number = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
             digest[3];
    return number == 0 ? 1 : number;
}

bool tags_are_users(const struct image_record *record) {
    uint32_t digest = record->receipt.tags_digest;
    return digest == 0 ? record->tags[0] != '\0' : tags_digest(record->tags) != digest;
}
