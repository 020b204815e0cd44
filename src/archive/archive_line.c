#include "archive/archive_line.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/tags.h"

enum {
    REAL_DIGITS = 17,  // enough to give back the same double (C17 5.2.4.2.2, DBL_DECIMAL_DIG)
    HASH_DIGITS = 16,
};
static const int64_t LAST_MS = 253402300799999;  // 9999-12-31T23:59:59.999Z

// The texts of a record, in the order of the line.
static const struct text_field {
    const char *key;
    size_t offset, size;
} text_fields[] = {
#define TEXT_FIELD(name) \
    { #name, offsetof(struct image_record, name), sizeof((struct image_record *)0)->name }
    TEXT_FIELD(id),     TEXT_FIELD(sha256),        TEXT_FIELD(caption),
    TEXT_FIELD(origin), TEXT_FIELD(caption_model), TEXT_FIELD(embedding_model),
    TEXT_FIELD(mime),   TEXT_FIELD(file_name),     TEXT_FIELD(url),
#undef TEXT_FIELD
};
enum { TEXT_FIELDS = sizeof text_fields / sizeof *text_fields, OTHER_FIELDS = 10 };

static const char *const source_names[] = {[SOURCE_UPLOAD] = "upload", [SOURCE_URL] = "url"};

static json_t *tag_array(const char *tags) {
    char tag[STORE_TAG_SIZE];
    json_t *array = json_array();
    while (tags_next(&tags, tag)) (void)json_array_append_new(array, json_string(tag));
    return array;
}

static json_t *receipt_object(const struct receipt *receipt) {
    char text[RECEIPT_TEXT_SIZE];
    receipt_write(receipt, text);
    return text[0] == '\0' ? json_null() : json_loads(text, 0, NULL);
}

static json_t *row_object(const struct archive_manifest *manifest, const size_t *rows) {
    json_t *object = json_object();
    for (size_t i = 0; i < manifest->space_count; i++)
        if (rows[i] != ARCHIVE_NO_ROW)
            (void)json_object_set_new(object, manifest->spaces[i].space.embedding_model,
                                      json_integer((json_int_t)rows[i]));
    return object;
}

static bool set(json_t *object, const char *key, json_t *value) {
    return json_object_set_new(object, key, value) == 0;
}

static bool fill(json_t *object, const struct image_record *record,
                 const struct archive_manifest *manifest, const size_t *rows, struct error *err) {
    char hash[HASH_DIGITS + 1];
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, record->perceptual_hash);
    for (size_t i = 0; i < TEXT_FIELDS; i++)
        if (!set(object, text_fields[i].key,
                 json_string((const char *)record + text_fields[i].offset)))
            return error_set(err, ERROR_INVALID,
                             "\"%s\" of image %s is not UTF-8; delete the image, or change it, and "
                             "export again",
                             text_fields[i].key, record->id);
    return (set(object, "source", json_string(source_names[record->source])) &&
            set(object, "width", json_integer(record->width)) &&
            set(object, "height", json_integer(record->height)) &&
            set(object, "size_bytes", json_integer(record->size_bytes)) &&
            set(object, "created_ms", json_integer(record->created_ms)) &&
            set(object, "confidence", json_real(record->confidence)) &&
            set(object, "clip_score", json_real(record->clip_score)) &&
            set(object, "perceptual_hash",
                record->has_perceptual_hash ? json_string(hash) : json_null()) &&
            set(object, "tags", tag_array(record->tags)) &&
            set(object, "receipt", receipt_object(&record->receipt)) &&
            set(object, "vectors", row_object(manifest, rows))) ||
           error_set(err, ERROR_INVALID, "a number or tag of image %s cannot be written",
                     record->id);
}

