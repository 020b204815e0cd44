#include "api/openai_error.h"

#include "api/json_answer.h"

static const char *error_type(int status) {
    if (status == 429) return "rate_limit_error";
    return status < 500 ? "invalid_request_error" : "server_error";
}

void openai_error_answer(const struct problem *problem, const char *param, const char *code,
                         struct http_response *response) {
    struct error error = problem->error;
    if (error.kind == ERROR_INVALID) error.kind = ERROR_BAD_REQUEST;
    if (code == NULL) code = error_kind_name(error.kind);
    int status = error_http_status(error.kind);
    if (status >= 500) param = NULL;  // not the member's fault
    // For the status, Retry-After and the log; the body is another.
    http_response_set_error(response, &error);
    answer_json(response, status,
                json_pack("{s:{s:o, s:s, s:s?, s:s}}", "error", "message", json_text(error.text),
                          "type", error_type(status), "param", param, "code", code));
}
