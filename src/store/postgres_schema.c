#include "store/postgres_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/postgres_original.h"

enum {
    LEAST_SERVER = 140000,  // PostgreSQL 14: bit_count
    // pgvector 0.5: HNSW
    LEAST_EXTENSION_MINOR = 5,
};

// One entry a version; never changed after a release, only added to.
//
// Ids are compared byte for byte in listings, and with the database's own collation where tables
// meet, as the original's table has it. English endings are taken off, no word is left out.
static const char *const migrations[] = {
    "CREATE TABLE imgrouter_schema ("
    "  version integer NOT NULL,"
    "  active_space text NOT NULL DEFAULT '');"
    "INSERT INTO imgrouter_schema (version) VALUES (0);"
    "CREATE TABLE imgrouter_images ("
    "  id text PRIMARY KEY,"
    "  sha256 text NOT NULL,"
    "  caption text NOT NULL,"
    "  origin text NOT NULL,"
    "  caption_model text NOT NULL,"
    "  embedding_model text,"
    "  confidence double precision NOT NULL,"
    "  clip_score double precision NOT NULL,"
    "  source text NOT NULL CHECK (source IN ('upload', 'url')),"
    "  file_name text NOT NULL,"
    "  url text NOT NULL,"
    "  tags text NOT NULL,"
    "  mime text NOT NULL,"
    "  width bigint NOT NULL,"
    "  height bigint NOT NULL,"
    "  size_bytes bigint NOT NULL,"
    "  created_ms bigint NOT NULL,"
    "  perceptual_hash bigint,"
    "  words tsvector);"
    "CREATE INDEX imgrouter_images_newest ON imgrouter_images (created_ms, id COLLATE \"C\");"
    "CREATE INDEX imgrouter_images_words ON imgrouter_images USING gin (words);"
    "CREATE INDEX imgrouter_images_tags ON imgrouter_images"
    "  USING gin (string_to_array(tags, E'\\n'));"
    "CREATE INDEX imgrouter_images_unread ON imgrouter_images (id) WHERE words IS NULL;"
    "CREATE TABLE imgrouter_spaces ("
    "  id serial PRIMARY KEY,"
    "  name text NOT NULL UNIQUE,"
    "  width integer NOT NULL,"
    "  is_original boolean NOT NULL DEFAULT false);"
    "CREATE UNIQUE INDEX imgrouter_spaces_original ON imgrouter_spaces (is_original)"
    "  WHERE is_original;"
    "CREATE TEXT SEARCH DICTIONARY imgrouter_stem"
    "  (TEMPLATE = pg_catalog.snowball, Language = english);"
    "CREATE TEXT SEARCH CONFIGURATION imgrouter_words (PARSER = pg_catalog.\"default\");"
    "ALTER TEXT SEARCH CONFIGURATION imgrouter_words"
    "  ADD MAPPING FOR asciiword, word, numword WITH imgrouter_stem;"
    "ALTER TEXT SEARCH CONFIGURATION imgrouter_words"
    "  ADD MAPPING FOR int, uint, float, sfloat WITH pg_catalog.simple;",

    "ALTER TABLE imgrouter_images ADD COLUMN receipt text NOT NULL DEFAULT '';",  // see receipt.h

    "CREATE TABLE imgrouter_costs_days ("
    "  day bigint NOT NULL,"
    "  purse text NOT NULL,"
    "  requests bigint NOT NULL,"
    "  spent_nano_usd bigint NOT NULL,"
    "  reserved_nano_usd bigint NOT NULL,"
    "  PRIMARY KEY (day, purse));"
    "CREATE TABLE imgrouter_costs_calls ("
    "  number bigint PRIMARY KEY,"
    "  id text NOT NULL UNIQUE,"
    "  day bigint NOT NULL,"
    "  purse text NOT NULL,"
    "  provider text NOT NULL,"
    "  model text NOT NULL,"
    "  reason text NOT NULL,"
    "  started_ms bigint NOT NULL,"
    "  expires_ms bigint NOT NULL,"
    "  ceiling_nano_usd bigint NOT NULL,"
    "  state integer NOT NULL,"
    "  cost_nano_usd bigint,"
    "  outcome text);"
    "CREATE INDEX imgrouter_costs_calls_started ON imgrouter_costs_calls (started_ms);"
    "CREATE INDEX imgrouter_costs_calls_open ON imgrouter_costs_calls (expires_ms)"
    "  WHERE state = 0;"
    "CREATE TABLE imgrouter_costs_totals ("
    "  day bigint NOT NULL,"
    "  provider text NOT NULL,"
    "  model text NOT NULL,"
    "  reason text NOT NULL,"
    "  requests bigint NOT NULL,"
    "  answered bigint NOT NULL,"
    "  cost_nano_usd bigint NOT NULL,"
    "  estimated_nano_usd bigint NOT NULL,"
    "  presumed_nano_usd bigint NOT NULL,"
    "  input_tokens bigint NOT NULL,"
    "  output_tokens bigint NOT NULL,"
    "  duration_ms double precision NOT NULL,"
    "  PRIMARY KEY (day, provider, model, reason));"
    "CREATE TABLE imgrouter_costs_answers ("
    "  number bigint PRIMARY KEY,"
    "  sha256 text NOT NULL,"
    "  provider text NOT NULL,"
    "  model text NOT NULL,"
    "  prompt_sha256 text NOT NULL,"
    "  caption text NOT NULL,"
    "  tags text NOT NULL,"
    "  answered_model text NOT NULL,"
    "  confidence double precision,"
    "  input_tokens bigint NOT NULL,"
    "  output_tokens bigint NOT NULL,"
    "  cost_nano_usd bigint NOT NULL,"
    "  UNIQUE (sha256, provider, model, prompt_sha256));"
    "CREATE TABLE imgrouter_costs_observations ("
    "  experiment text NOT NULL,"
    "  variant text NOT NULL,"
    "  image_id text NOT NULL,"
    "  is_shadow boolean NOT NULL,"
    "  provider text NOT NULL,"
    "  model text NOT NULL,"
    "  caption text NOT NULL,"
    "  cost_nano_usd bigint NOT NULL,"
    "  latency_ms double precision,"
    "  confidence double precision,"
    "  clip_score double precision,"
    "  agreement double precision,"
    "  PRIMARY KEY (experiment, variant, image_id));",
};
enum { NEWEST_VERSION = sizeof migrations / sizeof migrations[0] };

