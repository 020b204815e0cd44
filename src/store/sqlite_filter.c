#include "store/sqlite_filter.h"

#include <string.h>

#include "base/memory.h"

enum {
    SQL_SIZE_MAX = 64 * 1024,    // a "?" for each of STORE_SEARCH_MAX ids, and some sentences
    WORDS_SIZE_MAX = 64 * 1024,  // STORE_WORDS_MAX words, far longer than any request's
};

char *sqlite_words_create(const char *columns, const char *const *words, size_t count,
                          const char *joint) {
    struct byte_buffer text;
    byte_buffer_init(&text, WORDS_SIZE_MAX);
    (void)byte_buffer_append_format(&text, "%s(", columns);
    for (size_t i = 0; i < count; i++) {
        (void)byte_buffer_append_text(&text, i == 0 ? "\"" : joint);
        if (i > 0) (void)byte_buffer_append_text(&text, "\"");
        for (const char *c = words[i]; *c != '\0'; c++)
            (void)byte_buffer_append(&text, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
        (void)byte_buffer_append_text(&text, "\"");
    }
    (void)byte_buffer_append_text(&text, ")");
    return byte_buffer_take(&text, NULL);
}

bool filter_is_empty(const struct store_filter *filter) {
    return filter->ids == NULL && filter->created_from_ms == 0 && filter->created_until_ms == 0 &&
           filter->origin == NULL && filter->tag_count == 0 && filter->caption_word_count == 0 &&
           filter->without_word_count == 0;
}

// "?, ?, ?"
static void write_places(struct byte_buffer *sql, size_t count) {
    for (size_t i = 0; i < count; i++) (void)byte_buffer_append_text(sql, i == 0 ? "?" : ",?");
}

bool sqlite_filter_write(const struct store_filter *filter, struct byte_buffer *sql) {
    static const char words[] = "(SELECT rowid FROM image_words WHERE image_words MATCH ?)";
    if (filter->ids != NULL) {
        (void)byte_buffer_append_text(sql, " AND images.id IN (");
        write_places(sql, filter->id_count);
        (void)byte_buffer_append_text(sql, ")");
    }
    if (filter->created_from_ms != 0) (void)byte_buffer_append_text(sql, " AND created_ms >= ?");
    if (filter->created_until_ms != 0) (void)byte_buffer_append_text(sql, " AND created_ms < ?");
    if (filter->origin != NULL) (void)byte_buffer_append_text(sql, " AND origin = ?");
    for (size_t i = 0; i < filter->tag_count; i++)
        (void)byte_buffer_append_text(sql,
                                      " AND row IN (SELECT image FROM image_tags WHERE tag = ?)");
    if (filter->caption_word_count > 0)
        (void)byte_buffer_append_format(sql, " AND row IN %s", words);
    if (filter->without_word_count > 0)
        (void)byte_buffer_append_format(sql, " AND row NOT IN %s", words);
    return !sql->has_failed;
}

// Counts parameters up as they are bound.
struct binding {
    sqlite3_stmt *statement;
    int next;
    bool has_failed;
};

static void bind_text(struct binding *binding, const char *text) {
    if (sqlite3_bind_text(binding->statement, binding->next++, text, -1, SQLITE_STATIC) !=
        SQLITE_OK)
        binding->has_failed = true;
}

static void bind_number(struct binding *binding, int64_t number) {
    if (sqlite3_bind_int64(binding->statement, binding->next++, number) != SQLITE_OK)
        binding->has_failed = true;
}

// Hands the text over to SQLite.
static void bind_words(struct binding *binding, const char *columns, const char *const *words,
                       size_t count, const char *joint) {
    char *text = sqlite_words_create(columns, words, count, joint);
    if (text == NULL || sqlite3_bind_text(binding->statement, binding->next++, text, -1,
                                          SQLITE_TRANSIENT) != SQLITE_OK)
        binding->has_failed = true;
    memory_free(text);
}

bool sqlite_filter_bind(const struct store_filter *filter, int first, sqlite3_stmt *statement,
                        struct error *err) {
    struct binding binding = {.statement = statement, .next = first};
    for (size_t i = 0; filter->ids != NULL && i < filter->id_count; i++)
        bind_text(&binding, filter->ids[i]);
    if (filter->created_from_ms != 0) bind_number(&binding, filter->created_from_ms);
    if (filter->created_until_ms != 0) bind_number(&binding, filter->created_until_ms);
    if (filter->origin != NULL) bind_text(&binding, filter->origin);
    for (size_t i = 0; i < filter->tag_count; i++) bind_text(&binding, filter->tags[i]);
    if (filter->caption_word_count > 0)
        bind_words(&binding, "{caption} : ", filter->caption_words, filter->caption_word_count,
                   " AND ");
    if (filter->without_word_count > 0)
        bind_words(&binding, "", filter->without_words, filter->without_word_count, " OR ");
    return !binding.has_failed || error_set(err, ERROR_INTERNAL, "out of memory for a search");
}

// Sets or clears the bits of the rows that the statement answers, then finalizes it.
static bool mark_rows(struct sqlite_connection *reader, sqlite3_stmt *statement, bool is_allowed,
                      uint64_t *bits, size_t bit_count, struct error *err) {
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        uint64_t row = (uint64_t)sqlite3_column_int64(statement, 0);
        if (row >= bit_count) continue;
        uint64_t bit = (uint64_t)1 << (row % 64);
        bits[row / 64] = is_allowed ? bits[row / 64] | bit : bits[row / 64] & ~bit;
    }
    bool is_done = result == SQLITE_DONE || sqlite_error_set(err, reader->database);
    (void)sqlite3_finalize(statement);
    return is_done;
}

