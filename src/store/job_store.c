#include "store/job_store.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/folder_lock.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_migrations.h"

#define APPLICATION_ID 0x696d676a  // "imgj": our other files have others

enum { PATH_BYTES = 4096, ID_BYTES = 16, FORGET_EVERY = 100 };

static const int64_t kept_ms = (int64_t)JOBS_KEPT_DAYS * 24 * 60 * 60 * 1000;

// One entry a version; never changed after a release, only added to.
static const char *const steps[] = {
    "CREATE TABLE jobs ("
    "  sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  id TEXT NOT NULL UNIQUE,"
    "  state TEXT NOT NULL,"
    "  is_bulk INTEGER NOT NULL,"
    "  quality INTEGER NOT NULL,"
    "  file_name TEXT NOT NULL,"
    "  url TEXT NOT NULL,"
    "  trace_parent TEXT NOT NULL,"
    "  attempts INTEGER NOT NULL DEFAULT 0,"
    "  not_before_ms INTEGER NOT NULL DEFAULT 0,"
    "  created_ms INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL DEFAULT 0,"
    "  finished_ms INTEGER NOT NULL DEFAULT 0,"
    "  image_id TEXT NOT NULL DEFAULT '',"
    "  was_known INTEGER NOT NULL DEFAULT 0,"
    "  problem_code TEXT NOT NULL DEFAULT '',"
    "  problem_text TEXT NOT NULL DEFAULT ''"
    ") STRICT;"
    "CREATE INDEX jobs_waiting ON jobs (is_bulk, sequence) WHERE state = 'queued';"
    "CREATE INDEX jobs_finished ON jobs (finished_ms) WHERE state <> 'queued';"
    "CREATE TABLE pictures ("
    "  job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,"
    "  bytes BLOB NOT NULL"
    ") STRICT;",
};

static const struct sqlite_migrations migrations = {
    .application_id = APPLICATION_ID,
    .name = "the database of jobs",
    .what = "version",
    .steps = steps,
    .count = sizeof steps / sizeof steps[0],
};

const char *const job_state_names[] = {"queued", "running", "done", "failed", NULL};

#define JOB_COLUMNS                                                                               \
    "sequence, id, state, is_bulk, quality, file_name, url, trace_parent, attempts, created_ms, " \
    "started_ms, finished_ms, image_id, was_known, problem_code, problem_text"

enum job_statement {
    BEGIN,
    COMMIT,
    ADD,
    ADD_BYTES,
    WAITING,
    NEXT_TIME,
    READ_BYTES,
    FINISH,
    REMOVE_BYTES,
    POSTPONE,
    GET,
    LIST,
    REMOVE,
    FORGET,
    STATEMENT_COUNT
};

static const char *const statement_texts[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ADD] =
        "INSERT INTO jobs (id, state, is_bulk, quality, file_name, url, trace_parent, "
        "created_ms) VALUES (?1, 'queued', ?2, ?3, ?4, ?5, ?6, ?7)",
    [ADD_BYTES] = "INSERT INTO pictures (job, bytes) VALUES (?1, ?2)",
    [WAITING] = "SELECT " JOB_COLUMNS
                " FROM jobs WHERE state = 'queued' AND not_before_ms <= ?1 "
                "ORDER BY is_bulk, sequence LIMIT ?2",
    [NEXT_TIME] =
        "SELECT min(not_before_ms) FROM jobs WHERE state = 'queued' AND "
        "not_before_ms > ?1",
    [READ_BYTES] = "SELECT bytes FROM pictures WHERE job = ?1",
    [FINISH] =
        "UPDATE jobs SET state = ?2, attempts = ?3, started_ms = ?4, finished_ms = ?5, "
        "image_id = ?6, was_known = ?7, problem_code = ?8, problem_text = ?9 "
        "WHERE sequence = ?1",
    [REMOVE_BYTES] = "DELETE FROM pictures WHERE job = ?1",
    [POSTPONE] = "UPDATE jobs SET attempts = ?2, not_before_ms = ?3 WHERE sequence = ?1",
    [GET] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?1",
    [LIST] = "SELECT " JOB_COLUMNS
             " FROM jobs WHERE ?1 IN ('', state) "
             "ORDER BY sequence DESC LIMIT ?2",
    [REMOVE] = "DELETE FROM jobs WHERE id = ?1 RETURNING state = 'queued'",
    [FORGET] =
        "DELETE FROM jobs WHERE state <> 'queued' AND (finished_ms < ?1 OR sequence <= "
        "(SELECT sequence FROM jobs WHERE state <> 'queued' ORDER BY sequence DESC "
        "LIMIT 1 OFFSET ?2))",
};

