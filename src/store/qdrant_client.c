#include "store/qdrant_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/byte_buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "fetch/fetch_trusted.h"
#include "observe/trace.h"

enum {
    CONNECT_TIMEOUT_MS = 2000,
    TIMEOUT_MS = 10000,              // the whole exchange
    AWAY_MS = 1000,                  // after it could not be reached: how long nobody tries again
    ATTEMPTS = 3,                    // of one request
    WAIT_LIMIT_S = 2,                // longest Retry-After that is waited for
    MAX_ANSWER = 32 * 1024 * 1024,   // bytes; a page of 1000 of the longest records has half of it
    MAX_REQUEST = 32 * 1024 * 1024,  // bytes; Qdrant's own limit
    MAX_IDLE = 16,                   // connections kept
    MAX_KEY = 1024,                  // bytes
    MAX_PATH = 512,
    MAX_SHOWN = 200,  // bytes of what Qdrant said that an error repeats
};

struct qdrant_client {
    char *url;         // without a slash at its end
    char *key_header;  // NULL: none
    pthread_mutex_t mutex;
    struct fetch_client *idle[MAX_IDLE];  // under the mutex, as is what follows
    size_t idle_count;
    // While the server is away, one request at a time finds out whether it is back, and none before
    // this moment; the others fail at once.
    bool is_away;
    bool is_known;  // somebody has asked
    bool is_asking;
    int64_t away_until_ns;
};

static bool set_key(struct qdrant_client *client, const char *api_key, struct error *err) {
    if (api_key == NULL || api_key[0] == '\0') return true;
    for (const char *c = api_key; *c != '\0'; c++)
        if (*c <= ' ' || *c == 0x7f || c - api_key >= MAX_KEY)
            return error_set(err, ERROR_USAGE,
                             "QDRANT_API_KEY has a blank or a control character in it, or is "
                             "longer than %d bytes",
                             MAX_KEY);
    char header[MAX_KEY + 16];
    (void)snprintf(header, sizeof header, "api-key: %s", api_key);
    client->key_header = memory_copy_text(header);
    if (url_is_http(client->url) && strstr(client->url, "//127.") == NULL &&
        strstr(client->url, "//localhost") == NULL)
        log_warning("QDRANT_URL is not https: the API key goes over the network as it is");
    return true;
}

struct qdrant_client *qdrant_client_create(const char *url, const char *api_key,
                                           struct error *err) {
    if (url == NULL || url[0] == '\0') {
        error_set(err, ERROR_USAGE,
                  "QDRANT_URL is not set; set it to the server's address, for example "
                  "http://127.0.0.1:6333");
        return NULL;
    }
    if (!url_check_server(url, "QDRANT_URL", err)) return NULL;
    struct qdrant_client *client = memory_alloc(sizeof *client);
    client->url = memory_copy_text(url);
    (void)pthread_mutex_init(&client->mutex, NULL);
    for (size_t end = strlen(client->url); end > 0 && client->url[end - 1] == '/'; end--)
        client->url[end - 1] = '\0';
    if (set_key(client, api_key, err)) return client;
    qdrant_client_destroy(client);
    return NULL;
}

void qdrant_client_destroy(struct qdrant_client *client) {
    if (client == NULL) return;
    for (size_t i = 0; i < client->idle_count; i++) fetch_client_destroy(client->idle[i]);
    (void)pthread_mutex_destroy(&client->mutex);
    memory_free(client->url);
    memory_free(client->key_header);
    memory_free(client);
}

static bool set_away(struct error *err, const char *why) {
    return error_set(err, ERROR_UNAVAILABLE, "the store (Qdrant) is not there now: %s", why);
}

// What a request found out about whether the server is there.
static void note_reach(struct qdrant_client *client, bool is_away) {
    (void)pthread_mutex_lock(&client->mutex);
    client->is_away = is_away;
    client->is_known = true;
    client->is_asking = false;
    if (is_away) client->away_until_ns = clock_monotonic_ns() + (int64_t)AWAY_MS * 1000000;
    (void)pthread_mutex_unlock(&client->mutex);
}

bool qdrant_client_is_there(struct qdrant_client *client) {
    (void)pthread_mutex_lock(&client->mutex);
    bool is_there = client->is_known && !client->is_away;
    (void)pthread_mutex_unlock(&client->mutex);
    return is_there;
}

