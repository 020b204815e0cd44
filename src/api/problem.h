// What is wrong with a request: an error, and for a wrong field also which one, so that programs
// can tell. Answered as RFC 9457 application/problem+json; `detail` is always a sentence, and the
// field comes in `errors`, in the shape that FastAPI's clients know.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "http/server.h"

struct problem {
    struct error error;
    const char *place;  // "query" or "body"; NULL when no single field is to blame
    const char *field;
    const char *type;      // FastAPI's code: "missing", "int_parsing"
    const char *message;   // FastAPI's short text: "Field required"
    const char *accepted;  // Accept-Post header of a 415; or NULL
};

// 422 for one field. The first problem wins. Always returns false. All strings but the formatted
// one are literals.
bool problem_set_field(struct problem *problem, const char *place, const char *field,
                       const char *type, const char *message, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

void problem_answer(const struct problem *problem, struct http_response *response);
// The same within an answer, of what became of one part. NULL when memory is out.
json_t *problem_json_create(const struct error *err);
