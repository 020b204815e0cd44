// What changes images. Everything here may run twice, on another connection, when the first broke
// with the answer to its COMMIT on the way; see postgres_pool.h.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/postgres_record.h"
#include "store/postgres_store_private.h"
#include "store/postgres_words.h"

enum { SQL_SIZE = 1024 };

static bool is_same_picture(const char *stored, const char *sha256) {
    return stored[0] == '\0' || strcmp(stored, sha256) == 0;  // the original kept none
}

static bool add_words_and_insert(struct postgres_connection *connection,
                                 const struct postgres_space *space,
                                 const struct image_record *record, const unsigned char *bytes,
                                 size_t size, size_t *row_count, struct error *err) {
    char sql[SQL_SIZE];
    struct postgres_words words;
    struct postgres_parameters parameters = {0};
    char receipt[RECEIPT_TEXT_SIZE];
    bool is_done = postgres_words_create(&words, record, err);
    receipt_write(&record->receipt, receipt);
    postgres_record_add(&parameters, record, receipt, words.caption.bytes, words.others.bytes);
    (void)postgres_add_bytes(&parameters, bytes, size);
    (void)snprintf(sql, sizeof sql,
                   "WITH new AS (" POSTGRES_INSERT
                   " ON CONFLICT (id) DO NOTHING RETURNING id)"
                   " INSERT INTO %s AS v (%s, %s) SELECT id, $22::vector FROM new"
                   " ON CONFLICT (%s) DO UPDATE SET %s = excluded.%s",
                   space->table, space->key, space->vector, space->key, space->vector,
                   space->vector);
    is_done = is_done && postgres_run(connection, sql, &parameters, row_count, err);
    postgres_words_clear(&words);
    return is_done;
}

// Another program writes the same image: the pool runs it again.
static bool yield_turn(struct postgres_connection *connection, const char *id, struct error *err) {
    connection->is_passing = true;
    return error_set(err, ERROR_OVERLOADED,
                     "image %s is being written by another program; try again in a moment", id);
}

// Row and vector in one statement. *was_new false: there is a row of this id; true is returned if
// it is the same picture's.
static bool insert(struct postgres_connection *connection, const struct postgres_space *space,
                   const struct image_record *record, const float *vector, size_t width,
                   bool *was_new, struct error *err) {
    unsigned char *bytes;
    size_t size, row_count;
    if (!postgres_vector_encode(vector, width, &bytes, &size, err)) return false;
    bool is_done = add_words_and_insert(connection, space, record, bytes, size, &row_count, err);
    memory_free(bytes);
    if (!is_done) return false;
    *was_new = row_count > 0;
    if (*was_new) return true;
    struct postgres_parameters parameters = {0};
    (void)postgres_add_text(&parameters, record->id);
    PGresult *row = postgres_query(connection, "SELECT sha256 FROM imgrouter_images WHERE id = $1",
                                   &parameters, false, err);
    if (row == NULL) return false;
    bool is_there = PQntuples(row) == 1;
    bool is_same = is_there && is_same_picture(PQgetvalue(row, 0, 0), record->sha256);
    PQclear(row);
    if (!is_there) return yield_turn(connection, record->id, err);
    return is_same || error_set(err, ERROR_CONFLICT,
                                "another picture has the id %s already: the first 16 digits of "
                                "their SHA-256 are the same; delete that one to store this one",
                                record->id);
}

bool postgres_put(struct store *store, const struct image_record *record, const float *vector,
                  size_t width, bool *was_new, struct error *err) {
    struct postgres_store *self = as_postgres(store);
    struct postgres_turn turn = {0};
    *was_new = false;
    postgres_count_begin(&self->count);
    while (postgres_turn_next(&self->pool, &turn, err)) {
        struct postgres_space space;
        turn.is_done = postgres_space_find_or_create(turn.connection, record->embedding_model,
                                                     width, &space, &turn.error) &&
                       insert(turn.connection, &space, record, vector, width, was_new, &turn.error);
    }
    postgres_count_end(&self->count, turn.is_done && *was_new ? 1 : 0);
    return turn.is_done;
}