bool archive_line_append(struct byte_buffer *buffer, const struct image_record *record,
                         const struct archive_manifest *manifest, const size_t *rows,
                         struct error *err) {
    json_t *object = json_object();
    char *text = NULL;
    if (fill(object, record, manifest, rows, err)) {
        text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
        if (text == NULL || !byte_buffer_append_text(buffer, text) ||
            !byte_buffer_append_text(buffer, "\n"))
            error_set(err, ERROR_INTERNAL, "out of memory for image %s", record->id);
    }
    bool is_done = text != NULL && !buffer->has_failed;
    free(text);  // jansson's
    json_decref(object);
    return is_done;
}

static bool wrong(struct error *err, const char *key, const char *wanted) {
    return error_set(err, ERROR_INVALID, "\"%s\" must be %s", key, wanted);
}

static bool read_text(const json_t *object, const struct text_field *field,
                      struct image_record *record, struct error *err) {
    const json_t *value = json_object_get(object, field->key);
    const char *text = json_string_value(value);
    if (text == NULL) return wrong(err, field->key, "a text");
    if (json_string_length(value) >= field->size)
        return error_set(err, ERROR_INVALID, "\"%s\" is longer than %zu bytes", field->key,
                         field->size - 1);
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return wrong(err, field->key, "a text without control characters");
    memcpy((char *)record + field->offset, text, json_string_length(value) + 1);
    return true;
}

static bool read_integer(const json_t *object, const char *key, int64_t most, int64_t *number,
                         struct error *err) {
    const json_t *value = json_object_get(object, key);
    *number = json_integer_value(value);
    return (json_is_integer(value) && *number >= 0 && *number <= most) ||
           error_set(err, ERROR_INVALID, "\"%s\" must be a whole number from 0 to %" PRId64, key,
                     most);
}

static bool read_real(const json_t *object, const char *key, double *number, struct error *err) {
    const json_t *value = json_object_get(object, key);
    *number = json_number_value(value);
    return (json_is_number(value) && isfinite(*number)) || wrong(err, key, "a number");
}

static bool read_numbers(const json_t *object, struct image_record *record, struct error *err) {
    int64_t width, height;
    if (!read_integer(object, "width", UINT32_MAX, &width, err) ||
        !read_integer(object, "height", UINT32_MAX, &height, err) ||
        !read_integer(object, "size_bytes", INT64_MAX, &record->size_bytes, err) ||
        !read_integer(object, "created_ms", LAST_MS, &record->created_ms, err) ||
        !read_real(object, "confidence", &record->confidence, err) ||
        !read_real(object, "clip_score", &record->clip_score, err))
        return false;
    record->width = (uint32_t)width;
    record->height = (uint32_t)height;
    return true;
}

// What names the image, and what is one of a few words.
static bool check_texts(const json_t *object, struct image_record *record, struct error *err) {
    static const char digits[] = "0123456789abcdef";
    bool has_sha256 = record->sha256[0] != '\0';
    if (has_sha256 && (strlen(record->sha256) != 64 || strspn(record->sha256, digits) != 64))
        return wrong(err, "sha256", "64 lower-case hex digits, or empty where nobody knows it");
    if (strlen(record->id) != IMAGE_ID_SIZE - 1 ||
        strspn(record->id, digits) != IMAGE_ID_SIZE - 1 ||
        (has_sha256 && strncmp(record->id, record->sha256, IMAGE_ID_SIZE - 1) != 0))
        return wrong(err, "id", "the first 16 digits of \"sha256\"");
    if (record->embedding_model[0] == '\0') return wrong(err, "embedding_model", "a name");
    const char *source = json_string_value(json_object_get(object, "source"));
    if (source == NULL) source = "";
    record->source = strcmp(source, source_names[SOURCE_URL]) == 0 ? SOURCE_URL : SOURCE_UPLOAD;
    if (strcmp(source, source_names[record->source]) != 0)
        return wrong(err, "source", "\"upload\" or \"url\"");
    const json_t *hash = json_object_get(object, "perceptual_hash");
    const char *hash_text = json_string_value(hash);
    record->has_perceptual_hash = hash_text != NULL;
    if (!json_is_null(hash) && (hash_text == NULL || json_string_length(hash) != HASH_DIGITS ||
                                strspn(hash_text, digits) != HASH_DIGITS))
        return wrong(err, "perceptual_hash", "16 lower-case hex digits or null");
    if (hash_text != NULL) record->perceptual_hash = strtoull(hash_text, NULL, 16);
    return true;
}