struct job_store {
    pthread_mutex_t mutex;                // guards what follows
    struct sqlite_connection connection;  // its own statements are the store's
    sqlite3_stmt *statements[STATEMENT_COUNT];
    atomic_size_t waiting;  // queued jobs; changed under the mutex, read without it
    unsigned finished;      // since the old ones were last forgotten
    int lock;
};

static sqlite3_stmt *statement_of(struct job_store *store, enum job_statement which) {
    return store->statements[which];
}

// Runs a statement that answers nothing, and resets it.
static bool run(struct job_store *store, enum job_statement which, struct error *err) {
    sqlite3_stmt *statement = statement_of(store, which);
    bool is_done = sqlite3_step(statement) == SQLITE_DONE;
    if (!is_done) sqlite_error_set(err, store->connection.database);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return is_done;
}

// The next row of a statement. False: there is none, or it failed, which *err tells.
static bool step(struct job_store *store, enum job_statement which, struct error *err) {
    int result = sqlite3_step(statement_of(store, which));
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        sqlite_error_set(err, store->connection.database);
    return result == SQLITE_ROW;
}

static void end(struct job_store *store, enum job_statement which) {
    (void)sqlite3_reset(statement_of(store, which));
    (void)sqlite3_clear_bindings(statement_of(store, which));
}

// Binding can only run out of memory, and then the parameter is NULL, which no column here takes
// and no row has.
static void bind_text(struct job_store *store, enum job_statement which, int parameter,
                      const char *text) {
    (void)sqlite3_bind_text(statement_of(store, which), parameter, text, -1, SQLITE_STATIC);
}

static void bind_number(struct job_store *store, enum job_statement which, int parameter,
                        int64_t number) {
    (void)sqlite3_bind_int64(statement_of(store, which), parameter, number);
}

static bool roll_back_unless(struct job_store *store, bool is_done) {
    if (!is_done && sqlite3_get_autocommit(store->connection.database) == 0)
        (void)sqlite_execute(store->connection.database, "ROLLBACK", NULL);
    return is_done;
}

static bool forget_old(struct job_store *store, struct error *err) {
    store->finished = 0;
    bind_number(store, FORGET, 1, clock_utc_ms() - kept_ms);
    bind_number(store, FORGET, 2, JOBS_KEPT);
    return run(store, FORGET, err) &&
           // What pictures took is given back to the disk.
           sqlite_execute(store->connection.database, "PRAGMA incremental_vacuum", err);
}

static bool open_database(struct job_store *store, const char *path, struct error *err) {
    struct sqlite_connection *connection = &store->connection;
    // auto_vacuum counts only before there are tables, and costs nothing later.
    if (!sqlite_file_create(path, err) || !sqlite_connection_open(connection, path, false, err) ||
        !sqlite_migrations_recognize(connection->database, &migrations, err) ||
        !sqlite_execute(connection->database,
                        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA foreign_keys = ON", err) ||
        !sqlite_connection_make_durable(connection, err) ||
        !sqlite_migrations_apply(connection->database, &migrations, err))
        return false;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v3(connection->database, statement_texts[i], -1,
                               SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL) != SQLITE_OK)
            return sqlite_error_set(err, connection->database);
    int64_t waiting;
    if (!sqlite_query_number(connection->database,
                             "SELECT count(*) FROM jobs WHERE state = 'queued'", &waiting, err))
        return false;
    atomic_store(&store->waiting, (size_t)waiting);
    return forget_old(store, err);
}