// A connection, kept or new; NULL with an error, also while the server is known to be away.
static struct fetch_client *take_connection(struct qdrant_client *client, struct error *err) {
    struct fetch_client *connection = NULL;
    (void)pthread_mutex_lock(&client->mutex);
    bool is_away =
        client->is_away && (client->is_asking || clock_monotonic_ns() < client->away_until_ns);
    if (!is_away) client->is_asking = client->is_away;
    if (!is_away && client->idle_count > 0) connection = client->idle[--client->idle_count];
    (void)pthread_mutex_unlock(&client->mutex);
    if (is_away) {
        set_away(err, "it could not be reached a moment ago");
        return NULL;
    }
    if (connection == NULL) connection = fetch_client_create(err);
    if (connection == NULL) note_reach(client, true);
    return connection;
}

static void give_connection(struct qdrant_client *client, struct fetch_client *connection) {
    (void)pthread_mutex_lock(&client->mutex);
    bool has_room = client->idle_count < MAX_IDLE;
    if (has_room) client->idle[client->idle_count++] = connection;
    (void)pthread_mutex_unlock(&client->mutex);
    if (!has_room) fetch_client_destroy(connection);
}

struct answer {
    long status;
    struct byte_buffer body;
    bool is_too_long;
};

static bool take_bytes(void *context, long status, const void *bytes, size_t size,
                       struct error *err) {
    struct answer *answer = context;
    (void)status;
    if (byte_buffer_append(&answer->body, bytes, size)) return true;
    answer->is_too_long = true;
    return error_set(err, ERROR_UPSTREAM, "Qdrant's answer is larger than %d bytes", MAX_ANSWER);
}

// How a request may go on after an answer or the lack of one.
enum outcome { OUTCOME_ANSWER, OUTCOME_REPEAT, OUTCOME_FAILED };

static enum outcome judge_failure(struct qdrant_client *client, const struct answer *answer,
                                  bool is_last, const struct error *problem, struct error *err) {
    note_reach(client, false);
    if (answer->is_too_long || problem->kind == ERROR_INTERNAL) {
        error_set(err, problem->kind, "%s", problem->text);
        return OUTCOME_FAILED;
    }
    if (problem->kind == ERROR_TIMEOUT || problem->kind == ERROR_UNAVAILABLE) {
        note_reach(client, true);
        log_warning("Qdrant cannot be reached: %s", problem->text);
        set_away(err, problem->kind == ERROR_TIMEOUT ? "it does not answer in time"
                                                     : "it cannot be reached");
        return OUTCOME_FAILED;
    }
    if (!is_last) return OUTCOME_REPEAT;  // a connection broke, perhaps one that was kept too long
    log_warning("Qdrant's answer broke off: %s", problem->text);
    set_away(err, "its answer broke off");
    return OUTCOME_FAILED;
}

// Whether a 429 or 503 asks to come back soon; waits until then.
static bool wait_as_asked(struct fetch_client *connection, long status) {
    if (status != 429 && status != 503) return false;
    const char *text = fetch_client_header(connection, "Retry-After");
    char *end = NULL;
    long seconds = text == NULL ? -1 : strtol(text, &end, 10);
    if (text == NULL || end == text || *end != '\0' || seconds < 0 || seconds > WAIT_LIMIT_S)
        return false;
    struct timespec rest = {.tv_sec = seconds};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
    return true;
}

static enum outcome exchange_once(struct qdrant_client *client, struct fetch_request *request,
                                  struct answer *answer, bool is_last, struct error *err) {
    struct error problem = {0};
    struct fetch_client *connection = take_connection(client, err);
    if (connection == NULL) return OUTCOME_FAILED;
    byte_buffer_clear(&answer->body);
    bool is_answered = fetch_client_send(connection, request, &answer->status, &problem);
    enum outcome outcome = OUTCOME_ANSWER;
    if (!is_answered)
        outcome = judge_failure(client, answer, is_last, &problem, err);
    else if (!is_last && wait_as_asked(connection, answer->status))
        outcome = OUTCOME_REPEAT;
    if (is_answered) {
        note_reach(client, false);
        give_connection(client, connection);
    } else {
        fetch_client_destroy(connection);
    }
    return outcome;
}