// -1: there are no tables of ours.
static bool read_version(struct postgres_connection *connection, int *version, struct error *err) {
    *version = -1;
    PGresult *result = postgres_query(
        connection, "SELECT to_regclass('imgrouter_schema') IS NOT NULL", NULL, false, err);
    if (result == NULL) return false;
    bool is_there = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    if (!is_there) return true;
    result = postgres_query(connection, "SELECT version FROM imgrouter_schema", NULL, false, err);
    if (result == NULL) return false;
    if (PQntuples(result) == 1) *version = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    if (*version < 0)
        return error_set(err, ERROR_STORAGE,
                         "the table imgrouter_schema does not hold one row; restore a backup");
    if (*version > NEWEST_VERSION)
        return error_set(err, ERROR_STORAGE,
                         "the database has schema version %d and this imgrouter knows versions up "
                         "to %d; use the imgrouter that wrote it, or a newer one",
                         *version, NEWEST_VERSION);
    return true;
}

static bool check_server(struct postgres_connection *connection, struct error *err) {
    int version = PQserverVersion(connection->server);
    const char *encoding = PQparameterStatus(connection->server, "server_encoding");
    if (version < LEAST_SERVER)
        return error_set(err, ERROR_STORAGE,
                         "the PostgreSQL server has version %d; version %d or newer is needed",
                         version / 10000, LEAST_SERVER / 10000);
    if (encoding == NULL || strcmp(encoding, "UTF8") != 0)
        return error_set(err, ERROR_STORAGE,
                         "the database's encoding is %.30s; create one with encoding UTF8",
                         encoding == NULL ? "unknown" : encoding);
    return true;
}

static bool create_extension(struct postgres_connection *connection, struct error *err) {
    struct error problem = {0};
    if (!postgres_execute(connection, "CREATE EXTENSION IF NOT EXISTS vector", &problem)) {
        (void)error_wrap(&problem,
                         "pgvector cannot be switched on; have an administrator install it and "
                         "run CREATE EXTENSION vector in this database");
        return error_set(err, problem.kind, "%s", problem.text);
    }
    PGresult *result =
        postgres_query(connection, "SELECT extversion FROM pg_extension WHERE extname = 'vector'",
                       NULL, false, err);
    if (result == NULL) return false;
    char *dot;
    long major = strtol(PQgetvalue(result, 0, 0), &dot, 10);
    long minor = *dot == '.' ? strtol(dot + 1, NULL, 10) : 0;
    connection->has_iterative_scan = major > 0 || minor >= 8;
    PQclear(result);
    return major > 0 || minor >= LEAST_EXTENSION_MINOR ||
           error_set(err, ERROR_STORAGE,
                     "pgvector has version %ld.%ld; update it on the server to 0.%d or newer and "
                     "run ALTER EXTENSION vector UPDATE",
                     major, minor, LEAST_EXTENSION_MINOR);
}

static bool migrate_tables(struct postgres_connection *connection, struct error *err) {
    int version;
    if (!read_version(connection, &version, err)) return false;
    if (version == NEWEST_VERSION) return true;
    if (version > 0) log_info("database: schema version %d to %d", version, NEWEST_VERSION);
    for (int i = version < 0 ? 0 : version; i < NEWEST_VERSION; i++)
        if (!postgres_execute(connection, migrations[i], err)) return false;
    char stamp[64];
    (void)snprintf(stamp, sizeof stamp, "UPDATE imgrouter_schema SET version = %d", NEWEST_VERSION);
    return postgres_execute(connection, stamp, err);
}

bool postgres_schema_migrate(struct postgres_connection *connection, struct error *err) {
    bool is_done = check_server(connection, err) && postgres_execute(connection, "BEGIN", err) &&
                   postgres_execute(connection, "SET LOCAL statement_timeout = 0", err) &&
                   postgres_execute(connection, POSTGRES_LOCK, err) &&
                   create_extension(connection, err) && migrate_tables(connection, err) &&
                   postgres_original_take_over(connection, err) &&
                   postgres_execute(connection, "COMMIT", err);
    return is_done || error_wrap(err, "the database cannot be brought up to date");
}

bool postgres_schema_require_newest(struct postgres_connection *connection, struct error *err) {
    int version;
    if (!read_version(connection, &version, err)) return false;
    if (version == NEWEST_VERSION) return true;
    return version < 0
               ? error_set(err, ERROR_NOT_FOUND,
                           "there are no pictures in this database yet; start the server and "
                           "upload one")
               : error_set(err, ERROR_STORAGE,
                           "the database's schema version is %d, not %d; start the server once to "
                           "bring it up to date",
                           version, NEWEST_VERSION);
}
