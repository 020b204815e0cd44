// How a settlement gets to the disk: SQLite would sync its write-ahead log within the commit, and
// every reservation would wait for that, some milliseconds. So commits do not sync (synchronous =
// NORMAL), and whoever settles syncs the log afterwards, without the connection, by a descriptor of
// our own. One sync serves all that were committed before it began; the others find it done. A
// checkpoint that comes in between has synced log and database itself before the log is used anew,
// and the log's file is the same as long as our connection is open.
#include "store/sqlite_ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "store/sqlite_ledger_private.h"
#include "store/sqlite_ledger_schema.h"

enum {
    // Another process holds the file for a fraction of a millisecond, or for one sync of its disk:
    // looking again soon costs little, and SQLite's own pauses of up to 100 ms let others pass by.
    BUSY_PAUSE_US = 200,
    BUSY_PAUSES_MAX = 50000,  // 10 s
};

static const char *const statement_texts[LEDGER_COUNT_OF_STATEMENTS] = {
#define STATEMENT_TEXT(name, sql) [LEDGER_##name] = (sql),
    SQLITE_LEDGER_STATEMENTS(STATEMENT_TEXT)
#undef STATEMENT_TEXT
};

// A checkpoint holds the file for some syncs: one for 40 MB of log is seldom enough.
static const char settings[] = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 10000";

static int wait_busy(void *context, int count) {
    (void)context;
    (void)nanosleep(&(struct timespec){.tv_nsec = BUSY_PAUSE_US * 1000L}, NULL);
    return count < BUSY_PAUSES_MAX;
}

// The log has been written to just now, or before by others.
static bool open_log(struct sqlite_ledger *self, const char *path, struct error *err) {
    char log[PATH_MAX];
    (void)snprintf(log, sizeof log, "%.*s-wal", (int)(sizeof log - sizeof "-wal"), path);
    self->log_file = open(log, O_RDWR | O_CLOEXEC);
    return self->log_file >= 0 ||
           error_set(err, ERROR_STORAGE, "its log cannot be opened (%s)", strerror(errno));
}

// Several processes may begin at the same moment, and SQLite lets none wait for another that turns
// on the write-ahead log. -1: it cannot be locked.
static int lock_folder(const char *folder, struct error *err) {
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (lock >= 0 && flock(lock, LOCK_EX) != 0) {
        if (errno == EINTR) continue;
        (void)close(lock);
        lock = -1;
    }
    if (lock < 0)
        error_set(err, ERROR_STORAGE,
                  "its folder cannot be locked (%s); choose one on a local disk", strerror(errno));
    return lock;
}

static bool connect_to(struct sqlite_ledger *self, const char *path, struct error *err) {
    struct sqlite_connection *connection = &self->connection;
    if (!sqlite_connection_open(connection, path, self->is_reader, err)) return false;
    (void)sqlite3_busy_handler(connection->database, wait_busy, NULL);
    return sqlite_migrations_recognize(connection->database, &sqlite_ledger_schema, err);
}

static bool open_reader(struct sqlite_ledger *self, const char *path, struct error *err) {
    if (access(path, F_OK) != 0)
        return error_set(err, ERROR_NOT_FOUND, "nothing has been asked of the cloud here yet");
    return connect_to(self, path, err) &&
           sqlite_migrations_require_newest(self->connection.database, &sqlite_ledger_schema, err);
}

static bool open_writer(struct sqlite_ledger *self, const char *folder, const char *path,
                        struct error *err) {
    if (!folder_create(folder, err)) return false;
    int lock = lock_folder(folder, err);
    if (lock < 0) return false;
    bool is_done = sqlite_file_create(path, err) && connect_to(self, path, err) &&
                   sqlite_connection_make_durable(&self->connection, err) &&
                   sqlite_execute(self->connection.database, settings, err) &&
                   sqlite_migrations_apply(self->connection.database, &sqlite_ledger_schema, err) &&
                   open_log(self, path, err) && folder_sync(folder, err);
    (void)close(lock);
    return is_done;
}

static bool prepare(struct sqlite_ledger *self, struct error *err) {
    sqlite3 *database = self->connection.database;
    for (int i = 0; i < LEDGER_COUNT_OF_STATEMENTS; i++)
        if (sqlite3_prepare_v3(database, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &self->statements[i], NULL) != SQLITE_OK)
            return sqlite_error_set(err, database);
    return true;
}

static void destroy(struct ledger *ledger) {
    struct sqlite_ledger *self = as_sqlite(ledger);
    if (self == NULL) return;
    for (int i = 0; i < LEDGER_COUNT_OF_STATEMENTS; i++)
        (void)sqlite3_finalize(self->statements[i]);
    sqlite_connection_close(&self->connection);
    if (self->log_file >= 0) (void)close(self->log_file);
    (void)pthread_mutex_destroy(&self->sync_mutex);
    (void)pthread_mutex_destroy(&self->mutex);
    memory_free(self);
}

