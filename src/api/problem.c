#include "api/problem.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/json_answer.h"

enum { PROBLEM_SUMMARY_SIZE = 256 };

bool problem_set_field(struct problem *problem, const char *place, const char *field,
                       const char *type, const char *message, const char *format, ...) {
    if (problem->error.kind != ERROR_NONE) return false;
    char text[ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    problem->place = place;
    problem->field = field;
    problem->type = type;
    problem->message = message;
    return error_set(&problem->error, ERROR_INVALID, "%s", text);
}

void problem_answer(const struct problem *problem, struct http_response *response) {
    if (problem->accepted != NULL)
        http_response_add_header(response, "Accept-Post", problem->accepted);
    if (problem->place == NULL) {
        http_response_set_error(response, &problem->error);
        return;
    }
    // The detail may quote what the client looks for; the short text never does.
    char summary[PROBLEM_SUMMARY_SIZE];
    (void)snprintf(summary, sizeof summary, "%s %s: %s", problem->place, problem->field,
                   problem->message);
    json_t *members = json_pack("{s:s, s:[{s:[s,s], s:s, s:s}]}", "title", "Unprocessable Content",
                                "errors", "loc", problem->place, problem->field, "msg",
                                problem->message, "type", problem->type);
    http_response_set_error_with(response, &problem->error, members, summary);
}

json_t *problem_json_create(const struct error *err) {
    int status = error_http_status(err->kind);
    return json_pack("{s:s, s:s, s:i, s:o, s:s}", "type", "about:blank", "title",
                     http_status_title(status), "status", status, "detail", json_text(err->text),
                     "code", error_kind_name(err->kind));
}
