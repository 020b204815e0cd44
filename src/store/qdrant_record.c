#include "store/qdrant_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "store/tags.h"
#include "store/words.h"

static const char *const source_names[] = {[SOURCE_UPLOAD] = "upload", [SOURCE_URL] = "url"};
static const char hex_digits[] = "0123456789abcdef";
// Where the digits of the id stand in the UUID; the others are fixed: version 8, variant 10.
static const char point_id_shape[] = "iiiiiiii-iiii-8iii-8i00-000000000000";

static int hex_value(char digit) {
    const char *found = digit == '\0' ? NULL : strchr(hex_digits, digit);
    return found == NULL ? -1 : (int)(found - hex_digits);
}

bool point_id_from_image(const char *id, char point_id[static POINT_ID_SIZE]) {
    for (size_t i = 0; i < POINT_ID_SIZE; i++) {
        point_id[i] = point_id_shape[i];
        if (point_id_shape[i] != 'i') continue;
        int value = hex_value(*id);
        if (value < 0) return false;
        point_id[i] = hex_digits[15 - value];
        id++;
    }
    return *id == '\0';
}

bool point_id_to_image(const char *point_id, char id[static IMAGE_ID_SIZE]) {
    size_t used = 0;
    for (size_t i = 0; i < POINT_ID_SIZE; i++) {
        if (point_id_shape[i] != 'i') {
            if (point_id[i] != point_id_shape[i]) return false;
            continue;
        }
        int value = hex_value(point_id[i]);
        if (value < 0) return false;
        id[used++] = hex_digits[15 - value];
    }
    id[used] = '\0';
    return true;
}

// Bytes that are not UTF-8 become question marks: JSON has no place for them.
static json_t *text_to_json(const char *text) {
    json_t *json = json_string(text);
    if (json != NULL) return json;
    char *copy = memory_copy_text(text);
    for (char *c = copy; *c != '\0';) {
        utf8proc_int32_t character;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)c,
                                                 (utf8proc_ssize_t)strnlen(c, 4), &character);
        if (used <= 0) *c = '?';
        c += used > 0 ? used : 1;
    }
    json = json_string(copy);
    memory_free(copy);
    return json;
}

static json_t *receipt_to_json(const struct receipt *receipt) {
    char text[RECEIPT_TEXT_SIZE];
    receipt_write(receipt, text);
    return json_string(text);
}

