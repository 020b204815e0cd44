#include "http/exchange.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "http/admission.h"
#include "http/server_private.h"

enum { CLIENT_NAME_SIZE = INET6_ADDRSTRLEN };
enum { STATUS_CLIENT_GONE = 499 };  // not sent, only observed; the number nginx uses

static const char stopping[] = "the server is shutting down; try again shortly";

static int64_t seconds_from_now(unsigned seconds) {
    return clock_monotonic_ns() + (int64_t)seconds * 1000000000;
}

// How long a connection may take until its next request is complete.
static int64_t next_request_deadline(const struct http_server *server) {
    return seconds_from_now(server->options.idle_timeout_s + server->options.request_timeout_s);
}

static struct watched_connection *watched(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

// Refusing here rather than with MHD_quiesce_daemon: that one races with event threads that reach
// or leave their connection limit, and libmicrohttpd aborts the process when it loses.
enum MHD_Result exchange_accept_connection(void *context, const struct sockaddr *address,
                                           socklen_t address_size) {
    const struct http_server *server = context;
    (void)address;
    (void)address_size;
    return atomic_load(&server->is_refusing) ? MHD_NO : MHD_YES;
}

void exchange_note_connection(void *context, struct MHD_Connection *connection,
                              void **watched_connection, enum MHD_ConnectionNotificationCode what) {
    struct http_server *server = context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        connection_watch_remove(server->watch, *watched_connection);
        *watched_connection = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL) return;
    *watched_connection = connection_watch_add(server->watch, info->connect_fd);
    watched_connection_set_deadline(*watched_connection, next_request_deadline(server));
}

void *exchange_begin(void *context, const char *target, struct MHD_Connection *connection) {
    struct http_server *server = context;
    watched_connection_hurry(watched(connection),
                             seconds_from_now(server->options.request_timeout_s));
    struct http_request *request =
        http_request_create(target, connection, server->options.notes_size);
    if (request == NULL) return NULL;
    request->body_budget = &server->pending_body_bytes;
    request->body_budget_max = server->options.max_pending_body_bytes;
    (void)snprintf(request->id, sizeof request->id, "%08" PRIx32 "%08x", server->id_prefix,
                   atomic_fetch_add(&server->request_count, 1));
    return request;
}

