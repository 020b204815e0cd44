#include "api/problem.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/json_answer.h"

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
    int status = error_http_status(problem->error.kind);
    json_t *json = json_pack("{s:s, s:s, s:i, s:o, s:s, s:[{s:[s,s], s:s, s:s}]}", "type",
                             "about:blank", "title", "Unprocessable Content", "status", status,
                             "detail", json_text(problem->error.text), "code",
                             error_kind_name(problem->error.kind), "errors", "loc", problem->place,
                             problem->field, "msg", problem->message, "type", problem->type);
    answer_json_as(response, status, "application/problem+json", json);
}
