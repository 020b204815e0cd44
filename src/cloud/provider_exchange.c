// What all providers do alike: send, read the answer, tell what failed.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cloud/provider_private.h"

enum { CONNECT_TIMEOUT_MS = 3000 };

bool provider_fail(struct cloud_failure *failure, enum cloud_outcome outcome, const char *format,
                   ...) {
    *failure = (struct cloud_failure){.outcome = outcome,
                                      .retry_after_ms = -1,
                                      .cost_nano_usd = -1,
                                      .input_tokens = -1,
                                      .output_tokens = -1};
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(failure->words, sizeof failure->words, format, arguments);
    va_end(arguments);
    if (length >= CLOUD_REASON_SIZE) {  // cut: not within a character
        char *end = failure->words + CLOUD_REASON_SIZE - 1;
        while (end > failure->words && ((unsigned char)end[-1] & 0xc0) == 0x80) end--;
        if (end > failure->words && ((unsigned char)end[-1] & 0xc0) == 0xc0) end--;
        *end = '\0';
    }
    for (char *c = failure->words; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = ' ';
    return false;
}

enum cloud_outcome provider_outcome_of_status(long status) {
    switch (status) {
        case 401:
        case 403:
            return CLOUD_DENIED;
        case 402:
            return CLOUD_BROKE;
        case 408:
            return CLOUD_FAILED;
        case 429:
            return CLOUD_LIMITED;
        default:
            return status >= 500 ? CLOUD_FAILED : CLOUD_REFUSED;
    }
}

// A 503 turns away before it works.
bool provider_may_have_worked(long status) {
    return status < 300 || status == 408 || (status >= 500 && status != 503);
}

static bool take_bytes(void *context, long status, const void *bytes, size_t size,
                       struct error *err) {
    struct provider_reply *reply = context;
    (void)status;
    return byte_buffer_append(&reply->body, bytes, size) ||
           error_set(err, ERROR_TOO_LARGE, "the answer is longer than %d bytes", CLOUD_ANSWER_MAX);
}

static enum cloud_outcome outcome_of_error(enum error_kind kind, bool is_connected) {
    switch (kind) {
        case ERROR_TIMEOUT:
            return is_connected ? CLOUD_TIMED_OUT : CLOUD_UNREACHABLE;
        case ERROR_UNAVAILABLE:
        case ERROR_INVALID:
            return CLOUD_UNREACHABLE;
        case ERROR_TOO_LARGE:
        case ERROR_INTERNAL:
            return CLOUD_FAILED;
        default:
            return CLOUD_CUT_OFF;
    }
}

bool provider_exchange(struct fetch_client *client, struct fetch_request *request,
                       const struct cloud_question *question, struct provider_reply *reply,
                       struct cloud_failure *failure) {
    struct error problem = {0};
    *reply = (struct provider_reply){.retry_after_ms = -1};
    byte_buffer_init(&reply->body, CLOUD_ANSWER_MAX);
    request->is_direct_on_loopback = true;
    request->takes_every_status = true;
    request->is_sent_once = true;
    request->timeout_ms = question->timeout_ms > 0 ? question->timeout_ms : 1;
    request->connect_timeout_ms = CONNECT_TIMEOUT_MS;
    request->stall_timeout_ms = request->timeout_ms;
    request->sink = take_bytes;
    request->context = reply;
    // AWS has a header of its own for it, and would have this one signed.
    if (request->aws_sigv4 == NULL) {
        request->traceparent = question->traceparent;
        request->tracestate = question->tracestate;
    }
    if (fetch_client_send(client, request, &reply->status, &problem)) {
        reply->retry_after_ms = fetch_client_retry_after_ms(client);
        return true;
    }
    bool is_connected = fetch_client_was_connected(client);
    (void)provider_fail(failure, outcome_of_error(problem.kind, is_connected), "%s", problem.text);
    failure->may_cost = is_connected;
    return false;
}

bool provider_caption_copy(char caption[static CLOUD_CAPTION_SIZE], const char *text) {
    size_t used = 0;
    // Blanks, line breaks and control characters become one blank.
    for (; *text != '\0'; text++) {
        bool is_blank = (unsigned char)*text <= ' ' || *text == 0x7f;
        if (is_blank && (used == 0 || caption[used - 1] == ' ')) continue;
        if (used + 1 >= CLOUD_CAPTION_SIZE) break;
        caption[used++] = is_blank ? ' ' : *text;
    }
    if (*text != '\0')  // cut: not within a character
        while (used > 0 && ((unsigned char)*text & 0xc0) == 0x80) text--, used--;
    while (used > 0 && caption[used - 1] == ' ') used--;
    if (used >= 2 && caption[0] == '"' && caption[used - 1] == '"') {
        size_t start = caption[1] == ' ' ? 2 : 1;
        used -= start + 1;
        memmove(caption, caption + start, used);
        while (used > 0 && caption[used - 1] == ' ') used--;
    }
    caption[used] = '\0';
    return used > 0;
}
