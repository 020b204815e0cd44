#include "api/request_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/request_notes.h"
#include "api/routes.h"

enum { STATUS_CLIENT_GONE = 499, DEFAULT_PORT = 80 };

// Two headers that contradict each other are as good as none.
static void read_origin(const struct http_request *request, struct trace_origin *origin) {
    const char *values[TRACE_STATE_MEMBERS];
    *origin = (struct trace_origin){0};
    if (http_request_headers(request, "traceparent", values, 1) != 1 ||
        !trace_context_parse(values[0], &origin->parent))
        return;
    origin->has_parent = true;
    size_t count = http_request_headers(request, "tracestate", values, TRACE_STATE_MEMBERS);
    for (size_t i = 0; i < count && i < TRACE_STATE_MEMBERS; i++)
        if (!trace_state_add(origin->state, values[i])) break;
}

static struct span *begin(const struct http_request *request) {
    struct trace_origin origin;
    read_origin(request, &origin);
    return trace_begin_request("", http_request_started_ns(request), &origin);
}

void request_trace_run(struct http_request *request, struct http_response *response,
                       void *context) {
    const struct api *api = context;
    struct request_notes *notes = http_request_notes(request);
    const struct http_route *route = http_request_route(request);
    notes->span = begin(request);
    (void)trace_switch(notes->span);
    api_routes[route - api->routes].handler(request, response, context);
    (void)trace_switch(NULL);
}

struct span *request_trace_resume(const struct http_observation *observation) {
    if (!trace_is_on()) return NULL;
    const struct request_notes *notes = observation->notes;
    struct span *span = notes->span != NULL ? notes->span : begin(observation->request);
    (void)trace_switch(span);
    return span;
}

// "host", "host:port", "[::1]:port", as the client calls us.
static void set_server(struct span *span, const char *host) {
    if (host == NULL) return;
    char name[256];
    bool has_brackets = host[0] == '[';
    size_t size = strcspn(host + has_brackets, has_brackets ? "]" : ":");
    const char *rest = host + has_brackets + size;
    if (*rest == ']') rest++;
    (void)snprintf(name, sizeof name, "%.*s", (int)(size < 255 ? size : 255), host + has_brackets);
    span_set_text(span, "server.address", name);
    span_set_integer(span, "server.port", *rest == ':' ? strtol(rest + 1, NULL, 10) : DEFAULT_PORT);
}

// Methods that RFC 9110 and 5789 know; others could be anything.
static bool is_known_method(const char *method) {
    static const char *const known[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                        "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(method, known[i]) == 0) return true;
    return false;
}

static void set_request(struct span *span, const struct http_observation *observation) {
    const struct http_request *request = observation->request;
    const char *method = http_request_method(request);
    bool is_known = is_known_method(method);
    char name[128];
    (void)snprintf(name, sizeof name, "%s%s%s", is_known ? method : "HTTP",
                   observation->route == NULL ? "" : " ",
                   observation->route == NULL ? "" : observation->route);
    span_set_name(span, name);
    span_set_text(span, "http.request.method", is_known ? method : "_OTHER");
    if (!is_known) span_set_text(span, "http.request.method_original", method);
    span_set_text(span, "http.route", observation->route);
    span_set_text(span, "url.scheme", "http");
    span_set_text(span, "url.path", observation->path);
    set_server(span, http_request_header(request, "Host"));
    if (observation->client[0] != '\0') span_set_text(span, "client.address", observation->client);
    span_set_text(span, "user_agent.original", http_request_header(request, "User-Agent"));
    span_set_integer(span, "http.request.body.size", (int64_t)observation->request_bytes);
    span_set_text(span, "imgrouter.request_id", observation->id);
}

// A request that the server refuses is no failure of the server.
static void set_response(struct span *span, const struct http_observation *observation) {
    char status[8];
    if (observation->status == STATUS_CLIENT_GONE) {
        span_set_text(span, "error.type", "client_gone");
        return;
    }
    span_set_integer(span, "http.response.status_code", observation->status);
    span_set_integer(span, "http.response.body.size", (int64_t)observation->response_bytes);
    if (observation->status < 500) return;
    (void)snprintf(status, sizeof status, "%d", observation->status);
    span_set_error(span, observation->problem_code != NULL ? observation->problem_code : status);
}

void request_trace_end(struct span *span, const struct http_observation *observation) {
    if (span_is_recorded(span)) {
        set_request(span, observation);
        set_response(span, observation);
    }
    span_end(span);
    (void)trace_switch(NULL);
}
