// Errors in the shape of OpenAI's API.
#pragma once

#include "api/problem.h"

// {"error": {"message", "type", "param", "code"}} with the status of the problem, but 400 where
// ours is 422, as there. `param` names the member that is wrong, NULL: none. `code` NULL: ours.
void openai_error_answer(const struct problem *problem, const char *param, const char *code,
                         struct http_response *response);