static json_t *tags_to_json(const char *tags) {
    json_t *array = json_array();
    char tag[STORE_TAG_SIZE];
    while (array != NULL && tags_next(&tags, tag))
        if (json_array_append_new(array, text_to_json(tag)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

// The words of up to three texts, each once. NULL when out of memory.
static json_t *words_to_json(const char *const texts[static 3]) {
    struct word_list list = {0};
    bool is_done = true;
    for (size_t i = 0; i < 3 && is_done; i++)
        if (texts[i] != NULL) is_done = word_list_add(&list, texts[i]);
    json_t *array = is_done ? json_array() : NULL;
    for (size_t i = 0; array != NULL && i < list.count; i++)
        if (json_array_append_new(array, json_string(list.words[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    word_list_clear(&list);
    return array;
}

static json_t *all_words_to_json(const struct image_record *record) {
    return words_to_json((const char *const[]){record->caption, record->file_name, record->tags});
}

static json_t *caption_words_to_json(const struct image_record *record) {
    return words_to_json((const char *const[]){record->caption, NULL, NULL});
}

// A "o" that is NULL makes json_pack release the others and answer NULL.
json_t *payload_create_filterable(const struct image_record *record) {
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "created_ms", (json_int_t)record->created_ms,
                     "origin", text_to_json(record->origin), "tags", tags_to_json(record->tags),
                     "words", all_words_to_json(record), "caption_words",
                     caption_words_to_json(record));
}

json_t *payload_create_changed(const struct image_record *record) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "caption", text_to_json(record->caption),
                     "origin", text_to_json(record->origin), "tags", tags_to_json(record->tags),
                     "receipt", receipt_to_json(&record->receipt), "words",
                     all_words_to_json(record), "caption_words", caption_words_to_json(record));
}

json_t *payload_create(const struct image_record *record) {
    json_t *payload =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:f, s:f, s:I, s:o}",  //
                  "id", record->id,                                                               //
                  "sha256", record->sha256,                                                       //
                  "caption", text_to_json(record->caption),                                       //
                  "caption_model", text_to_json(record->caption_model),                           //
                  "embedding_model", text_to_json(record->embedding_model),                       //
                  "file_name", text_to_json(record->file_name),                                   //
                  "url", text_to_json(record->url),                                               //
                  "mime", text_to_json(record->mime),                                             //
                  "source", source_names[record->source],                                         //
                  "width", (json_int_t)record->width,                                             //
                  "height", (json_int_t)record->height,                                           //
                  "confidence", record->confidence,                                               //
                  "clip_score", record->clip_score,                                               //
                  "size_bytes", (json_int_t)record->size_bytes,                                   //
                  "receipt", receipt_to_json(&record->receipt));
    json_t *filterable = payload_create_filterable(record);
    bool is_done =
        payload != NULL && filterable != NULL && json_object_update(payload, filterable) == 0;
    json_decref(filterable);
    if (is_done && record->has_perceptual_hash) {
        char hash[17];
        (void)snprintf(hash, sizeof hash, "%016" PRIx64, record->perceptual_hash);
        is_done = json_object_set_new(payload, "perceptual_hash", json_string(hash)) == 0;
    }
    if (is_done) return payload;
    json_decref(payload);
    return NULL;
}

json_t *payload_selection_of_record(void) {
    return json_pack("{s:[s, s]}", "exclude", "words", "caption_words");
}

static void read_text(const json_t *payload, const char *name, char *text, size_t size) {
    const char *found = json_string_value(json_object_get(payload, name));
    (void)snprintf(text, size, "%s", found == NULL ? "" : found);
}

static int64_t read_number(const json_t *payload, const char *name, int64_t most) {
    json_int_t number = json_integer_value(json_object_get(payload, name));
    return number < 0 || number > most ? 0 : number;
}

static void read_tags(const json_t *array, char tags[static STORE_TAGS_SIZE]) {
    tags[0] = '\0';
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *tag = json_string_value(json_array_get(array, i));
        if (tag != NULL) (void)tags_add(tags, tag, NULL);
    }
}

static void read_hash(const json_t *payload, struct image_record *record) {
    const char *text = json_string_value(json_object_get(payload, "perceptual_hash"));
    record->has_perceptual_hash =
        text != NULL && strlen(text) == 16 && strspn(text, hex_digits) == 16;
    if (record->has_perceptual_hash) record->perceptual_hash = strtoull(text, NULL, 16);
}

void payload_read(const json_t *payload, struct image_record *record) {
    *record = (struct image_record){0};
#define READ_TEXT(field) read_text(payload, #field, record->field, sizeof record->field)
    READ_TEXT(id);
    READ_TEXT(sha256);
    READ_TEXT(caption);
    READ_TEXT(origin);
    READ_TEXT(caption_model);
    READ_TEXT(embedding_model);
    READ_TEXT(file_name);
    READ_TEXT(url);
    READ_TEXT(mime);
#undef READ_TEXT
    const char *source = json_string_value(json_object_get(payload, "source"));
    record->source = source != NULL && strcmp(source, source_names[SOURCE_URL]) == 0
                         ? SOURCE_URL
                         : SOURCE_UPLOAD;
    record->width = (uint32_t)read_number(payload, "width", UINT32_MAX);
    record->height = (uint32_t)read_number(payload, "height", UINT32_MAX);
    record->size_bytes = read_number(payload, "size_bytes", INT64_MAX);
    record->created_ms = json_integer_value(json_object_get(payload, "created_ms"));
    record->confidence = json_number_value(json_object_get(payload, "confidence"));
    record->clip_score = json_number_value(json_object_get(payload, "clip_score"));
    read_tags(json_object_get(payload, "tags"), record->tags);
    read_hash(payload, record);
    const char *receipt = json_string_value(json_object_get(payload, "receipt"));
    // One that cannot be read is none: the image is worth more.
    (void)receipt_read(receipt == NULL ? "" : receipt, &record->receipt, NULL);
}

json_t *hash_to_json(uint64_t perceptual_hash) {
    float bits[64];
    for (size_t i = 0; i < 64; i++) bits[i] = (float)(perceptual_hash >> i & 1);
    return vector_to_json(bits, 64);
}

json_t *vector_to_json(const float *vector, size_t width) {
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < width; i++)
        if (json_array_append_new(array, json_real((double)vector[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

bool vector_from_json(const json_t *json, float *vector, size_t width) {
    if (json_array_size(json) != width) return false;
    for (size_t i = 0; i < width; i++) {
        const json_t *number = json_array_get(json, i);
        if (!json_is_number(number)) return false;
        vector[i] = (float)json_number_value(number);
    }
    return true;
}
