#include "archive/archive_manifest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const char format_name[] = "imgrouter export";

void archive_vectors_name(size_t space, char name[static ARCHIVE_FILE_NAME_SIZE]) {
    (void)snprintf(name, ARCHIVE_FILE_NAME_SIZE, "vectors-%zu.npy", space);
}

static json_t *space_object(const struct archive_space *each, size_t index) {
    char name[ARCHIVE_FILE_NAME_SIZE];
    archive_vectors_name(index, name);
    return json_pack("{s:s, s:I, s:I, s:s, s:s}", "embedding_model", each->space.embedding_model,
                     "width", (json_int_t)each->space.width, "count", (json_int_t)each->space.count,
                     "file", name, "sha256", each->sha256);
}

char *archive_manifest_write(const struct archive_manifest *manifest, struct error *err) {
    json_t *spaces = json_array();
    for (size_t i = 0; i < manifest->space_count; i++)
        (void)json_array_append_new(spaces, space_object(&manifest->spaces[i], i));
    json_t *root =
        json_pack("{s:s, s:i, s:I, s:s, s:b, s:s, s:o}", "format", format_name, "version",
                  ARCHIVE_VERSION, "images", (json_int_t)manifest->image_count, "active_space",
                  manifest->active_space, "pictures", manifest->has_pictures ? 1 : 0,
                  "images_sha256", manifest->images_sha256, "spaces", spaces);
    bool is_whole = root != NULL && json_array_size(spaces) == manifest->space_count;
    char *text = is_whole ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    char *copy = text == NULL ? NULL : memory_copy_text(text);
    free(text);  // jansson's
    if (copy == NULL)
        error_set(err, ERROR_INTERNAL,
                  "the manifest could not be made: the name of a vector space "
                  "is not UTF-8, or memory is out");
    return copy;
}

static bool read_text(const json_t *object, const char *key, char *text, size_t size,
                      struct error *err) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value) || json_string_length(value) >= size)
        return error_set(err, ERROR_INVALID, "\"%s\" must be a text of at most %zu bytes", key,
                         size - 1);
    memcpy(text, json_string_value(value), json_string_length(value) + 1);
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return error_set(err, ERROR_INVALID, "\"%s\" has a control character", key);
    return true;
}

static bool read_sha256(const json_t *object, const char *key, char text[static SHA256_HEX_SIZE],
                        struct error *err) {
    return read_text(object, key, text, SHA256_HEX_SIZE, err) &&
           (strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE - 1 ||
            error_set(err, ERROR_INVALID, "\"%s\" must be 64 lower-case hex digits", key));
}

static bool read_count(const json_t *object, const char *key, size_t least, size_t most,
                       size_t *count, struct error *err) {
    const json_t *value = json_object_get(object, key);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < (json_int_t)least || number > (json_int_t)most)
        return error_set(err, ERROR_INVALID, "\"%s\" must be a whole number from %zu to %zu", key,
                         least, most);
    *count = (size_t)number;
    return true;
}

static const size_t COUNT_MAX = (size_t)1 << 40;  // images; far more than any disk here holds

static bool read_space(const json_t *object, struct archive_manifest *manifest, struct error *err) {
    size_t index = manifest->space_count;
    struct archive_space *each = &manifest->spaces[index];
    struct store_space *space = &each->space;
    char wanted[ARCHIVE_FILE_NAME_SIZE], file[ARCHIVE_FILE_NAME_SIZE];
    archive_vectors_name(index, wanted);
    if (!json_is_object(object) || json_object_size(object) != 5)
        return error_set(err, ERROR_INVALID, "it must be an object of five members");
    if (!read_text(object, "embedding_model", space->embedding_model, STORE_MODEL_SIZE, err) ||
        !read_count(object, "width", 1, ARCHIVE_WIDTH_MAX, &space->width, err) ||
        !read_count(object, "count", 0, COUNT_MAX, &space->count, err) ||
        !read_text(object, "file", file, sizeof file, err) ||
        !read_sha256(object, "sha256", each->sha256, err))
        return false;
    if (strcmp(file, wanted) != 0)
        return error_set(err, ERROR_INVALID, "\"file\" must be \"%s\"", wanted);
    if (space->embedding_model[0] == '\0')
        return error_set(err, ERROR_INVALID, "\"embedding_model\" is empty");
    for (size_t i = 0; i < index; i++)
        if (strcmp(manifest->spaces[i].space.embedding_model, space->embedding_model) == 0)
            return error_set(err, ERROR_INVALID, "its \"embedding_model\" is there twice");
    manifest->space_count++;
    return true;
}

static bool read_spaces(const json_t *array, struct archive_manifest *manifest, struct error *err) {
    if (!json_is_array(array) || json_array_size(array) > STORE_SPACES_MAX)
        return error_set(err, ERROR_INVALID, "\"spaces\" must be an array of at most %d",
                         STORE_SPACES_MAX);
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!read_space(json_array_get(array, i), manifest, err))
            return error_wrap(err, "space %zu", i);
    return true;
}

static bool read_root(const json_t *root, struct archive_manifest *manifest, struct error *err) {
    const json_t *name = json_object_get(root, "format");
    const json_t *version = json_object_get(root, "version");
    const json_t *has_pictures = json_object_get(root, "pictures");
    if (!json_is_string(name) || strcmp(json_string_value(name), format_name) != 0)
        return error_set(err, ERROR_INVALID, "it is not the manifest of an export");
    if (!json_is_integer(version))
        return error_set(err, ERROR_INVALID, "\"version\" must be a whole number");
    if (json_integer_value(version) != ARCHIVE_VERSION)
        return error_set(err, ERROR_INVALID,
                         "the export is of version %lld, and this imgrouter reads version %d; "
                         "import it with the one that wrote it, or a newer one",
                         (long long)json_integer_value(version), ARCHIVE_VERSION);
    if (json_object_size(root) != 7)
        return error_set(err, ERROR_INVALID, "it must have seven members");
    if (!json_is_boolean(has_pictures))
        return error_set(err, ERROR_INVALID, "\"pictures\" must be true or false");
    manifest->has_pictures = json_is_true(has_pictures);
    return read_count(root, "images", 0, COUNT_MAX, &manifest->image_count, err) &&
           read_text(root, "active_space", manifest->active_space, STORE_MODEL_SIZE, err) &&
           read_sha256(root, "images_sha256", manifest->images_sha256, err) &&
           read_spaces(json_object_get(root, "spaces"), manifest, err);
}

bool archive_manifest_read(const char *text, size_t size, struct archive_manifest *manifest,
                           struct error *err) {
    json_error_t problem;
    *manifest = (struct archive_manifest){0};
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    if (root == NULL)
        return error_set(err, ERROR_INVALID, "it is not JSON (line %d)", problem.line);
    bool is_done = read_root(root, manifest, err);
    json_decref(root);
    return is_done;
}
