#include "cloud/cloud_trace.h"

#include <stdio.h>

// Language models chat; the others are given a picture and answer with labels.
static bool is_chat(enum provider_kind kind) {
    return kind == PROVIDER_OPENROUTER || kind == PROVIDER_OPENAI ||
           kind == PROVIDER_OPENAI_COMPATIBLE;
}

struct span *cloud_trace_begin(const struct cloud_turn *turn) {
    if (!span_is_recorded(trace_current())) return NULL;
    enum provider_kind kind = provider_kind_of(turn->member->provider);
    const char *operation = is_chat(kind) ? "chat" : "generate_content";
    char name[CLOUD_MODEL_SIZE + 32];
    (void)snprintf(name, sizeof name, "%s %s", operation, turn->model);
    struct span *span = span_begin(name, SPAN_CLIENT);
    span_set_text(span, "gen_ai.operation.name", operation);
    span_set_text(span, "gen_ai.provider.name", provider_kind_name(kind));
    span_set_text(span, "gen_ai.request.model", turn->model);
    if (is_chat(kind)) span_set_integer(span, "gen_ai.request.max_tokens", CLOUD_OUTPUT_TOKENS_MAX);
    char host[URL_HOST_SIZE];
    int port;
    if (provider_server(turn->member->provider, host, &port)) {
        span_set_text(span, "server.address", host);
        span_set_integer(span, "server.port", port);
    }
    return span;
}

static void set_tokens(struct span *span, int64_t input, int64_t output) {
    if (input >= 0) span_set_integer(span, "gen_ai.usage.input_tokens", input);
    if (output >= 0) span_set_integer(span, "gen_ai.usage.output_tokens", output);
}

void cloud_trace_end(struct span *span, const struct cloud_answer *answer,
                     const struct cloud_failure *failure) {
    if (span == NULL) return;
    if (failure == NULL) {
        span_set_text(span, "gen_ai.response.model", answer->model);
        set_tokens(span, answer->input_tokens, answer->output_tokens);
    } else {
        set_tokens(span, failure->input_tokens, failure->output_tokens);
        span_set_error(span, cloud_outcome_name(failure->outcome));
    }
    span_end(span);
}