struct job_store *job_store_open(const char *folder, struct error *err) {
    char path[PATH_BYTES], lock[PATH_BYTES + 8];
    struct error problem = {0};
    int length = snprintf(path, sizeof path, "%s/jobs.db", folder);
    if (length < 0 || (size_t)length >= sizeof path) {
        error_set(err, ERROR_STORAGE, "the path %.80s… is too long; choose another data folder",
                  folder);
        return NULL;
    }
    (void)snprintf(lock, sizeof lock, "%s/jobs.lock", folder);
    struct job_store *store = memory_alloc(sizeof *store);
    (void)pthread_mutex_init(&store->mutex, NULL);
    store->lock = -1;
    if (folder_create(folder, &problem) && (store->lock = folder_lock_take(lock, &problem)) >= 0 &&
        open_database(store, path, &problem) && folder_sync(folder, &problem))
        return store;
    job_store_close(store);
    error_set(err, problem.kind, "the database of jobs, %s, cannot be used: %s", path,
              problem.text);
    return NULL;
}

void job_store_close(struct job_store *store) {
    if (store == NULL) return;
    for (int i = 0; i < STATEMENT_COUNT; i++) (void)sqlite3_finalize(store->statements[i]);
    sqlite_connection_close(&store->connection);
    folder_lock_release(store->lock);
    (void)pthread_mutex_destroy(&store->mutex);
    memory_free(store);
}

