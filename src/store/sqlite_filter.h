// A filter as SQL: which rows of the images table it lets through. Text is put together from our
// own fragments only; what comes from outside is bound as parameters.
#pragma once

#include "base/byte_buffer.h"
#include "index/vector_index.h"
#include "store/sqlite_connection.h"
#include "store/store.h"

// Full-text expression that matches `words`, each taken literally, joined by " AND " or " OR ", in
// the given columns ("{caption} : ") or all (""). NULL when memory is out; caller frees.
char *sqlite_words_create(const char *columns, const char *const *words, size_t count,
                          const char *joint);

bool filter_is_empty(const struct store_filter *filter);  // lets everything through

// Adds " AND …" to `sql` for each condition, with a "?" for each value. False: memory is out.
bool sqlite_filter_write(const struct store_filter *filter, struct byte_buffer *sql);
// Binds the values to the parameters from `first` on. Errors: ERROR_INTERNAL.
bool sqlite_filter_bind(const struct store_filter *filter, int first, sqlite3_stmt *statement,
                        struct error *err);

// The rows as a filter of the index: rows from 0 to row_count - 1. Caller frees bits with
// memory_free.
bool sqlite_filter_rows(struct sqlite_connection *reader, const struct store_filter *filter,
                        int64_t row_count, struct key_filter *rows, struct error *err);
