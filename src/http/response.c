#include "http/response.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/event_stream_private.h"
#include "http/utf8.h"

static const char problem_type[] = "application/problem+json";
static const char retry_after_s[] = "2";  // about four uploads of half a second

void http_response_set_status(struct http_response *response, int status) {
    response->status = status;
}

static char *text_try_copy(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = memory_try(size);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

void http_response_add_header(struct http_response *response, const char *name, const char *value) {
    if (strpbrk(name, "\r\n") != NULL || strpbrk(value, "\r\n") != NULL) return;
    if (response->header_count == RESPONSE_HEADERS_MAX) return;
    struct response_header header = {text_try_copy(name), text_try_copy(value)};
    if (header.name == NULL || header.value == NULL) {
        memory_free(header.name);
        memory_free(header.value);
        return;
    }
    response->headers[response->header_count++] = header;
}

static bool has_header(const struct http_response *response, const char *name) {
    for (size_t i = 0; i < response->header_count; i++)
        if (strcasecmp(response->headers[i].name, name) == 0) return true;
    return false;
}

static void drop_body(struct http_response *response) {
    memory_free(response->body);
    response->body = NULL;
    response->static_body = NULL;
    response->size = 0;
}

void http_response_take_body(struct http_response *response, const char *content_type, char *body,
                             size_t size) {
    drop_body(response);
    response->content_type = content_type;
    response->body = body;
    response->size = size;
}

void http_response_set_static_body(struct http_response *response, const char *content_type,
                                   const void *body, size_t size) {
    drop_body(response);
    response->content_type = content_type;
    response->static_body = body;
    response->size = size;
}

const char *http_status_title(int status) {
    return MHD_get_reason_phrase_for((unsigned int)status);
}

// NULL when memory is out. Drops the reference to the members.
static char *problem_text_create(const struct http_response *response, int status, const char *code,
                                 const char *detail, json_t *members, size_t *size) {
    char *text = NULL;
    char *mended = utf8_mended_copy(detail, strlen(detail));
    json_t *problem = mended == NULL
                          ? NULL
                          : json_pack("{ss ss si ss ss ss*}", "type", "about:blank", "title",
                                      http_status_title(status), "status", status, "detail", mended,
                                      "code", code, "request_id", response->request_id);
    memory_free(mended);
    if (problem != NULL && (members == NULL || json_object_update(problem, members) == 0)) {
        *size = json_dumpb(problem, NULL, 0, JSON_COMPACT);
        if (*size > 0) text = memory_try(*size);
        if (text != NULL) (void)json_dumpb(problem, text, *size, JSON_COMPACT);
    }
    json_decref(members);
    json_decref(problem);
    return text;
}

static void set_problem(struct http_response *response, int status, const char *code,
                        const char *detail, json_t *members) {
    static const char out_of_memory[] =
        "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
        "\"detail\":\"out of memory; try again shortly\",\"code\":\"unavailable\"}";
    size_t size = 0;
    char *text = problem_text_create(response, status, code, detail, members, &size);
    if (text != NULL) {
        http_response_take_body(response, problem_type, text, size);
    } else {
        status = 503;
        http_response_set_static_body(response, problem_type, out_of_memory,
                                      sizeof out_of_memory - 1);
    }
    response->status = status;
    response->problem_code = code;
    (void)snprintf(response->problem_detail, sizeof response->problem_detail, "%s", detail);
    if ((status == 429 || status == 503) && !has_header(response, "Retry-After"))
        http_response_add_header(response, "Retry-After", retry_after_s);
}

void http_response_set_problem(struct http_response *response, int status, const char *code,
                               const char *detail) {
    set_problem(response, status, code, detail, NULL);
}

void http_response_set_error(struct http_response *response, const struct error *err) {
    http_response_set_error_with(response, err, NULL, NULL);
}

void http_response_set_error_with(struct http_response *response, const struct error *err,
                                  struct json_t *members, const char *summary) {
    enum error_kind kind = err->kind == ERROR_NONE ? ERROR_INTERNAL : err->kind;
    set_problem(response, error_http_status(kind), error_kind_name(kind), err->text, members);
    if (summary != NULL)
        (void)snprintf(response->problem_detail, sizeof response->problem_detail, "%s", summary);
}

struct MHD_Response *http_response_take(struct http_response *response,
                                        struct MHD_Connection *connection) {
    struct MHD_Response *reply;
    if (response->stream != NULL) {
        reply = event_stream_reply(response->stream, connection);
        if (reply != NULL) response->stream = NULL;
    } else if (response->body != NULL) {
        reply = MHD_create_response_from_buffer_with_free_callback(response->size, response->body,
                                                                   memory_free);
        if (reply != NULL) response->body = NULL;
    } else {
        // libmicrohttpd does not write to a persistent buffer; its parameter merely lacks const.
        reply = MHD_create_response_from_buffer(response->size, (void *)response->static_body,
                                                MHD_RESPMEM_PERSISTENT);
    }
    if (reply == NULL) return NULL;
    if (response->content_type != NULL)
        MHD_add_response_header(reply, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
    // Pictures are served back as what our decoder found; browsers must not guess again.
    MHD_add_response_header(reply, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < response->header_count; i++)
        MHD_add_response_header(reply, response->headers[i].name, response->headers[i].value);
    return reply;
}

void http_response_clear(struct http_response *response) {
    drop_body(response);
    if (response->stream != NULL) event_stream_free(response->stream);
    for (size_t i = 0; i < response->header_count; i++) {
        memory_free(response->headers[i].name);
        memory_free(response->headers[i].value);
    }
    memset(response, 0, sizeof *response);
}
