#include "http/request.h"

#include <ctype.h>
#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

enum {
    BODY_FIRST_BYTES = 64 * 1024,     // then doubling: a slow client holds what it has sent
    DISCARD_BYTES_MIN = 1024 * 1024,  // a refused body is read on up to its limit again, at
                                      // least this far, so that most clients see the answer
};

struct http_request *http_request_create(const char *raw_target, struct MHD_Connection *connection,
                                         size_t notes_size) {
    struct http_request *request = memory_try_zeroed(1, sizeof *request + notes_size);
    if (request == NULL) return NULL;
    request->connection = connection;
    request->response.request_id = request->id;
    request->started_monotonic_ns = clock_monotonic_ns();
    (void)target_parse(&request->target, raw_target, &request->target_error);
    return request;
}

void http_request_destroy(struct http_request *request) {
    if (request == NULL) return;
    http_request_drop_body(request);
    http_response_clear(&request->response);
    target_clear(&request->target);
    memory_free(request);
}

void http_request_drop_body(struct http_request *request) {
    multipart_form_clear(&request->form);
    request->has_form = false;
    memory_free(request->body);
    if (request->body_capacity > 0) atomic_fetch_sub(request->body_budget, request->body_capacity);
    request->body = NULL;
    request->body_size = 0;
    request->body_capacity = 0;
}

static bool reserve_budget(struct http_request *request, size_t size) {
    if (atomic_fetch_add(request->body_budget, size) + size <= request->body_budget_max)
        return true;
    atomic_fetch_sub(request->body_budget, size);
    return false;
}

static bool grow_body(struct http_request *request, size_t needed, struct error *err) {
    if (needed <= request->body_capacity) return true;
    size_t capacity =
        request->body_capacity < BODY_FIRST_BYTES ? BODY_FIRST_BYTES : 2 * request->body_capacity;
    if (capacity < needed) capacity = needed;
    if (capacity > request->body_limit) capacity = request->body_limit;
    size_t more = capacity - request->body_capacity;
    if (!reserve_budget(request, more))
        return error_set(err, ERROR_OVERLOADED,
                         "too many uploads are under way; try again shortly");
    unsigned char *body = memory_try_resize(request->body, capacity, 1);
    if (body == NULL) {
        atomic_fetch_sub(request->body_budget, more);
        return error_set(err, ERROR_OVERLOADED, "out of memory; try again shortly");
    }
    request->body = body;
    request->body_capacity = capacity;
    return true;
}

static bool body_refuse_too_large(struct http_request *request) {
    return error_set(&request->refusal, ERROR_TOO_LARGE,
                     "the body is larger than the %zu bytes that this address takes",
                     request->body_limit);
}

bool http_request_add_body(struct http_request *request, const void *bytes, size_t size) {
    request->received_bytes += size;
    if (request->refusal.kind == ERROR_NONE) {
        if (size > request->body_limit - request->body_size) {
            body_refuse_too_large(request);
        } else if (grow_body(request, request->body_size + size, &request->refusal)) {
            memcpy(request->body + request->body_size, bytes, size);
            request->body_size += size;
            return true;
        }
        http_request_drop_body(request);
    }
    request->discarded_bytes += size;
    size_t allowance =
        request->body_limit > DISCARD_BYTES_MIN ? request->body_limit : DISCARD_BYTES_MIN;
    return request->discarded_bytes <= allowance;
}

void http_request_note_media_type(struct http_request *request) {
    const char *given = http_request_header(request, "Content-Type");
    if (given == NULL) return;
    size_t length = strcspn(given, "; \t");
    if (length >= sizeof request->media_type) return;  // no type is that long
    for (size_t i = 0; i < length; i++)
        request->media_type[i] = (char)tolower((unsigned char)given[i]);
}

const char *http_request_path_parameter(const struct http_request *request, size_t index) {
    return index < request->match.parameter_count ? request->match.parameters[index] : "";
}

const char *http_request_query(const struct http_request *request, const char *name) {
    return target_parameter(&request->target, name);
}

const char *http_request_header(const struct http_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

struct header_search {
    const char *name;
    const char **values;
    size_t max, count;
};

static enum MHD_Result note_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    struct header_search *search = context;
    (void)kind;
    if (strcasecmp(name, search->name) != 0) return MHD_YES;
    if (search->count < search->max) search->values[search->count] = value == NULL ? "" : value;
    search->count++;
    return MHD_YES;
}

size_t http_request_headers(const struct http_request *request, const char *name,
                            const char **values, size_t max) {
    struct header_search search = {.name = name, .values = values, .max = max};
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, note_header, &search);
    return search.count;
}

const struct http_route *http_request_route(const struct http_request *request) {
    return request->match.route;
}

const char *http_request_method(const struct http_request *request) { return request->method; }

int64_t http_request_started_ns(const struct http_request *request) {
    return request->started_monotonic_ns;
}

const unsigned char *http_request_body(const struct http_request *request, size_t *size) {
    *size = request->body_size;
    return request->body;
}

void *http_request_notes(struct http_request *request) { return request->notes; }

const char *http_request_media_type(const struct http_request *request) {
    return request->media_type;
}

const struct http_part *http_request_parts(struct http_request *request, size_t *count,
                                           struct error *err) {
    *count = 0;
    if (!request->has_form) {
        request->has_form = true;
        const char *content_type = http_request_header(request, "Content-Type");
        (void)multipart_parse(&request->form, content_type == NULL ? "" : content_type,
                              request->body, request->body_size, &request->form_error);
    }
    if (request->form_error.kind != ERROR_NONE) {
        error_set(err, request->form_error.kind, "%s", request->form_error.text);
        return NULL;
    }
    *count = request->form.part_count;
    return request->form.parts;
}