static const struct ledger_operations operations = {
    .destroy = destroy,
    .reserve = sqlite_ledger_reserve,
    .settle = sqlite_ledger_settle,
    .status = sqlite_ledger_status,
    .list_costs = sqlite_ledger_list_costs,
    .find_answer = sqlite_ledger_find_answer,
    .observe = sqlite_ledger_observe,
    .summarize = sqlite_ledger_summarize,
};

static struct ledger *create(const char *folder, bool is_reader, struct error *err) {
    char path[PATH_MAX];
    struct error problem = {0};
    int length = snprintf(path, sizeof path, "%s/costs.db", folder);
    if (length < 0 || (size_t)length >= sizeof path) {
        error_set(err, ERROR_STORAGE, "the path %.80s… is too long; choose another data folder",
                  folder);
        return NULL;
    }
    struct sqlite_ledger *self = memory_alloc(sizeof *self);
    self->ledger.operations = &operations;
    self->is_reader = is_reader;
    self->log_file = -1;
    (void)pthread_mutex_init(&self->mutex, NULL);
    (void)pthread_mutex_init(&self->sync_mutex, NULL);
    bool is_open =
        is_reader ? open_reader(self, path, &problem) : open_writer(self, folder, path, &problem);
    if (is_open && prepare(self, &problem)) return &self->ledger;
    destroy(&self->ledger);
    error_set(err, problem.kind, "the costs in %s cannot be used: %s", path, problem.text);
    return NULL;
}

struct ledger *sqlite_ledger_create(const char *folder, struct error *err) {
    return create(folder, false, err);
}

struct ledger *sqlite_ledger_create_reader(const char *folder, struct error *err) {
    return create(folder, true, err);
}

void sqlite_ledger_enter(struct sqlite_ledger *self) { (void)pthread_mutex_lock(&self->mutex); }

bool sqlite_ledger_commit(struct sqlite_ledger *self, struct error *err) {
    if (!sqlite_ledger_run(self, LEDGER_COMMIT, err)) return false;
    atomic_fetch_add(&self->commits, 1);
    return true;
}

bool sqlite_ledger_sync(struct sqlite_ledger *self, struct error *err) {
    uint64_t wanted = atomic_load(&self->commits);
    bool is_done = true;
    (void)pthread_mutex_lock(&self->sync_mutex);
    if (self->synced_commits < wanted) {
        uint64_t commits = atomic_load(&self->commits);
        is_done = fdatasync(self->log_file) == 0 ||
                  error_set(err, ERROR_STORAGE, "the disk of the costs fails or is full (%s)",
                            strerror(errno));
        if (is_done) self->synced_commits = commits;
    }
    (void)pthread_mutex_unlock(&self->sync_mutex);
    return is_done;
}

bool sqlite_ledger_leave(struct sqlite_ledger *self, bool is_done) {
    // A failed statement or COMMIT may have rolled back already.
    if (sqlite3_get_autocommit(self->connection.database) == 0)
        (void)sqlite_ledger_run(self, LEDGER_ROLLBACK, NULL);
    (void)pthread_mutex_unlock(&self->mutex);
    return is_done;
}

int sqlite_ledger_next(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                       struct error *err) {
    int result = sqlite3_step(self->statements[statement]);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        sqlite_error_set(err, self->connection.database);
    return result;
}

void sqlite_ledger_finish(struct sqlite_ledger *self, enum sqlite_ledger_statement statement) {
    (void)sqlite3_reset(self->statements[statement]);
    (void)sqlite3_clear_bindings(self->statements[statement]);
}

bool sqlite_ledger_run(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                       struct error *err) {
    bool is_done = sqlite_ledger_next(self, statement, err) == SQLITE_DONE;
    sqlite_ledger_finish(self, statement);
    return is_done;
}

void sqlite_ledger_bind_text(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                             int parameter, const char *text) {
    (void)sqlite3_bind_text(self->statements[statement], parameter, text, -1, SQLITE_STATIC);
}

void sqlite_ledger_bind_number(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                               int parameter, int64_t number) {
    (void)sqlite3_bind_int64(self->statements[statement], parameter, number);
}

void sqlite_ledger_bind_real(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                             int parameter, double number) {
    (void)sqlite3_bind_double(self->statements[statement], parameter, number);
}

void sqlite_ledger_read_text(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                             int column, char *text, size_t size) {
    const unsigned char *value = sqlite3_column_text(self->statements[statement], column);
    (void)snprintf(text, size, "%s", value == NULL ? "" : (const char *)value);
}

int64_t sqlite_ledger_read_number(struct sqlite_ledger *self,
                                  enum sqlite_ledger_statement statement, int column) {
    return sqlite3_column_int64(self->statements[statement], column);
}

double sqlite_ledger_read_real(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                               int column) {
    return sqlite3_column_double(self->statements[statement], column);
}