static enum MHD_Result answer(struct http_server *server, struct http_request *request) {
    request->phase = REQUEST_HANDLED;
    watched_connection_forgive(watched(request->connection));
    http_request_drop_body(request);
    if (request->response.status == 0) request->response.status = 200;
    struct MHD_Response *reply = http_response_take(&request->response, request->connection);
    if (reply == NULL) return MHD_NO;
    MHD_add_response_header(reply, "X-Request-Id", request->id);
    if (request->must_close || atomic_load(&server->is_draining))
        MHD_add_response_header(reply, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result result =
        MHD_queue_response(request->connection, (unsigned)request->response.status, reply);
    MHD_destroy_response(reply);
    return result;
}

static enum MHD_Result answer_error(struct http_server *server, struct http_request *request,
                                    const struct error *err) {
    http_response_set_error(&request->response, err);
    return answer(server, request);
}

// The client's own id, so that it finds its request again; one that could break a line is not
// taken.
static void take_request_id(struct http_request *request) {
    const char *given = http_request_header(request, "X-Request-Id");
    if (given == NULL) return;
    size_t size = 0;
    while (given[size] > ' ' && given[size] <= '~') size++;
    if (size == 0 || size >= sizeof request->id || given[size] != '\0') return;
    memcpy(request->id, given, size + 1);
}

// A server that is going to stop still tells how it is, and begins nothing that may take long.
static bool admit(struct http_server *server, struct http_request *request) {
    if (!admission_check(request, server->options.routes, server->options.route_count))
        return false;
    if (!atomic_load(&server->is_draining) || request->match.route->is_instant) return true;
    struct error err = {0};
    error_set(&err, ERROR_UNAVAILABLE, "%s", stopping);
    http_response_set_error(&request->response, &err);
    request->must_close = true;
    return false;
}

static void count_active(struct http_server *server, bool is_more) {
    pthread_mutex_lock(&server->mutex);
    server->active_requests += is_more ? 1 : (size_t)-1;
    if (server->active_requests == 0) pthread_cond_broadcast(&server->became_idle);
    pthread_mutex_unlock(&server->mutex);
}

static void run_handler(struct http_server *server, struct http_request *request) {
    request->match.route->handler(request, &request->response, server->options.context);
    http_request_drop_body(request);
}

static enum MHD_Result dispatch(struct http_server *server, struct http_request *request) {
    watched_connection_forgive(watched(request->connection));
    if (request->is_refused) return answer(server, request);
    if (request->refusal.kind != ERROR_NONE) {
        request->must_close = true;
        return answer_error(server, request, &request->refusal);
    }
    if (request->match.route->is_instant) {
        run_handler(server, request);
        return answer(server, request);
    }
    // Suspended first: the handler thread may be done before this function is.
    request->phase = REQUEST_WAITING;
    MHD_suspend_connection(request->connection);
    struct error err = {0};
    if (bounded_queue_push(server->queue, QUEUE_INTERACTIVE, request, &err)) return MHD_YES;
    http_response_set_error(&request->response, &err);
    request->phase = REQUEST_HANDLED;
    MHD_resume_connection(request->connection);
    return MHD_YES;
}

void exchange_handle(struct http_server *server, struct http_request *request) {
    request->handled_monotonic_ns = clock_monotonic_ns();
    if (atomic_load(&server->is_refusing)) {
        struct error err = {0};
        error_set(&err, ERROR_UNAVAILABLE, "%s", stopping);
        http_response_set_error(&request->response, &err);
    } else {
        run_handler(server, request);
    }
    request->phase = REQUEST_HANDLED;
    MHD_resume_connection(request->connection);  // from here on the request is not ours
}

enum MHD_Result exchange_proceed(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **request_slot) {
    (void)connection;
    (void)url;
    struct http_server *server = context;
    struct http_request *request = *request_slot;
    if (request == NULL) return MHD_NO;  // memory was out
    if (request->phase == REQUEST_NEW) {
        request->phase = REQUEST_RECEIVING;
        (void)snprintf(request->method, sizeof request->method, "%s", method);
        count_active(server, true);
        request->is_http_1_0 = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
        take_request_id(request);
        request->is_refused = !admit(server, request);
        // An answer before the request is complete closes the connection, so only where it must.
        return request->is_refused && request->must_close ? answer(server, request) : MHD_YES;
    }
    if (*upload_size > 0) {
        bool goes_on = http_request_add_body(request, upload, *upload_size);
        *upload_size = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    return request->phase == REQUEST_RECEIVING ? dispatch(server, request)
                                               : answer(server, request);
}

static void client_name(struct MHD_Connection *connection, char name[static CLIENT_NAME_SIZE]) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info == NULL ? NULL : info->client_addr;
    if (address != NULL && address->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, name,
                        CLIENT_NAME_SIZE);
    if (address == NULL || address->sa_family != AF_INET6) return;
    const struct in6_addr *wide = &((const struct sockaddr_in6 *)address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(wide))
        (void)inet_ntop(AF_INET, &wide->s6_addr[12], name, CLIENT_NAME_SIZE);
    else
        (void)inet_ntop(AF_INET6, wide, name, CLIENT_NAME_SIZE);
}

static void observe(const struct http_server *server, const struct http_request *request) {
    const struct http_route *route = request->match.route;
    const struct http_response *response = &request->response;
    bool is_answered = request->phase == REQUEST_HANDLED;
    bool is_handled = request->handled_monotonic_ns != 0;
    int64_t accept_ns = request->handled_monotonic_ns - request->started_monotonic_ns;
    char client[CLIENT_NAME_SIZE] = "";
    client_name(request->connection, client);
    struct http_observation observation = {
        .method = route == NULL ? request->method : route->method,
        .route = route == NULL ? NULL : route->path,
        .path = request->target.path,
        .status = is_answered ? response->status : STATUS_CLIENT_GONE,
        .seconds = clock_ms_since(request->started_monotonic_ns) / 1000,
        .accept_seconds = is_handled ? (double)accept_ns / 1e9 : -1,
        .id = request->id,
        .client = client,
        .request_bytes = request->received_bytes,
        .response_bytes = is_answered ? response->size : 0,
        .is_stream = response->is_stream,
        .problem_code = response->problem_code,
        .problem_detail = response->problem_detail,
        .notes = request->notes,
        .request = request,
    };
    server->options.observer(server->options.context, &observation);
}

void exchange_end(void *context, struct MHD_Connection *connection, void **request_slot,
                  enum MHD_RequestTerminationCode reason) {
    struct http_server *server = context;
    struct http_request *request = *request_slot;
    watched_connection_set_deadline(watched(connection), next_request_deadline(server));
    if (request == NULL) return;
    *request_slot = NULL;
    if (request->must_close && reason == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info != NULL) lingering_close_add(server->lingering, info->connect_fd);
    }
    if (request->phase != REQUEST_NEW) {
        if (server->options.observer != NULL) observe(server, request);
        count_active(server, false);
    }
    http_request_destroy(request);
}
