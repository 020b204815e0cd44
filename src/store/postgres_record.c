#include "store/postgres_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_buffer.h"
#include "base/memory.h"

enum { VECTOR_HEADER = 4 };

static const char *const source_names[] = {[SOURCE_UPLOAD] = "upload", [SOURCE_URL] = "url"};

// Cuts between characters: bytes of the form 10xxxxxx go on with one.
static void read_text(const char *stored, char *text, size_t size) {
    size_t length = strlen(stored);
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)stored[length] & 0xc0) == 0x80) length--;
    }
    memcpy(text, stored, length);
    text[length] = '\0';
}

void postgres_record_read(const PGresult *rows, int row, struct image_record *record) {
    int at = 0;
    *record = (struct image_record){0};
#define NEXT PQgetvalue(rows, row, at++)
    read_text(NEXT, record->id, sizeof record->id);
    read_text(NEXT, record->sha256, sizeof record->sha256);
    read_text(NEXT, record->caption, sizeof record->caption);
    read_text(NEXT, record->origin, sizeof record->origin);
    read_text(NEXT, record->caption_model, sizeof record->caption_model);
    read_text(NEXT, record->embedding_model, sizeof record->embedding_model);
    record->confidence = strtod(NEXT, NULL);
    record->clip_score = strtod(NEXT, NULL);
    record->source = strcmp(NEXT, source_names[SOURCE_URL]) == 0 ? SOURCE_URL : SOURCE_UPLOAD;
    read_text(NEXT, record->file_name, sizeof record->file_name);
    read_text(NEXT, record->url, sizeof record->url);
    read_text(NEXT, record->tags, sizeof record->tags);
    read_text(NEXT, record->mime, sizeof record->mime);
    record->width = (uint32_t)strtoll(NEXT, NULL, 10);
    record->height = (uint32_t)strtoll(NEXT, NULL, 10);
    record->size_bytes = strtoll(NEXT, NULL, 10);
    record->created_ms = strtoll(NEXT, NULL, 10);
    record->has_perceptual_hash = PQgetisnull(rows, row, at) == 0;
    record->perceptual_hash = (uint64_t)strtoll(NEXT, NULL, 10);
    // One that cannot be read is none: the image is worth more.
    (void)receipt_read(NEXT, &record->receipt, NULL);
#undef NEXT
}

void postgres_record_add(struct postgres_parameters *parameters, const struct image_record *record,
                         const char *receipt, const char *caption_words, const char *other_words) {
    (void)postgres_add_text(parameters, record->id);
    (void)postgres_add_text(parameters, record->sha256);
    (void)postgres_add_text(parameters, record->caption);
    (void)postgres_add_text(parameters, record->origin);
    (void)postgres_add_text(parameters, record->caption_model);
    (void)postgres_add_text(parameters, record->embedding_model);
    (void)postgres_add_real(parameters, record->confidence);
    (void)postgres_add_real(parameters, record->clip_score);
    (void)postgres_add_text(parameters, source_names[record->source]);
    (void)postgres_add_text(parameters, record->file_name);
    (void)postgres_add_text(parameters, record->url);
    (void)postgres_add_text(parameters, record->tags);
    (void)postgres_add_text(parameters, record->mime);
    (void)postgres_add_number(parameters, record->width);
    (void)postgres_add_number(parameters, record->height);
    (void)postgres_add_number(parameters, record->size_bytes);
    (void)postgres_add_number(parameters, record->created_ms);
    if (record->has_perceptual_hash)
        (void)postgres_add_number(parameters, (int64_t)record->perceptual_hash);
    else
        (void)postgres_add_text(parameters, NULL);
    (void)postgres_add_text(parameters, receipt);
    (void)postgres_add_text(parameters, caption_words);
    (void)postgres_add_text(parameters, other_words);
}

static unsigned char *put_big_endian(unsigned char *bytes, uint32_t number, int bits) {
    for (int shift = bits - 8; shift >= 0; shift -= 8) *bytes++ = (unsigned char)(number >> shift);
    return bytes;
}

bool postgres_vector_encode(const float *vector, size_t width, unsigned char **bytes, size_t *size,
                            struct error *err) {
    *size = VECTOR_HEADER + 4 * width;
    *bytes = memory_try(*size);
    if (*bytes == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for a vector of %zu numbers", width);
    unsigned char *at = put_big_endian(*bytes, (uint32_t)width << 16, 32);  // flags: 0
    for (size_t i = 0; i < width; i++) {
        uint32_t bits;
        memcpy(&bits, vector + i, sizeof bits);
        at = put_big_endian(at, bits, 32);
    }
    return true;
}

static uint32_t get_big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
           (uint32_t)bytes[3];
}

bool postgres_vector_decode(const void *bytes, size_t size, float *vector, size_t width) {
    const unsigned char *at = bytes;
    if (size != VECTOR_HEADER + 4 * width || get_big_endian(at) != (uint32_t)width << 16)
        return false;
    for (size_t i = 0; i < width; i++) {
        uint32_t bits = get_big_endian(at += 4);
        memcpy(vector + i, &bits, sizeof bits);
    }
    return true;
}

char *postgres_array_create(const char *const *texts, size_t count) {
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, SIZE_MAX / 2);
    (void)byte_buffer_append_text(&buffer, "{");
    for (size_t i = 0; i < count; i++) {
        (void)byte_buffer_append_text(&buffer, i == 0 ? "\"" : ",\"");
        for (const char *c = texts[i]; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\') (void)byte_buffer_append(&buffer, "\\", 1);
            (void)byte_buffer_append(&buffer, c, 1);
        }
        (void)byte_buffer_append(&buffer, "\"", 1);
    }
    (void)byte_buffer_append_text(&buffer, "}");
    size_t size;
    char *text = byte_buffer_take(&buffer, &size);
    byte_buffer_clear(&buffer);
    return text;
}