static bool draw_id(char id[static JOB_ID_SIZE], struct error *err) {
    uint8_t bytes[ID_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return error_set(err, ERROR_INTERNAL, "the system gives no random numbers");
    hex_write(bytes, ID_BYTES, id);
    return true;
}

static bool has_room(const struct job_store *store, size_t waiting_max, struct error *err) {
    return job_store_waiting(store) < waiting_max ||
           error_set(err, ERROR_OVERLOADED,
                     "%zu uploads are waiting already; come back when some of them are done",
                     waiting_max);
}

static bool add_locked(struct job_store *store, struct job *job, const void *bytes, size_t size,
                       struct error *err) {
    bind_text(store, ADD, 1, job->id);
    bind_number(store, ADD, 2, job->is_bulk);
    bind_number(store, ADD, 3, job->quality);
    bind_text(store, ADD, 4, job->file_name);
    bind_text(store, ADD, 5, job->url);
    bind_text(store, ADD, 6, job->trace_parent);
    bind_number(store, ADD, 7, job->created_ms);
    if (!run(store, ADD, err)) return false;
    job->sequence = sqlite3_last_insert_rowid(store->connection.database);
    if (bytes == NULL) return true;
    bind_number(store, ADD_BYTES, 1, job->sequence);
    (void)sqlite3_bind_blob64(statement_of(store, ADD_BYTES), 2, bytes, size, SQLITE_STATIC);
    return run(store, ADD_BYTES, err);
}

bool job_store_add(struct job_store *store, struct job *job, const void *bytes, size_t size,
                   size_t waiting_max, struct error *err) {
    job->state = JOB_QUEUED;
    job->created_ms = clock_utc_ms();
    if (!draw_id(job->id, err)) return false;
    (void)pthread_mutex_lock(&store->mutex);
    bool is_done = roll_back_unless(
        store, has_room(store, waiting_max, err) && run(store, BEGIN, err) &&
                   add_locked(store, job, bytes, size, err) && run(store, COMMIT, err));
    if (is_done) atomic_fetch_add(&store->waiting, 1);
    (void)pthread_mutex_unlock(&store->mutex);
    return is_done;
}

static void read_text(sqlite3_stmt *row, int column, char *text, size_t size) {
    const unsigned char *value = sqlite3_column_text(row, column);
    (void)snprintf(text, size, "%s", value == NULL ? "" : (const char *)value);
}

static enum error_kind kind_named(const char *code) {
    for (int kind = ERROR_NONE; kind < ERROR_KIND_COUNT; kind++)
        if (strcmp(error_kind_name((enum error_kind)kind), code) == 0) return (enum error_kind)kind;
    return code[0] == '\0' ? ERROR_NONE : ERROR_INTERNAL;
}

static void read_job(sqlite3_stmt *row, struct job *job) {
    char state[16], code[32];
    *job = (struct job){
        .sequence = sqlite3_column_int64(row, 0),
        .is_bulk = sqlite3_column_int(row, 3) != 0,
        .quality = sqlite3_column_int(row, 4),
        .attempts = sqlite3_column_int(row, 8),
        .created_ms = sqlite3_column_int64(row, 9),
        .started_ms = sqlite3_column_int64(row, 10),
        .finished_ms = sqlite3_column_int64(row, 11),
        .was_known = sqlite3_column_int(row, 13) != 0,
    };
    read_text(row, 1, job->id, sizeof job->id);
    read_text(row, 2, state, sizeof state);
    read_text(row, 5, job->file_name, sizeof job->file_name);
    read_text(row, 6, job->url, sizeof job->url);
    read_text(row, 7, job->trace_parent, sizeof job->trace_parent);
    read_text(row, 12, job->image_id, sizeof job->image_id);
    read_text(row, 14, code, sizeof code);
    read_text(row, 15, job->problem.text, sizeof job->problem.text);
    job->problem.kind = kind_named(code);
    for (int i = 0; i < JOB_STATE_COUNT; i++)
        if (strcmp(state, job_state_names[i]) == 0) job->state = (enum job_state)i;
}

static bool is_among(const int64_t *taken, size_t count, int64_t sequence) {
    for (size_t i = 0; i < count; i++)
        if (taken[i] == sequence) return true;
    return false;
}

static bool read_bytes_locked(struct job_store *store, int64_t sequence, char **bytes, size_t *size,
                              struct error *err) {
    bind_number(store, READ_BYTES, 1, sequence);
    bool is_there = step(store, READ_BYTES, err);
    if (is_there) {
        sqlite3_stmt *row = statement_of(store, READ_BYTES);
        const void *blob = sqlite3_column_blob(row, 0);
        *size = (size_t)sqlite3_column_bytes(row, 0);
        *bytes = memory_try(*size + 1);
        if (*bytes != NULL && blob != NULL) memcpy(*bytes, blob, *size);
        if (*bytes == NULL || blob == NULL)
            is_there = error_set(err, ERROR_OVERLOADED, "out of memory for a picture that waits");
    } else {
        error_set(err, ERROR_STORAGE, "the bytes of a picture that waits are gone");
    }
    end(store, READ_BYTES);
    return is_there;
}

static int64_t next_time_locked(struct job_store *store, int64_t now_ms, struct error *err) {
    int64_t next_ms = INT64_MAX;
    bind_number(store, NEXT_TIME, 1, now_ms);
    sqlite3_stmt *row = statement_of(store, NEXT_TIME);
    if (step(store, NEXT_TIME, err) && sqlite3_column_type(row, 0) != SQLITE_NULL)
        next_ms = sqlite3_column_int64(row, 0);
    end(store, NEXT_TIME);
    return next_ms;
}

bool job_store_next(struct job_store *store, const int64_t *taken, size_t taken_count,
                    struct job *job, char **bytes, size_t *size, bool *is_found, int64_t *next_ms,
                    struct error *err) {
    struct error problem = {0};
    int64_t now_ms = clock_utc_ms();
    *bytes = NULL;
    *size = 0;
    *is_found = false;
    (void)pthread_mutex_lock(&store->mutex);
    bind_number(store, WAITING, 1, now_ms);
    bind_number(store, WAITING, 2, (int64_t)taken_count + 1);
    while (!*is_found && step(store, WAITING, &problem)) {
        sqlite3_stmt *row = statement_of(store, WAITING);
        if (is_among(taken, taken_count, sqlite3_column_int64(row, 0))) continue;
        read_job(row, job);
        *is_found = true;
    }
    end(store, WAITING);
    *next_ms = *is_found ? now_ms : next_time_locked(store, now_ms, &problem);
    if (*is_found && job->url[0] == '\0')
        (void)read_bytes_locked(store, job->sequence, bytes, size, &problem);
    (void)pthread_mutex_unlock(&store->mutex);
    if (problem.kind == ERROR_NONE) return true;
    memory_free(*bytes);
    *bytes = NULL;
    return error_set(err, problem.kind, "%s", problem.text);
}

static bool finish_locked(struct job_store *store, const struct job *job, struct error *err) {
    bool has_problem = job->problem.kind != ERROR_NONE;
    bind_number(store, FINISH, 1, job->sequence);
    bind_text(store, FINISH, 2, job_state_names[job->state]);
    bind_number(store, FINISH, 3, job->attempts);
    bind_number(store, FINISH, 4, job->started_ms);
    bind_number(store, FINISH, 5, job->finished_ms);
    bind_text(store, FINISH, 6, job->image_id);
    bind_number(store, FINISH, 7, job->was_known);
    bind_text(store, FINISH, 8, has_problem ? error_kind_name(job->problem.kind) : "");
    bind_text(store, FINISH, 9, job->problem.text);
    bind_number(store, REMOVE_BYTES, 1, job->sequence);
    return run(store, FINISH, err) && run(store, REMOVE_BYTES, err);
}

bool job_store_finish(struct job_store *store, const struct job *job, struct error *err) {
    (void)pthread_mutex_lock(&store->mutex);
    bool is_done = roll_back_unless(
        store, run(store, BEGIN, err) && finish_locked(store, job, err) && run(store, COMMIT, err));
    if (is_done) atomic_fetch_sub(&store->waiting, 1);
    if (is_done && ++store->finished >= FORGET_EVERY) (void)forget_old(store, NULL);
    (void)pthread_mutex_unlock(&store->mutex);
    return is_done;
}

bool job_store_postpone(struct job_store *store, const struct job *job, int64_t not_before_ms,
                        struct error *err) {
    (void)pthread_mutex_lock(&store->mutex);
    bind_number(store, POSTPONE, 1, job->sequence);
    bind_number(store, POSTPONE, 2, job->attempts);
    bind_number(store, POSTPONE, 3, not_before_ms);
    bool is_done = run(store, POSTPONE, err);
    (void)pthread_mutex_unlock(&store->mutex);
    return is_done;
}

static bool not_found(const char *id, struct error *err) {
    return error_set(err, ERROR_NOT_FOUND,
                     "there is no job %.32s; finished ones are kept for %d days, and %d of them",
                     id, JOBS_KEPT_DAYS, JOBS_KEPT);
}

bool job_store_get(struct job_store *store, const char *id, struct job *job, struct error *err) {
    struct error problem = {0};
    (void)pthread_mutex_lock(&store->mutex);
    bind_text(store, GET, 1, id);
    bool is_found = step(store, GET, &problem);
    if (is_found) read_job(statement_of(store, GET), job);
    end(store, GET);
    (void)pthread_mutex_unlock(&store->mutex);
    if (problem.kind != ERROR_NONE) return error_set(err, problem.kind, "%s", problem.text);
    return is_found || not_found(id, err);
}

bool job_store_list(struct job_store *store, enum job_state state, size_t limit, struct job *jobs,
                    size_t *count, struct error *err) {
    struct error problem = {0};
    *count = 0;
    (void)pthread_mutex_lock(&store->mutex);
    bind_text(store, LIST, 1, state == JOB_STATE_COUNT ? "" : job_state_names[state]);
    bind_number(store, LIST, 2, (int64_t)limit);
    while (*count < limit && step(store, LIST, &problem))
        read_job(statement_of(store, LIST), &jobs[(*count)++]);
    end(store, LIST);
    (void)pthread_mutex_unlock(&store->mutex);
    return problem.kind == ERROR_NONE || error_set(err, problem.kind, "%s", problem.text);
}

bool job_store_remove(struct job_store *store, const char *id, struct error *err) {
    struct error problem = {0};
    (void)pthread_mutex_lock(&store->mutex);
    bind_text(store, REMOVE, 1, id);
    bool was_there = step(store, REMOVE, &problem);
    bool was_waiting = was_there && sqlite3_column_int(statement_of(store, REMOVE), 0) != 0;
    bool is_done = problem.kind == ERROR_NONE && (!was_there || run(store, REMOVE, &problem));
    if (!was_there) end(store, REMOVE);
    if (is_done && was_waiting) atomic_fetch_sub(&store->waiting, 1);
    (void)pthread_mutex_unlock(&store->mutex);
    if (!is_done) return error_set(err, problem.kind, "%s", problem.text);
    return was_there || not_found(id, err);
}

size_t job_store_waiting(const struct job_store *store) { return atomic_load(&store->waiting); }
