#include "cli/trace_sender.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_buffer.h"

enum {
    CONNECT_TIMEOUT_MS = 3000,
    ANSWER_MAX = 64 * 1024,  // bytes that are read of an answer, which has some ten
};

// What is longer is no answer worth reading.
static bool take_bytes(void *context, long status, const void *bytes, size_t size,
                       struct error *err) {
    (void)status, (void)err;
    (void)byte_buffer_append(context, bytes, size);
    return true;
}

// {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "…"}}, the number as text or not.
static void read_rejection(const struct byte_buffer *body, struct trace_answer *answer) {
    json_t *json =
        body->size == 0 || body->has_failed ? NULL : json_loadb(body->bytes, body->size, 0, NULL);
    const json_t *partial = json_object_get(json, "partialSuccess");
    const json_t *rejected = json_object_get(partial, "rejectedSpans");
    const char *text = json_string_value(rejected);
    long long count = text != NULL ? strtoll(text, NULL, 10) : json_integer_value(rejected);
    answer->rejected_spans = count > 0 ? count : 0;
    (void)snprintf(answer->words, sizeof answer->words, "it rejects %" PRId64 " spans of a batch",
                   answer->rejected_spans);
    json_decref(json);
}

static bool is_worth_a_retry(long status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

void trace_sender_send(void *context, const char *body, size_t size, bool is_gzip,
                       const _Atomic int64_t *give_up_ns, struct trace_answer *answer) {
    struct trace_sender *sender = context;
    struct byte_buffer reply;
    byte_buffer_init(&reply, ANSWER_MAX);
    sender->headers[sender->header_count] = "Content-Encoding: gzip";
    struct fetch_request request = {
        .url = sender->url,
        .json = body,
        .json_size = size,
        .headers = sender->headers,
        .header_count = sender->header_count + is_gzip,
        .is_direct_on_loopback = true,
        .takes_every_status = true,
        .connect_timeout_ms =
            sender->timeout_ms < CONNECT_TIMEOUT_MS ? sender->timeout_ms : CONNECT_TIMEOUT_MS,
        .stall_timeout_ms = sender->timeout_ms,
        .timeout_ms = sender->timeout_ms,
        .sink = take_bytes,
        .context = &reply,
        .give_up_ns = give_up_ns,
    };
    struct error problem = {0};
    long status;
    if (!fetch_client_send(sender->client, &request, &status, &problem)) {
        answer->delivery = problem.kind == ERROR_INTERNAL ? TRACE_REFUSED : TRACE_NOT_TAKEN;
        (void)snprintf(answer->words, sizeof answer->words, "%s", problem.text);
    } else if (status >= 200 && status <= 299) {
        answer->delivery = TRACE_DELIVERED;
        read_rejection(&reply, answer);
    } else {
        answer->delivery = is_worth_a_retry(status) ? TRACE_NOT_TAKEN : TRACE_REFUSED;
        answer->retry_after_ms = fetch_client_retry_after_ms(sender->client);
        (void)snprintf(answer->words, sizeof answer->words, "it answers with status %ld", status);
    }
    byte_buffer_clear(&reply);
}
