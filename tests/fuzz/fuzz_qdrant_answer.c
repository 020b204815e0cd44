// Answers of a Qdrant: whatever JSON they hold, what is read of them ends without a fault, within
// its fields, and can be written again.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "store/qdrant_record.h"
#include "store/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_value(const json_t *json) {
    static struct image_record record;
    float vector[3];
    char id[IMAGE_ID_SIZE];
    payload_read(json, &record);
    assert(memchr(record.url, '\0', sizeof record.url) != NULL);
    assert(memchr(record.tags, '\0', sizeof record.tags) != NULL);
    json_t *payload = payload_create(&record);
    assert(payload != NULL);
    json_decref(payload);
    (void)vector_from_json(json, vector, 3);
    const char *text = json_string_value(json);
    if (text == NULL) return;
    if (point_id_to_image(text, id)) {
        char point_id[POINT_ID_SIZE];
        assert(point_id_from_image(id, point_id) && strcmp(point_id, text) == 0);
    }
    struct word_list words = {0};
    assert(word_list_add(&words, text));
    word_list_clear(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
    if (json == NULL) return 0;
    read_value(json);
    const char *name;
    json_t *value;
    json_object_foreach(json, name, value) read_value(value);
    for (size_t i = 0; i < json_array_size(json); i++) read_value(json_array_get(json, i));
    json_decref(json);
    return 0;
}
