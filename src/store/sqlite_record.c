#include "store/sqlite_record.h"

#include <stdio.h>
#include <string.h>

static const char *const source_names[] = {[SOURCE_UPLOAD] = "upload", [SOURCE_URL] = "url"};

static bool bind_text(sqlite3_stmt *statement, int parameter, const char *text) {
    return sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

static bool bind_number(sqlite3_stmt *statement, int parameter, int64_t number) {
    return sqlite3_bind_int64(statement, parameter, number) == SQLITE_OK;
}

static bool bind_real(sqlite3_stmt *statement, int parameter, double number) {
    return sqlite3_bind_double(statement, parameter, number) == SQLITE_OK;
}

static bool bind_receipt(sqlite3_stmt *statement, int parameter, const struct receipt *receipt) {
    char text[RECEIPT_TEXT_SIZE];
    receipt_write(receipt, text);
    return sqlite3_bind_text(statement, parameter, text, -1, SQLITE_TRANSIENT) == SQLITE_OK;
}

bool sqlite_record_bind(sqlite3_stmt *statement, int first, const struct image_record *record) {
    int at = first;
    return bind_text(statement, at++, record->id) && bind_text(statement, at++, record->sha256) &&
           bind_text(statement, at++, record->caption) &&
           bind_text(statement, at++, record->origin) &&
           bind_text(statement, at++, record->caption_model) &&
           bind_text(statement, at++, record->embedding_model) &&
           bind_real(statement, at++, record->confidence) &&
           bind_real(statement, at++, record->clip_score) &&
           bind_text(statement, at++, source_names[record->source]) &&
           bind_text(statement, at++, record->file_name) &&
           bind_text(statement, at++, record->url) && bind_text(statement, at++, record->mime) &&
           bind_number(statement, at++, record->width) &&
           bind_number(statement, at++, record->height) &&
           bind_number(statement, at++, record->size_bytes) &&
           bind_number(statement, at++, record->created_ms) &&
           bind_text(statement, at++, record->tags) &&
           (record->has_perceptual_hash
                ? bind_number(statement, at++, (int64_t)record->perceptual_hash)
                : sqlite3_bind_null(statement, at++) == SQLITE_OK) &&
           bind_receipt(statement, at++, &record->receipt);
}

static void read_text(sqlite3_stmt *statement, int column, char *text, size_t size) {
    const unsigned char *stored = sqlite3_column_text(statement, column);
    (void)snprintf(text, size, "%s", stored == NULL ? "" : (const char *)stored);
}

void sqlite_record_read(sqlite3_stmt *statement, struct image_record *record) {
    int at = 0;
    read_text(statement, at++, record->id, sizeof record->id);
    read_text(statement, at++, record->sha256, sizeof record->sha256);
    read_text(statement, at++, record->caption, sizeof record->caption);
    read_text(statement, at++, record->origin, sizeof record->origin);
    read_text(statement, at++, record->caption_model, sizeof record->caption_model);
    read_text(statement, at++, record->embedding_model, sizeof record->embedding_model);
    record->confidence = sqlite3_column_double(statement, at++);
    record->clip_score = sqlite3_column_double(statement, at++);
    char source[8];
    read_text(statement, at++, source, sizeof source);
    record->source = strcmp(source, source_names[SOURCE_URL]) == 0 ? SOURCE_URL : SOURCE_UPLOAD;
    read_text(statement, at++, record->file_name, sizeof record->file_name);
    read_text(statement, at++, record->url, sizeof record->url);
    read_text(statement, at++, record->mime, sizeof record->mime);
    record->width = (uint32_t)sqlite3_column_int64(statement, at++);
    record->height = (uint32_t)sqlite3_column_int64(statement, at++);
    record->size_bytes = sqlite3_column_int64(statement, at++);
    record->created_ms = sqlite3_column_int64(statement, at++);
    read_text(statement, at++, record->tags, sizeof record->tags);
    record->has_perceptual_hash = sqlite3_column_type(statement, at) != SQLITE_NULL;
    record->perceptual_hash = (uint64_t)sqlite3_column_int64(statement, at++);
    char receipt[RECEIPT_TEXT_SIZE];
    read_text(statement, at++, receipt, sizeof receipt);
    // One that cannot be read is none: the image is worth more.
    (void)receipt_read(receipt, &record->receipt, NULL);
}