// Also from the original's table, or it would be taken over again.
static bool delete_image(struct postgres_connection *connection, const char *id, const char *sha256,
                         size_t *row_count, struct error *err) {
    struct postgres_parameters parameters = {0};
    (void)postgres_add_text(&parameters, id);
    (void)postgres_add_text(&parameters, sha256);
    PGresult *found = postgres_query(connection, "SELECT FROM imgrouter_spaces WHERE is_original",
                                     NULL, false, err);
    if (found == NULL) return false;
    bool has_original = PQntuples(found) > 0;
    PQclear(found);
    // NULL: whatever it is.
#define DELETE                                   \
    "DELETE FROM imgrouter_images WHERE id = $1" \
    " AND ($2::text IS NULL OR sha256 = '' OR sha256 = $2::text)"
    return postgres_run(connection,
                        has_original ? "WITH gone AS (" DELETE
                                       " RETURNING id), other AS (DELETE FROM images"
                                       " WHERE id IN (SELECT id FROM gone))"
                                       " SELECT id FROM gone"
                                     : DELETE,
                        &parameters, row_count, err);
#undef DELETE
}

// Within a transaction. *change: by how much the number of images grows.
static bool exchange(struct postgres_connection *connection, const struct postgres_space *space,
                     const struct store_entry *entry, long *change, struct error *err) {
    size_t deleted;
    bool was_new = false;
    if (!delete_image(connection, entry->record.id, entry->record.sha256, &deleted, err) ||
        !insert(connection, space, &entry->record, entry->vector, entry->width, &was_new, err))
        return false;
    if (!was_new) return yield_turn(connection, entry->record.id, err);
    *change += 1 - (long)deleted;
    return true;
}

static bool exchange_all(struct postgres_connection *connection, const struct store_entry *entries,
                         size_t count, long *change, struct error *err) {
    *change = 0;
    bool is_done = true;
    struct postgres_space space;
    // Spaces first: making one is a transaction of its own.
    for (size_t i = 0; i < count && is_done; i++)
        if (i == 0 || entries[i].width != entries[i - 1].width ||
            strcmp(entries[i].record.embedding_model, entries[i - 1].record.embedding_model) != 0)
            is_done = postgres_space_find_or_create(connection, entries[i].record.embedding_model,
                                                    entries[i].width, &space, err);
    is_done = is_done && postgres_execute(connection, "BEGIN", err);
    for (size_t i = 0; i < count && is_done; i++)
        is_done = postgres_space_find(connection, entries[i].record.embedding_model,
                                      entries[i].width, &space, err) &&
                  exchange(connection, &space, &entries[i], change, err);
    return is_done && postgres_execute(connection, "COMMIT", err);
}

bool postgres_put_many(struct store *store, const struct store_entry *entries, size_t count,
                       struct error *err) {
    struct postgres_store *self = as_postgres(store);
    struct postgres_turn turn = {0};
    long change = 0;
    postgres_count_begin(&self->count);
    while (postgres_turn_next(&self->pool, &turn, err))
        turn.is_done = exchange_all(turn.connection, entries, count, &change, &turn.error);
    postgres_count_end(&self->count, turn.is_done ? change : 0);
    return turn.is_done;
}

bool postgres_replace(struct store *store, const struct image_record *record, const float *vector,
                      size_t width, struct error *err) {
    struct store_entry entry = {.record = *record, .vector = vector, .width = width};
    return postgres_put_many(store, &entry, 1, err);
}

static bool write_vector(struct postgres_connection *connection, const char *id,
                         const char *embedding_model, const float *vector, size_t width,
                         struct error *err) {
    struct postgres_space space;
    struct postgres_parameters parameters = {0};
    char sql[SQL_SIZE];
    unsigned char *bytes;
    size_t size, row_count;
    if (!postgres_space_find_or_create(connection, embedding_model, width, &space, err) ||
        !postgres_vector_encode(vector, width, &bytes, &size, err))
        return false;
    (void)postgres_add_text(&parameters, id);
    (void)postgres_add_bytes(&parameters, bytes, size);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO %s AS v (%s, %s) SELECT id, $2::vector FROM imgrouter_images"
                   " WHERE id = $1 FOR KEY SHARE"
                   " ON CONFLICT (%s) DO UPDATE SET %s = excluded.%s",
                   space.table, space.key, space.vector, space.key, space.vector, space.vector);
    bool is_done = postgres_run(connection, sql, &parameters, &row_count, err) &&
                   (row_count > 0 || postgres_no_image(err, id));
    memory_free(bytes);
    return is_done;
}

