// Searches: by vector in the index in memory, by words in SQLite's full-text index, by perceptual
// hash in the list in memory. Each finds rows; their records are read last.
#include "base/memory.h"
#include "store/sqlite_filter.h"
#include "store/sqlite_record.h"
#include "store/sqlite_store_private.h"
#include "store/sqlite_vector_reader.h"

enum {
    SEARCH_SPARE = 16,         // keys that may lose their row while one search looks them up
    SQL_SIZE_MAX = 64 * 1024,  // see sqlite_filter.c
};

struct found_row {
    int64_t row;
    float score;
};

static bool read_matches(struct sqlite_connection *reader, const struct found_row *found,
                         size_t found_count, size_t k, struct store_match *matches, size_t *count,
                         struct error *err) {
    // One transaction for all: its locks cost ten times what reading a record does (measured).
    bool is_done = sqlite_run(reader, SQL_BEGIN_READ, err);
    for (size_t i = 0; is_done && i < found_count && *count < k; i++) {
        sqlite_bind_number(reader, SQL_GET_ROW, 1, found[i].row);
        int result = sqlite_next(reader, SQL_GET_ROW, err);
        if (result == SQLITE_ROW) {
            sqlite_record_read(reader->statements[SQL_GET_ROW], &matches[*count].record);
            matches[(*count)++].score = found[i].score;
        }
        is_done = result == SQLITE_ROW || result == SQLITE_DONE;
        sqlite_finish(reader, SQL_GET_ROW);
    }
    sqlite_end_transaction(reader);
    return is_done;
}

static bool out_of_memory(struct error *err) {
    return error_set(err, ERROR_INTERNAL, "out of memory for a search");
}

// The best of the index; the caller frees *found.
static bool search_index(struct sqlite_store *self, struct sqlite_connection *reader,
                         struct vector_index *index, const struct store_search *search,
                         struct found_row **found, size_t *found_count, struct error *err) {
    bool is_filtered = !filter_is_empty(&search->filter);
    size_t k = (search->k < STORE_SEARCH_MAX ? search->k : STORE_SEARCH_MAX) + SEARCH_SPARE;
    struct key_filter rows = {.bits = NULL};
    if (is_filtered &&
        !sqlite_filter_rows(reader, &search->filter, atomic_load(&self->next_row), &rows, err))
        return false;
    struct vector_match *matches = memory_try_array(k, sizeof *matches);
    *found = memory_try_array(k, sizeof **found);
    bool is_done = matches != NULL && *found != NULL;
    if (!is_done) {
        (void)out_of_memory(err);
    } else {
        struct sqlite_vector_reader vectors = {.connection = reader,
                                               .embedding_model = search->embedding_model,
                                               .width = search->width};
        struct vector_search of = {.query = search->query,
                                   .k = k,
                                   .is_exact = search->is_exact,
                                   .filter = is_filtered ? &rows : NULL,
                                   .read = sqlite_read_vectors,
                                   .read_context = &vectors};
        is_done = vector_index_search(index, &of, matches, found_count, err);
        for (size_t i = 0; i < *found_count; i++)
            (*found)[i] = (struct found_row){.row = matches[i].key, .score = matches[i].score};
    }
    memory_free(matches);
    memory_free((void *)rows.bits);
    return is_done;
}

bool sqlite_search(struct store *store, const struct store_search *search,
                   struct store_match *matches, size_t *count, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct vector_index *index;
    struct found_row *found = NULL;
    size_t found_count = 0;
    *count = 0;
    if (!vector_spaces_take(&self->spaces, search->embedding_model, search->width, &index, err))
        return false;
    if (index == NULL || search->k == 0) {
        vector_spaces_return(&self->spaces, index);
        return true;
    }
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    bool is_done = search_index(self, reader, index, search, &found, &found_count, err) &&
                   read_matches(reader, found, found_count, search->k, matches, count, err);
    sqlite_reader_return(&self->readers, reader);
    vector_spaces_return(&self->spaces, index);
    memory_free(found);
    return is_done;
}