// What Qdrant says is wrong, from JSON or plain text, as far as it can be shown.
static void copy_complaint(const struct answer *answer, char shown[static MAX_SHOWN]) {
    json_t *json =
        answer->body.size == 0 ? NULL : json_loadb(answer->body.bytes, answer->body.size, 0, NULL);
    const char *text = json_string_value(json_object_get(json_object_get(json, "status"), "error"));
    bool is_page = answer->body.size > 0 && answer->body.bytes[0] == '<';
    if (text == NULL && json == NULL && answer->body.size > 0 && !is_page)
        text = answer->body.bytes;
    size_t used = 0;
    for (; text != NULL && *text != '\0' && used < MAX_SHOWN - 1; text++)
        shown[used++] = (char)(*text >= ' ' && *text < 0x7f ? *text : ' ');
    if (used == 0) used = (size_t)snprintf(shown, MAX_SHOWN, "it does not say why");
    shown[used] = '\0';
    json_decref(json);
}

static bool set_status_error(const struct answer *answer, struct error *err) {
    char complaint[MAX_SHOWN];
    copy_complaint(answer, complaint);
    switch (answer->status) {
        case 401:
        case 403:
            return error_set(err, ERROR_UNAVAILABLE,
                             "the store (Qdrant) refuses us with status %ld; set QDRANT_API_KEY to "
                             "a key that may write: %s",
                             answer->status, complaint);
        case 404:
            return error_set(err, ERROR_NOT_FOUND, "Qdrant does not find it: %s", complaint);
        case 409:
            return error_set(err, ERROR_CONFLICT, "Qdrant has it already: %s", complaint);
        case 408:
        case 429:
            return error_set(err, ERROR_UNAVAILABLE,
                             "the store (Qdrant) is too busy now; try again shortly");
        case 507:
            return error_set(err, ERROR_STORAGE, "the disk of the store (Qdrant) is full: %s",
                             complaint);
        default:
            break;
    }
    if (answer->status >= 500)
        return error_set(err, ERROR_UNAVAILABLE,
                         "the store (Qdrant) fails with status %ld; its log says more: %s",
                         answer->status, complaint);
    return error_set(err, ERROR_UPSTREAM,
                     "Qdrant answers with status %ld; check that QDRANT_URL leads to a Qdrant of "
                     "version 1.8 or newer: %s",
                     answer->status, complaint);
}

static bool read_answer(const struct answer *answer, json_t **result, struct error *err) {
    if (answer->status < 200 || answer->status > 299) return set_status_error(answer, err);
    json_t *json =
        answer->body.size == 0 ? NULL : json_loadb(answer->body.bytes, answer->body.size, 0, NULL);
    json_t *found = json_object_get(json, "result");
    if (found != NULL && result != NULL) *result = json_incref(found);
    json_decref(json);
    return found != NULL ||
           error_set(err, ERROR_UPSTREAM,
                     "what answers at QDRANT_URL does not answer as Qdrant does; check the "
                     "address");
}

bool qdrant_client_send(struct qdrant_client *client, const char *method, const char *path,
                        json_t *body, json_t **result, struct error *err) {
    char url[MAX_PATH + 2048];
    struct answer answer = {0};
    struct fetch_request request = {.url = url,
                                    .method = method,
                                    .secret_header = client->key_header,
                                    .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                    .stall_timeout_ms = TIMEOUT_MS,
                                    .timeout_ms = TIMEOUT_MS,
                                    .takes_every_status = true,
                                    .sink = take_bytes,
                                    .context = &answer};
    bool needs_body = strcmp(method, "GET") != 0 && strcmp(method, "DELETE") != 0;
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (result != NULL) *result = NULL;
    int length = snprintf(url, sizeof url, "%s%s", client->url, path);
    if ((needs_body && text == NULL) || length < 0 || (size_t)length >= sizeof url) {
        free(text);  // jansson's
        return error_set(err, ERROR_INTERNAL, "out of memory for a request to Qdrant");
    }
    char traceparent[TRACE_PARENT_SIZE];
    if (trace_current_parent(traceparent, &request.tracestate)) request.traceparent = traceparent;
    request.json = text;
    request.json_size = text == NULL ? 0 : strlen(text);
    byte_buffer_init(&answer.body, MAX_ANSWER);
    enum outcome outcome = OUTCOME_FAILED;
    if (request.json_size > MAX_REQUEST)
        error_set(err, ERROR_TOO_LARGE, "more than Qdrant takes in one request");
    else
        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            outcome = exchange_once(client, &request, &answer, attempt == ATTEMPTS, err);
            if (outcome != OUTCOME_REPEAT) break;
        }
    bool is_done = outcome == OUTCOME_ANSWER && read_answer(&answer, result, err);
    byte_buffer_clear(&answer.body);
    free(text);  // jansson's
    return is_done;
}