static bool read_tags(const json_t *object, struct image_record *record, struct error *err) {
    const json_t *array = json_object_get(object, "tags");
    if (!json_is_array(array)) return wrong(err, "tags", "an array of texts");
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *tag = json_string_value(json_array_get(array, i));
        if (tag == NULL) return wrong(err, "tags", "an array of texts");
        if (tags_contain(record->tags, tag))
            return error_set(err, ERROR_INVALID, "the tag \"%.64s\" is there twice", tag);
        if (!tags_add(record->tags, tag, err)) return false;
    }
    return true;
}

static bool read_receipt(const json_t *object, struct receipt *receipt, struct error *err) {
    const json_t *value = json_object_get(object, "receipt");
    if (value == NULL || json_is_null(value)) return true;
    struct error problem = {0};
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
    bool is_done = json_is_object(value) && text != NULL && receipt_read(text, receipt, &problem);
    free(text);  // jansson's
    return is_done ||
           (problem.kind == ERROR_NONE ? wrong(err, "receipt", "an object or null")
                                       : error_set(err, ERROR_INVALID, "%s", problem.text));
}

static bool read_rows(const json_t *object, const struct archive_manifest *manifest, size_t *rows,
                      struct error *err) {
    const json_t *vectors = json_object_get(object, "vectors");
    size_t found = 0;
    if (!json_is_object(vectors)) return wrong(err, "vectors", "an object");
    for (size_t i = 0; i < manifest->space_count; i++) {
        const struct store_space *space = &manifest->spaces[i].space;
        int64_t row;
        rows[i] = ARCHIVE_NO_ROW;
        if (json_object_get(vectors, space->embedding_model) == NULL) continue;
        if (space->count == 0)
            return error_set(err, ERROR_INVALID, "there are no vectors of %s",
                             space->embedding_model);
        if (!read_integer(vectors, space->embedding_model, (int64_t)space->count - 1, &row, err))
            return false;
        rows[i] = (size_t)row;
        found++;
    }
    return found == json_object_size(vectors) ||
           error_set(err, ERROR_INVALID,
                     "\"vectors\" names a model that the manifest does not know");
}

// Older exports, and those of other programs, may lack the receipt.
static size_t member_count(const json_t *object) {
    bool has_receipt = json_object_get(object, "receipt") != NULL;
    return TEXT_FIELDS + OTHER_FIELDS + (has_receipt ? 1 : 0);
}

bool archive_line_read(const char *line, size_t size, const struct archive_manifest *manifest,
                       struct image_record *record, size_t *rows, struct error *err) {
    json_error_t problem;
    *record = (struct image_record){0};
    if (size > ARCHIVE_LINE_MAX)
        return error_set(err, ERROR_INVALID, "it is longer than %d bytes", ARCHIVE_LINE_MAX);
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &problem);
    if (object == NULL)
        return error_set(err, ERROR_INVALID, "it is not JSON (at byte %d)", problem.position);
    bool is_done =
        json_is_object(object) || error_set(err, ERROR_INVALID, "it is not a JSON object");
    for (size_t i = 0; is_done && i < TEXT_FIELDS; i++)
        is_done = read_text(object, &text_fields[i], record, err);
    is_done = is_done && read_numbers(object, record, err) && check_texts(object, record, err) &&
              read_tags(object, record, err) && read_receipt(object, &record->receipt, err) &&
              read_rows(object, manifest, rows, err) &&
              (json_object_size(object) == member_count(object) ||
               error_set(err, ERROR_INVALID, "it has members that are not known"));
    json_decref(object);
    return is_done;
}