static sqlite3_stmt *prepare_word_search(struct sqlite_connection *reader,
                                         const struct store_word_search *search, const char *joint,
                                         size_t k, struct error *err) {
    sqlite3_stmt *statement = NULL;
    struct byte_buffer sql;
    char *words = sqlite_words_create("", search->words, search->word_count, joint);
    bool is_filtered = !filter_is_empty(&search->filter);
    byte_buffer_init(&sql, SQL_SIZE_MAX);
    // bm25 is the smaller, the better.
    (void)byte_buffer_append_text(
        &sql, is_filtered ? "SELECT images.row, -rank FROM image_words JOIN images "
                            "ON images.row = image_words.rowid WHERE image_words MATCH ?"
                          : "SELECT rowid, -rank FROM image_words WHERE image_words MATCH ?");
    if (is_filtered) (void)sqlite_filter_write(&search->filter, &sql);
    (void)byte_buffer_append_format(&sql, " ORDER BY rank LIMIT %zu", k);
    bool is_done = (!sql.has_failed && words != NULL) || out_of_memory(err);
    is_done =
        is_done &&
        ((sqlite3_prepare_v2(reader->database, sql.bytes, -1, &statement, NULL) == SQLITE_OK &&
          sqlite3_bind_text(statement, 1, words, -1, SQLITE_TRANSIENT) == SQLITE_OK) ||
         sqlite_error_set(err, reader->database)) &&
        sqlite_filter_bind(&search->filter, 2, statement, err);
    byte_buffer_clear(&sql);
    memory_free(words);
    if (is_done) return statement;
    (void)sqlite3_finalize(statement);
    return NULL;
}

static bool read_found(struct sqlite_connection *reader, sqlite3_stmt *statement,
                       struct found_row *found, size_t *found_count, struct error *err) {
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW)
        found[(*found_count)++] =
            (struct found_row){.row = sqlite3_column_int64(statement, 0),
                               .score = (float)sqlite3_column_double(statement, 1)};
    return result == SQLITE_DONE || sqlite_error_set(err, reader->database);
}

static bool find_words(struct sqlite_connection *reader, const struct store_word_search *search,
                       const char *joint, size_t k, struct found_row *found, size_t *found_count,
                       struct error *err) {
    sqlite3_stmt *statement = prepare_word_search(reader, search, joint, k, err);
    *found_count = 0;
    bool is_done = statement != NULL && read_found(reader, statement, found, found_count, err);
    (void)sqlite3_finalize(statement);
    return is_done;
}

// Ranking costs 2 us for every image that has one of the words. Where enough have all of them,
// these are the best, and the others need not be ranked.
bool sqlite_search_words(struct store *store, const struct store_word_search *search,
                         struct store_match *matches, size_t *count, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    size_t k = (search->k < STORE_SEARCH_MAX ? search->k : STORE_SEARCH_MAX);
    size_t found_count = 0;
    *count = 0;
    if (k == 0 || search->word_count == 0) return true;
    struct found_row *found = memory_try_array(k, sizeof *found);
    if (found == NULL) return out_of_memory(err);
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    bool is_done =
        search->word_count == 1 || find_words(reader, search, " AND ", k, found, &found_count, err);
    if (is_done && found_count < k)
        is_done = find_words(reader, search, " OR ", k, found, &found_count, err);
    is_done = is_done && read_matches(reader, found, found_count, k, matches, count, err);
    sqlite_reader_return(&self->readers, reader);
    memory_free(found);
    return is_done;
}

bool sqlite_search_hash(struct store *store, uint64_t perceptual_hash, unsigned distance, size_t k,
                        struct store_match *matches, size_t *count, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    *count = 0;
    k = k < STORE_SEARCH_MAX ? k : STORE_SEARCH_MAX;
    struct hash_match *near = memory_try_array(k + SEARCH_SPARE, sizeof *near);
    struct found_row *found = memory_try_array(k + SEARCH_SPARE, sizeof *found);
    bool is_done = near != NULL && found != NULL;
    if (!is_done) out_of_memory(err);
    if (is_done) {
        size_t near_count =
            hash_list_search(&self->hashes, perceptual_hash, distance, k + SEARCH_SPARE, near);
        for (size_t i = 0; i < near_count; i++)
            found[i] = (struct found_row){.row = near[i].row, .score = (float)near[i].distance};
        struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
        is_done = read_matches(reader, found, near_count, k, matches, count, err);
        sqlite_reader_return(&self->readers, reader);
    }
    memory_free(near);
    memory_free(found);
    return is_done;
}
