// Searches. A statement's text is put together from our own fragments only; what comes from outside
// goes in parameters.
//
// pgvector's index looks at ef_search candidates and filters afterwards, so a narrow filter can
// leave too few of them, or none. Since 0.8 it then goes on, up to a limit. Whenever fewer come
// than were asked for, the search is done again without the index: that finds what there is, and
// where there really is so little it costs little. Vectors of length 0 have no angle and are not in
// the index; compared one by one, they get the score 0.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_buffer.h"
#include "base/memory.h"
#include "store/postgres_record.h"
#include "store/postgres_store_private.h"
#include "store/postgres_words.h"

enum {
    SQL_SIZE_MAX = 8192,
    // Candidates of the index. 100 of a million find 99 of the 100 nearest; pgvector's default is
    // 40, its limit 1000.
    EF_SEARCH_LEAST = 100,
    EF_SEARCH_MOST = 1000,
};

// A statement in the making.
struct query {
    struct byte_buffer sql;
    struct postgres_parameters parameters;
    char *texts[5];  // made for parameters, freed with the query
    size_t text_count;
    bool is_out_of_memory;
};

static void query_init(struct query *query) {
    *query = (struct query){0};
    byte_buffer_init(&query->sql, SQL_SIZE_MAX);
}

static void query_clear(struct query *query) {
    byte_buffer_clear(&query->sql);
    while (query->text_count > 0) memory_free(query->texts[--query->text_count]);
}

// Takes the text over; NULL: there was no memory for it.
static int own(struct query *query, char *text) {
    if (text == NULL) query->is_out_of_memory = true;
    query->texts[query->text_count++] = text;
    return postgres_add_text(&query->parameters, text);
}

// The number of the parameter, 0 when there is nothing to look for in the words.
static int own_words(struct query *query, const char *const *words, size_t count,
                     const char *joint) {
    char *text = postgres_words_query(words, count, joint);
    if (text == NULL || text[0] != '\0') return own(query, text);
    memory_free(text);
    return 0;
}

static void add_filter(struct query *query, const struct store_filter *filter) {
    struct byte_buffer *sql = &query->sql;
    struct postgres_parameters *parameters = &query->parameters;
    if (filter->ids != NULL)
        (void)byte_buffer_append_format(
            sql, " AND i.id = ANY ($%d::text[])",
            own(query, postgres_array_create(filter->ids, filter->id_count)));
    if (filter->created_from_ms != 0)
        (void)byte_buffer_append_format(sql, " AND i.created_ms >= $%d::bigint",
                                        postgres_add_number(parameters, filter->created_from_ms));
    if (filter->created_until_ms != 0)
        (void)byte_buffer_append_format(sql, " AND i.created_ms < $%d::bigint",
                                        postgres_add_number(parameters, filter->created_until_ms));
    if (filter->origin != NULL)
        (void)byte_buffer_append_format(sql, " AND i.origin = $%d::text",
                                        postgres_add_text(parameters, filter->origin));
    if (filter->tag_count > 0)
        (void)byte_buffer_append_format(
            sql, " AND string_to_array(i.tags, E'\\n') @> $%d::text[]",
            own(query, postgres_array_create(filter->tags, filter->tag_count)));
    int number = own_words(query, filter->caption_words, filter->caption_word_count, " & ");
    if (number > 0)  // the first of the two has an index, the second looks at captions only
        (void)byte_buffer_append_format(
            sql,
            " AND i.words @@ to_tsquery('imgrouter_words', $%d)"
            " AND ts_filter(i.words, '{a}') @@ to_tsquery('imgrouter_words', $%d)",
            number, number);
    number = own_words(query, filter->without_words, filter->without_word_count, " | ");
    if (number > 0)
        (void)byte_buffer_append_format(
            sql, " AND NOT i.words @@ to_tsquery('imgrouter_words', $%d)", number);
}

static bool run_query(struct postgres_connection *connection, struct query *query, size_t k,
                      struct store_match *matches, size_t *count, struct error *err) {
    *count = 0;
    (void)byte_buffer_append_format(&query->sql, " LIMIT $%d",
                                    postgres_add_number(&query->parameters, (int64_t)k));
    if (query->is_out_of_memory || query->sql.has_failed)
        return error_set(err, ERROR_INTERNAL, "out of memory for a search");
    PGresult *rows = postgres_query(connection, query->sql.bytes, &query->parameters, false, err);
    if (rows == NULL) return false;
    for (int row = 0; row < PQntuples(rows) && *count < k; row++) {
        postgres_record_read(rows, row, &matches[*count].record);
        double score = strtod(PQgetvalue(rows, row, POSTGRES_RECORD_COLUMNS), NULL);
        matches[(*count)++].score = (float)score;
    }
    PQclear(rows);
    return true;
}

// Settings of the connection, which is the store's own; kept until another search wants others.
static bool set_index_effort(struct postgres_connection *connection,
                             const struct store_search *search, struct error *err) {
    static const struct store_filter everything;
    const struct store_filter *filter = &search->filter;
    bool is_filtered =
        filter->ids != everything.ids || filter->origin != NULL || filter->created_from_ms != 0 ||
        filter->created_until_ms != 0 ||
        filter->tag_count + filter->caption_word_count + filter->without_word_count > 0;
    int effort = (is_filtered && !connection->has_iterative_scan) || search->k > EF_SEARCH_LEAST
                     ? EF_SEARCH_MOST
                     : EF_SEARCH_LEAST;
    if (connection->ef_search == effort) return true;
    char sql[128];
    (void)snprintf(
        sql, sizeof sql, "SET hnsw.ef_search = %d%s", effort,
        connection->has_iterative_scan ? "; SET hnsw.iterative_scan = strict_order" : "");
    if (!postgres_execute(connection, sql, err)) return false;
    connection->ef_search = effort;
    return true;
}

