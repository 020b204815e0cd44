#include "mcp/stdio.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/byte_buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "mcp/line_reader.h"

enum {
    CALLS_MAX = 16,
    THREADS_MAX = 64,
    ANSWER_SIZE_MAX = 128 * 1024 * 1024,  // a page of thumbnails is a hundredth of it
};

struct call {
    struct call *next;
    json_t *json;
    json_t *id;  // borrowed from it; NULL: a batch, which cannot be cancelled
    enum mcp_revision revision;
    bool is_begun, is_cancelled;
};

struct session {
    const struct mcp_backend *backend;
    int output;
    enum mcp_revision revision;  // the reading thread's
    pthread_mutex_t output_lock;
    bool is_broken;  // nobody reads the answers

    pthread_mutex_t lock;  // of what follows
    pthread_cond_t changed;
    struct call *calls;  // not yet answered, in the order they came
    size_t count;
    bool is_ending;  // no more calls come
};

static int append_bytes(const char *bytes, size_t size, void *context) {
    return byte_buffer_append(context, bytes, size) ? 0 : -1;
}

static bool write_all(int descriptor, const char *bytes, size_t size) {
    struct pollfd wait = {.fd = descriptor, .events = POLLOUT};
    while (size > 0) {
        ssize_t written = write(descriptor, bytes, size);
        if (written < 0 && errno == EAGAIN) (void)poll(&wait, 1, -1);
        if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (written <= 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

// Takes the answer's reference; NULL: none is due.
static void answer_write(struct session *session, json_t *answer) {
    struct byte_buffer line;
    if (answer == NULL) return;
    byte_buffer_init(&line, ANSWER_SIZE_MAX);
    bool is_whole = json_dump_callback(answer, append_bytes, &line,
                                       JSON_COMPACT | JSON_REAL_PRECISION(15)) == 0 &&
                    byte_buffer_append(&line, "\n", 1);
    json_decref(answer);
    (void)pthread_mutex_lock(&session->output_lock);
    if (!is_whole)
        log_error("an answer is left out: there is no memory for it");
    else if (!session->is_broken && !write_all(session->output, line.bytes, line.size)) {
        session->is_broken = true;
        log_warning("nobody reads the answers any more: %s", strerror(errno));
    }
    (void)pthread_mutex_unlock(&session->output_lock);
    byte_buffer_clear(&line);
}

static bool is_broken(struct session *session) {
    (void)pthread_mutex_lock(&session->output_lock);
    bool is = session->is_broken;
    (void)pthread_mutex_unlock(&session->output_lock);
    return is;
}

static void error_write(struct session *session, json_t *id, struct rpc_error *error) {
    answer_write(session, rpc_error_create(id, error));
}

// With the lock held.
static void call_remove(struct session *session, struct call *call) {
    struct call **link = &session->calls;
    while (*link != call) link = &(*link)->next;
    *link = call->next;
    session->count--;
    json_decref(call->json);
    memory_free(call);
    (void)pthread_cond_broadcast(&session->changed);
}

// With the lock held: the first that nobody has begun.
static struct call *call_first(struct session *session) {
    struct call *call = session->calls;
    while (call != NULL && call->is_begun) call = call->next;
    return call;
}

static void *answer_calls(void *context) {
    struct session *session = context;
    (void)pthread_mutex_lock(&session->lock);
    for (;;) {
        struct call *call = call_first(session);
        if (call == NULL && session->is_ending) break;
        if (call == NULL) {
            (void)pthread_cond_wait(&session->changed, &session->lock);
            continue;
        }
        call->is_begun = true;
        (void)pthread_mutex_unlock(&session->lock);
        json_t *answer = mcp_answer(session->backend, call->revision, call->json);
        (void)pthread_mutex_lock(&session->lock);
        bool is_cancelled = call->is_cancelled;
        (void)pthread_mutex_unlock(&session->lock);
        if (!is_cancelled)
            answer_write(session, answer);
        else
            json_decref(answer);
        (void)pthread_mutex_lock(&session->lock);
        call_remove(session, call);
    }
    (void)pthread_mutex_unlock(&session->lock);
    return NULL;
}

// Takes the JSON's reference. Waits for a place.
static void call_add(struct session *session, json_t *json, json_t *id) {
    struct call *call = memory_alloc(sizeof *call);
    *call = (struct call){.json = json, .id = id, .revision = session->revision};
    (void)pthread_mutex_lock(&session->lock);
    while (session->count >= CALLS_MAX) (void)pthread_cond_wait(&session->changed, &session->lock);
    struct call **link = &session->calls;
    while (*link != NULL) link = &(*link)->next;
    *link = call;
    session->count++;
    (void)pthread_cond_broadcast(&session->changed);
    (void)pthread_mutex_unlock(&session->lock);
}

static void call_cancel(struct session *session, const json_t *id) {
    (void)pthread_mutex_lock(&session->lock);
    struct call *call = session->calls;
    while (call != NULL && (call->id == NULL || json_equal(call->id, id) == 0)) call = call->next;
    if (call != NULL && call->is_begun)
        call->is_cancelled = true;
    else if (call != NULL)
        call_remove(session, call);
    (void)pthread_mutex_unlock(&session->lock);
}

static bool is_initialize(const struct rpc_message *message) {
    return message->kind == RPC_REQUEST && strcmp(message->method, "initialize") == 0;
}

static void notification_take(struct session *session, const struct rpc_message *message) {
    const json_t *id = json_object_get(message->params, "requestId");
    if (strcmp(message->method, "notifications/cancelled") == 0 && id != NULL)
        call_cancel(session, id);
}

static bool is_blank(const char *line, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (line[i] != ' ' && line[i] != '\t') return false;
    return true;
}

static void line_take(struct session *session, const char *line, size_t size) {
    struct rpc_error error = {0};
    struct rpc_message message = {.kind = RPC_REQUEST};
    if (is_blank(line, size)) return;
    json_t *json = rpc_parse(line, size, &error);
    if (json == NULL) {
        error_write(session, NULL, &error);
        return;
    }
    if (json_is_array(json) && mcp_revision_has_batches(session->revision)) {
        call_add(session, json, NULL);
        return;
    }
    bool is_read = !json_is_array(json) && rpc_message_read(json, &message, &error);
    if (is_read && message.kind == RPC_REQUEST && mcp_method_is_slow(message.method)) {
        call_add(session, json, message.id);
        return;
    }
    if (is_read && message.kind == RPC_NOTIFICATION) notification_take(session, &message);
    json_t *answer = mcp_answer(session->backend, session->revision, json);
    if (is_read && is_initialize(&message) && rpc_answer_code(answer) == 0)
        session->revision = mcp_revision_negotiate(message.params);
    answer_write(session, answer);
    json_decref(json);
}

// Reads until something ends it. false: reading failed.
static bool read_lines(struct session *session, const struct mcp_stdio_options *options,
                       bool *is_interrupted, struct error *err) {
    struct line_reader reader;
    const char *line;
    size_t size;
    enum line_outcome outcome = LINE_READ;
    line_reader_init(&reader, options->input, options->line_max, options->signals);
    while ((outcome == LINE_READ || outcome == LINE_TOO_LONG) && !is_broken(session)) {
        outcome = line_reader_next(&reader, &line, &size, err);
        if (outcome == LINE_READ) line_take(session, line, size);
        if (outcome != LINE_TOO_LONG) continue;
        struct rpc_error error = {0};
        rpc_fail(&error, RPC_INVALID_REQUEST,
                 "The message has more than %zu bytes; send a smaller picture, or its address.",
                 options->line_max);
        error_write(session, NULL, &error);
    }
    line_reader_clear(&reader);
    *is_interrupted = outcome == LINE_INTERRUPTED;
    return outcome != LINE_FAILED;
}

static void session_end(struct session *session, bool drops_waiting) {
    (void)pthread_mutex_lock(&session->lock);
    session->is_ending = true;
    for (struct call *call; drops_waiting && (call = call_first(session)) != NULL;)
        call_remove(session, call);
    (void)pthread_cond_broadcast(&session->changed);
    (void)pthread_mutex_unlock(&session->lock);
}

bool mcp_stdio_run(const struct mcp_backend *backend, const struct mcp_stdio_options *options,
                   struct error *err) {
    struct session session = {
        .backend = backend, .output = options->output, .revision = MCP_NEWEST_WITH_HANDSHAKE};
    pthread_t threads[THREADS_MAX];
    size_t started = 0, wanted = options->threads < THREADS_MAX ? options->threads : THREADS_MAX;
    bool is_interrupted = false, is_done = true;
    (void)pthread_mutex_init(&session.output_lock, NULL);
    (void)pthread_mutex_init(&session.lock, NULL);
    (void)pthread_cond_init(&session.changed, NULL);
    while (started < wanted && pthread_create(&threads[started], NULL, answer_calls, &session) == 0)
        started++;
    if (started == 0)
        is_done = error_set(err, ERROR_INTERNAL, "no thread can be started");
    else
        is_done = read_lines(&session, options, &is_interrupted, err);
    session_end(&session, is_interrupted || is_broken(&session));
    // Another signal must not wait for what is under way.
    if (is_interrupted) (void)pthread_sigmask(SIG_SETMASK, options->signals, NULL);
    while (started > 0) (void)pthread_join(threads[--started], NULL);
    (void)pthread_cond_destroy(&session.changed);
    (void)pthread_mutex_destroy(&session.lock);
    (void)pthread_mutex_destroy(&session.output_lock);
    return is_done;
}