bool postgres_put_vector(struct store *store, const char *id, const char *embedding_model,
                         const float *vector, size_t width, struct error *err) {
    struct postgres_turn turn = {0};
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done =
            write_vector(turn.connection, id, embedding_model, vector, width, &turn.error);
    return turn.is_done;
}

static bool write_change(struct postgres_connection *connection, const struct image_record *record,
                         struct error *err) {
    struct postgres_words words;
    struct postgres_parameters parameters = {0};
    char receipt[RECEIPT_TEXT_SIZE];
    bool is_done = postgres_words_create(&words, record, err);
    receipt_write(&record->receipt, receipt);
    (void)postgres_add_text(&parameters, record->id);
    (void)postgres_add_text(&parameters, record->caption);
    (void)postgres_add_text(&parameters, record->origin);
    (void)postgres_add_text(&parameters, record->tags);
    (void)postgres_add_text(&parameters, receipt);
    (void)postgres_add_text(&parameters, words.caption.bytes);
    (void)postgres_add_text(&parameters, words.others.bytes);
    is_done = is_done && postgres_run(connection,
                                      "UPDATE imgrouter_images SET caption = $2, origin = $3,"
                                      " tags = $4, receipt = $5, words = " POSTGRES_WORDS_OF(
                                          "$6", "$7") " WHERE id = $1",
                                      &parameters, NULL, err);
    postgres_words_clear(&words);
    return is_done;
}

static bool change_image(struct postgres_connection *connection, const char *id,
                         const struct image_change *change, struct image_record *updated,
                         struct error *err) {
    struct postgres_parameters parameters = {0};
    (void)postgres_add_text(&parameters, id);
    if (!postgres_execute(connection, "BEGIN", err)) return false;
    PGresult *row = postgres_query(
        connection, "SELECT " POSTGRES_RECORD " FROM imgrouter_images i WHERE i.id = $1 FOR UPDATE",
        &parameters, false, err);
    bool is_there = row != NULL && PQntuples(row) == 1;
    if (is_there) postgres_record_read(row, 0, updated);
    PQclear(row);
    if (!is_there) return postgres_no_image(err, id);
    if (change->caption != NULL) {
        (void)snprintf(updated->caption, sizeof updated->caption, "%s", change->caption);
        (void)snprintf(updated->origin, sizeof updated->origin, "%s", ORIGIN_USER);
        updated->receipt = (struct receipt){0};
    }
    if (change->tags != NULL)
        (void)snprintf(updated->tags, sizeof updated->tags, "%s", change->tags);
    return write_change(connection, updated, err) && postgres_execute(connection, "COMMIT", err);
}

bool postgres_update(struct store *store, const char *id, const struct image_change *change,
                     struct image_record *updated, struct error *err) {
    struct postgres_turn turn = {0};
    struct image_record unwanted;
    if (updated == NULL) updated = &unwanted;
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done = change_image(turn.connection, id, change, updated, &turn.error);
    return turn.is_done;
}

bool postgres_remove(struct store *store, const char *id, struct error *err) {
    struct postgres_store *self = as_postgres(store);
    struct postgres_turn turn = {0};
    size_t row_count = 0;
    postgres_count_begin(&self->count);
    while (postgres_turn_next(&self->pool, &turn, err)) {
        turn.is_done = delete_image(turn.connection, id, NULL, &row_count, &turn.error);
        // Not there any more: a turn that broke before its answer came may have removed it.
        if (turn.is_done && row_count == 0 && turn.count == 1)
            turn.is_done = postgres_no_image(&turn.error, id);
    }
    postgres_count_end(&self->count, turn.is_done && row_count > 0 ? -1 : 0);
    return turn.is_done;
}