static bool search_vectors(struct postgres_connection *connection,
                           const struct postgres_space *space, const struct store_search *search,
                           const unsigned char *bytes, size_t size, bool is_exact,
                           struct store_match *matches, size_t *count, struct error *err) {
    struct query query;
    query_init(&query);
    (void)postgres_add_bytes(&query.parameters, bytes, size);
    (void)byte_buffer_append_format(
        &query.sql,
        "SELECT " POSTGRES_RECORD
        ", 1 - coalesce(nullif(v.%s <=> $1::vector, 'NaN'), 1) AS score"
        " FROM %s v JOIN imgrouter_images i ON i.id = v.%s WHERE v.%s IS NOT NULL",
        space->vector, space->table, space->key, space->vector);
    add_filter(&query, &search->filter);
    // An order by anything but the bare operator does not use the index.
    if (is_exact)
        (void)byte_buffer_append_text(&query.sql, " ORDER BY score DESC");
    else
        (void)byte_buffer_append_format(&query.sql, " ORDER BY v.%s <=> $1::vector", space->vector);
    bool is_done = run_query(connection, &query, search->k, matches, count, err);
    query_clear(&query);
    return is_done;
}

static bool search_space(struct postgres_connection *connection, const struct store_search *search,
                         const unsigned char *bytes, size_t size, struct store_match *matches,
                         size_t *count, struct error *err) {
    struct postgres_space space;
    *count = 0;
    if (!postgres_space_find(connection, search->embedding_model, search->width, &space, err))
        return false;
    if (!space.is_there) return true;
    if (!search->is_exact) {
        if (!set_index_effort(connection, search, err) ||
            !search_vectors(connection, &space, search, bytes, size, false, matches, count, err))
            return false;
        if (*count == search->k) return true;
    }
    return search_vectors(connection, &space, search, bytes, size, true, matches, count, err);
}

bool postgres_search(struct store *store, const struct store_search *search,
                     struct store_match *matches, size_t *count, struct error *err) {
    struct postgres_turn turn = {0};
    unsigned char *bytes;
    size_t size;
    *count = 0;
    if (search->k == 0) return true;
    if (!postgres_vector_encode(search->query, search->width, &bytes, &size, err)) return false;
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done =
            search_space(turn.connection, search, bytes, size, matches, count, &turn.error);
    memory_free(bytes);
    return turn.is_done;
}

static bool find_words(struct postgres_connection *connection,
                       const struct store_word_search *search, const char *words,
                       struct store_match *matches, size_t *count, struct error *err) {
    struct query query;
    query_init(&query);
    (void)postgres_add_text(&query.parameters, words);
    // Rank 1: divided by the logarithm of the length, so that long captions do not always win.
    (void)byte_buffer_append_text(&query.sql,
                                  "SELECT " POSTGRES_RECORD
                                  ", ts_rank(i.words, q, 1) AS score FROM imgrouter_images i,"
                                  " to_tsquery('imgrouter_words', $1) q WHERE i.words @@ q");
    add_filter(&query, &search->filter);
    (void)byte_buffer_append_text(&query.sql, " ORDER BY score DESC, i.created_ms DESC, i.id");
    bool is_done = run_query(connection, &query, search->k, matches, count, err);
    query_clear(&query);
    return is_done;
}

// Every image that has one of the words is ranked. Where enough have all of them, these are the
// best, and the others need not be.
bool postgres_search_words(struct store *store, const struct store_word_search *search,
                           struct store_match *matches, size_t *count, struct error *err) {
    struct postgres_turn turn = {0};
    *count = 0;
    char *any = postgres_words_query(search->words, search->word_count, " | ");
    char *all = postgres_words_query(search->words, search->word_count, " & ");
    bool has_memory = any != NULL && all != NULL;
    bool is_empty = has_memory && (any[0] == '\0' || search->k == 0);
    if (!has_memory) error_set(err, ERROR_INTERNAL, "out of memory for a search");
    while (has_memory && !is_empty && postgres_turn_next(&as_postgres(store)->pool, &turn, err)) {
        turn.is_done = find_words(turn.connection, search, all, matches, count, &turn.error);
        if (turn.is_done && *count < search->k && strcmp(all, any) != 0)
            turn.is_done = find_words(turn.connection, search, any, matches, count, &turn.error);
    }
    memory_free(any);
    memory_free(all);
    return is_empty || turn.is_done;
}

static bool find_hashes(struct postgres_connection *connection, uint64_t perceptual_hash,
                        unsigned distance, size_t k, struct store_match *matches, size_t *count,
                        struct error *err) {
#define DISTANCE "bit_count((i.perceptual_hash # $1::bigint)::bit(64))"
    struct query query;
    query_init(&query);
    (void)postgres_add_number(&query.parameters, (int64_t)perceptual_hash);
    (void)postgres_add_number(&query.parameters, distance);
    (void)byte_buffer_append_text(
        &query.sql, "SELECT " POSTGRES_RECORD ", " DISTANCE
                    " AS distance FROM imgrouter_images i WHERE i.perceptual_hash IS NOT NULL"
                    " AND " DISTANCE " <= $2 ORDER BY distance, i.created_ms DESC, i.id");
#undef DISTANCE
    bool is_done = run_query(connection, &query, k, matches, count, err);
    query_clear(&query);
    return is_done;
}

bool postgres_search_hash(struct store *store, uint64_t perceptual_hash, unsigned distance,
                          size_t k, struct store_match *matches, size_t *count, struct error *err) {
    struct postgres_turn turn = {0};
    *count = 0;
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done =
            find_hashes(turn.connection, perceptual_hash, distance, k, matches, count, &turn.error);
    return turn.is_done;
}