static bool prepare(struct sqlite_connection *reader, const char *sql, sqlite3_stmt **statement,
                    struct error *err) {
    return sqlite3_prepare_v2(reader->database, sql, -1, statement, NULL) == SQLITE_OK ||
           sqlite_error_set(err, reader->database);
}

static bool mark_allowed(struct sqlite_connection *reader, const struct store_filter *filter,
                         uint64_t *bits, size_t bit_count, struct error *err) {
    struct byte_buffer sql;
    sqlite3_stmt *statement = NULL;
    byte_buffer_init(&sql, SQL_SIZE_MAX);
    bool is_done = (byte_buffer_append_text(&sql, "SELECT row FROM images WHERE true") &&
                    sqlite_filter_write(filter, &sql)) ||
                   error_set(err, ERROR_INTERNAL, "out of memory for a search");
    is_done = is_done && prepare(reader, sql.bytes, &statement, err) &&
              sqlite_filter_bind(filter, 1, statement, err);
    byte_buffer_clear(&sql);
    if (is_done) return mark_rows(reader, statement, true, bits, bit_count, err);
    (void)sqlite3_finalize(statement);
    return false;
}

// The images that have a word need not be compared with all images: their bits are cleared.
static bool clear_excluded(struct sqlite_connection *reader, const struct store_filter *filter,
                           uint64_t *bits, size_t bit_count, struct error *err) {
    sqlite3_stmt *statement = NULL;
    struct binding binding = {.next = 1};
    if (filter->without_word_count == 0) return true;
    if (!prepare(reader, "SELECT rowid FROM image_words WHERE image_words MATCH ?", &statement,
                 err))
        return false;
    binding.statement = statement;
    bind_words(&binding, "", filter->without_words, filter->without_word_count, " OR ");
    if (!binding.has_failed) return mark_rows(reader, statement, false, bits, bit_count, err);
    (void)sqlite3_finalize(statement);
    return error_set(err, ERROR_INTERNAL, "out of memory for a search");
}

bool sqlite_filter_rows(struct sqlite_connection *reader, const struct store_filter *filter,
                        int64_t row_count, struct key_filter *rows, struct error *err) {
    struct store_filter allowing = *filter;
    allowing.without_word_count = 0;
    size_t bit_count = (size_t)row_count, words = bit_count / 64 + 1;
    uint64_t *bits = memory_try_zeroed(words, sizeof *bits);
    if (bits == NULL) return error_set(err, ERROR_INTERNAL, "out of memory for a search");
    bool is_done = true;
    if (filter_is_empty(&allowing))
        memset(bits, 0xff, words * sizeof *bits);
    else
        is_done = mark_allowed(reader, &allowing, bits, bit_count, err);
    is_done = is_done && clear_excluded(reader, filter, bits, bit_count, err);
    if (!is_done) {
        memory_free(bits);
        bits = NULL;
    }
    *rows = (struct key_filter){.bits = bits, .bit_count = bit_count};
    return is_done;
}
