#include "cloud/openai_answer.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cloud/price_table.h"
#include "cloud/provider_private.h"

enum {
    QUOTE_MAX = 160,  // bytes of what the server said that go into words
    TOKENS_MAX = 1000000000,
    COST_MAX_USD = 1000,  // for one caption: whatever says more is not read as a price
    RETRY_AFTER_MAX_MS = 7 * 24 * 3600 * 1000,
};

struct usage {
    int64_t input_tokens, output_tokens, cost_nano_usd;  // -1: not told
};

static int64_t read_tokens(const json_t *usage, const char *name) {
    const json_t *value = json_object_get(usage, name);
    json_int_t tokens = json_is_integer(value) ? json_integer_value(value) : -1;
    return tokens >= 0 && tokens <= TOKENS_MAX ? (int64_t)tokens : -1;
}

// Dollars to nano-dollars, rounded up; -1 when it is no price. A price of whole nano-dollars comes
// out as that, although the fraction has no exact form in binary.
static int64_t read_cost(const json_t *value) {
    double usd = json_is_number(value) ? json_number_value(value) : -1;
    if (!(usd >= 0 && usd <= COST_MAX_USD)) return -1;
    double nano_usd = usd * NANO_USD_PER_USD;
    double nearest = round(nano_usd);
    return (int64_t)(fabs(nano_usd - nearest) <= nano_usd * 1e-15 ? nearest : ceil(nano_usd));
}

static struct usage read_usage(const json_t *root) {
    const json_t *usage = json_object_get(root, "usage");
    struct usage found = {
        .input_tokens = read_tokens(usage, "prompt_tokens"),
        .output_tokens = read_tokens(usage, "completion_tokens"),
        .cost_nano_usd = read_cost(json_object_get(usage, "cost")),
    };
    // With a key of the user's own behind OpenRouter, its cost is only the fee: the model's
    // provider bills the rest itself. Without one, the same field repeats the cost.
    if (found.cost_nano_usd >= 0 && json_is_true(json_object_get(usage, "is_byok"))) {
        const json_t *details = json_object_get(usage, "cost_details");
        int64_t rest = read_cost(json_object_get(details, "upstream_inference_cost"));
        found.cost_nano_usd = rest >= 0 ? found.cost_nano_usd + rest : -1;
    }
    return found;
}

// "1s", "6m0s", "20ms", "1h2m3.5s": a number and a unit, again and again. -1: not that.
static int64_t read_duration_ms(const char *text) {
    double total_ms = 0;
    if (*text == '\0') return -1;
    while (*text != '\0') {
        if (!isdigit((unsigned char)*text)) return -1;  // strtod would take "nan", "-1" and "0x1"
        size_t length = strspn(text, "0123456789.");
        char number[32];
        if (length >= sizeof number) return -1;
        (void)snprintf(number, sizeof number, "%.*s", (int)length, text);
        double value = strtod(number, NULL);
        text += length;
        if (strncmp(text, "ms", 2) == 0) {
            total_ms += value;
            text += 2;
        } else if (*text == 'h' || *text == 'm' || *text == 's') {
            total_ms += value * (*text == 'h' ? 3600000 : *text == 'm' ? 60000 : 1000);
            text++;
        } else {
            return -1;
        }
    }
    return total_ms < RETRY_AFTER_MAX_MS ? (int64_t)ceil(total_ms) : RETRY_AFTER_MAX_MS;
}

// Seconds, as a number or as text; -1: none.
static double read_seconds(const json_t *value) {
    const char *text = json_string_value(value);
    if (text == NULL) return json_is_number(value) ? json_number_value(value) : -1;
    size_t length = strspn(text, "0123456789.");
    return length > 0 && length < 32 && text[length] == '\0' ? strtod(text, NULL) : -1;
}

static int64_t clamp_ms(double ms) {
    return !(ms >= 0) ? -1 : ms < RETRY_AFTER_MAX_MS ? (int64_t)ceil(ms) : RETRY_AFTER_MAX_MS;
}

// When to come back: by the header, by what OpenRouter hands on of its providers' headers, by its
// own limits (a point in time, in milliseconds since 1970), by OpenAI's header.
static int64_t find_retry_after_ms(const struct openai_reply *reply, const json_t *error) {
    if (reply->retry_after_ms >= 0) return reply->retry_after_ms;
    const json_t *metadata = json_object_get(error, "metadata");
    int64_t ms = clamp_ms(read_seconds(json_object_get(metadata, "retry_after_seconds")) * 1000);
    const char *name;
    json_t *value, *headers = json_object_get(metadata, "headers");
    json_object_foreach(headers, name, value) {
        if (ms >= 0) return ms;
        if (strcasecmp(name, "Retry-After") == 0)
            ms = clamp_ms(read_seconds(value) * 1000);
        else if (strcasecmp(name, "X-RateLimit-Reset") == 0)
            ms = clamp_ms(read_seconds(value) - (double)reply->now_ms);
    }
    if (ms < 0 && reply->reset != NULL) ms = read_duration_ms(reply->reset);
    return ms;
}

// What the server said of an error, in the places where servers put it.
static const char *find_message(const json_t *root, const json_t *error) {
    enum { PLACES = 4 };
    const json_t *places[PLACES] = {json_object_get(error, "message"), error,
                                    json_object_get(root, "message"),
                                    json_object_get(root, "detail")};
    for (size_t i = 0; i < PLACES; i++)
        if (json_string_length(places[i]) > 0) return json_string_value(places[i]);
    return NULL;
}

// Empty when there is nothing to quote, or when it repeats the key.
static void quote(const struct openai_reply *reply, const char *message,
                  char text[static QUOTE_MAX + 3]) {
    bool is_secret = message != NULL && reply->secret != NULL && reply->secret[0] != '\0' &&
                     strstr(message, reply->secret) != NULL;
    text[0] = '\0';
    if (message == NULL || is_secret) return;
    size_t size = strlen(message);
    if (size > QUOTE_MAX)  // not within a character
        for (size = QUOTE_MAX; size > 0 && ((unsigned char)message[size] & 0xc0) == 0x80;) size--;
    (void)snprintf(text, QUOTE_MAX + 3, ": %.*s", (int)size, message);
}

static bool is_among(const char *text, const char *const *names, size_t count) {
    for (size_t i = 0; text != NULL && i < count; i++)
        if (strcasecmp(text, names[i]) == 0) return true;
    return false;
}

// Codes and types in words. false: not one that says more than the status does.
static bool read_code_word(const char *word, enum cloud_outcome *outcome) {
    static const char *const broke[] = {"insufficient_quota", "billing_hard_limit_reached",
                                        "billing_not_active"};
    static const char *const limited[] = {"rate_limit_exceeded", "rate_limit_error"};
    static const char *const denied[] = {"invalid_api_key", "authentication_error"};
    static const char *const refused[] = {"content_filter", "content_policy_violation",
                                          "moderation_blocked"};
#define IS_AMONG(names) is_among(word, names, sizeof(names) / sizeof *(names))
    bool is_known = true;
    if (IS_AMONG(broke))
        *outcome = CLOUD_BROKE;
    else if (IS_AMONG(limited))
        *outcome = CLOUD_LIMITED;
    else if (IS_AMONG(denied))
        *outcome = CLOUD_DENIED;
    else if (IS_AMONG(refused))
        *outcome = CLOUD_REFUSED;
    else
        is_known = false;
#undef IS_AMONG
    return is_known;
}

// An error's code as a status: a number, or a number in a string; 0: neither.
static long read_code_number(const json_t *code) {
    const char *text = json_string_value(code);
    json_int_t number = json_integer_value(code);
    if (text != NULL && strlen(text) == 3 && strspn(text, "0123456789") == 3)
        number = strtol(text, NULL, 10);
    return number >= 400 && number <= 599 ? (long)number : 0;
}

static enum cloud_outcome outcome_of(const struct openai_reply *reply, const json_t *error,
                                     long *code) {
    enum cloud_outcome outcome;
    const json_t *metadata = json_object_get(error, "metadata");
    *code = read_code_number(json_object_get(error, "code"));
    if (*code == 0 && reply->status >= 400) *code = reply->status;
    // OpenRouter's moderation: nothing is wrong with the key.
    if (*code == 403 && (json_object_get(metadata, "reasons") != NULL ||
                         json_object_get(metadata, "flagged_input") != NULL))
        return CLOUD_REFUSED;
    if (read_code_word(json_string_value(json_object_get(error, "code")), &outcome) ||
        read_code_word(json_string_value(json_object_get(error, "type")), &outcome))
        return outcome;
    return *code == 0 ? CLOUD_FAILED : provider_outcome_of_status(*code);
}

static bool fail(const struct openai_reply *reply, const json_t *root,
                 struct cloud_failure *failure, enum cloud_outcome outcome, const char *words) {
    (void)provider_fail(failure, outcome, "%s %s", reply->server, words);
    struct usage usage = read_usage(root);
    failure->may_cost = provider_may_have_worked(reply->status);
    failure->input_tokens = usage.input_tokens;
    failure->output_tokens = usage.output_tokens;
    failure->cost_nano_usd = usage.cost_nano_usd;
    return false;
}

static bool fail_with_error(const struct openai_reply *reply, const json_t *root,
                            const json_t *error, struct cloud_failure *failure) {
    char said[QUOTE_MAX + 3], words[CLOUD_REASON_SIZE];
    long code = 0;
    enum cloud_outcome outcome = outcome_of(reply, error, &code);
    quote(reply, find_message(root, error), said);
    if (reply->status >= 400)
        (void)snprintf(words, sizeof words, "answered %ld%s", reply->status, said);
    else if (code > 0)
        (void)snprintf(words, sizeof words, "answered with error %ld%s", code, said);
    else
        (void)snprintf(words, sizeof words, "answered with an error%s", said);
    (void)fail(reply, root, failure, outcome, words);
    if (outcome == CLOUD_LIMITED || outcome == CLOUD_BROKE || outcome == CLOUD_FAILED)
        failure->retry_after_ms = find_retry_after_ms(reply, error);
    return false;
}

// The error that a body holds, its own or a choice's; NULL: none.
static const json_t *find_error(const json_t *root) {
    const json_t *error = json_object_get(root, "error");
    if (error != NULL && !json_is_null(error)) return error;
    const json_t *choices = json_object_get(root, "choices");
    for (size_t i = 0; i < json_array_size(choices); i++) {
        error = json_object_get(json_array_get(choices, i), "error");
        if (error != NULL && !json_is_null(error)) return error;
    }
    return NULL;
}

// A string, or a list of parts of which those of text count. false: no text in it.
static bool copy_content(const json_t *content, char caption[static CLOUD_CAPTION_SIZE]) {
    if (json_is_string(content)) return provider_caption_copy(caption, json_string_value(content));
    struct byte_buffer text;
    byte_buffer_init(&text, CLOUD_ANSWER_MAX);
    for (size_t i = 0; i < json_array_size(content); i++) {
        const char *part = json_string_value(json_object_get(json_array_get(content, i), "text"));
        if (part != NULL && !byte_buffer_append_text(&text, part)) break;
    }
    bool is_there = text.size > 0 && provider_caption_copy(caption, text.bytes);
    byte_buffer_clear(&text);
    return is_there;
}

// The model's name as the server tells it, if it is one that can be kept and shown.
static void copy_model(const struct openai_reply *reply, const json_t *root,
                       char model[static CLOUD_MODEL_SIZE]) {
    const char *name = json_string_value(json_object_get(root, "model"));
    bool is_good = name != NULL && name[0] != '\0' && strlen(name) < CLOUD_MODEL_SIZE;
    for (const char *c = name; is_good && *c != '\0'; c++)
        is_good = (unsigned char)*c >= ' ' && *c != 0x7f;
    (void)snprintf(model, CLOUD_MODEL_SIZE, "%s", is_good ? name : reply->model);
}

static bool read_choice(const struct openai_reply *reply, const json_t *root,
                        struct cloud_answer *answer, struct cloud_failure *failure) {
    const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
    const json_t *message = json_object_get(choice, "message");
    const char *reason = json_string_value(json_object_get(choice, "finish_reason"));
    if (reason == NULL) reason = "";
    if (!json_is_object(message))
        return fail(reply, root, failure, CLOUD_FAILED, "gave an answer without a message");
    if (strcmp(reason, "content_filter") == 0)
        return fail(reply, root, failure, CLOUD_REFUSED, "held its answer back (content filter)");
    if (strcmp(reason, "error") == 0)
        return fail(reply, root, failure, CLOUD_FAILED, "broke its answer off with an error");
    if (copy_content(json_object_get(message, "content"), answer->caption)) return true;
    if (json_string_length(json_object_get(message, "refusal")) > 0)
        return fail(reply, root, failure, CLOUD_REFUSED, "refused to describe the picture");
    return fail(reply, root, failure, CLOUD_FAILED,
                strcmp(reason, "length") == 0 ? "used all its tokens without an answer"
                                              : "gave an empty answer");
}

static bool read_answer(const struct openai_reply *reply, const json_t *root,
                        struct cloud_answer *answer, struct cloud_failure *failure) {
    const json_t *error = find_error(root);
    if (error != NULL) return fail_with_error(reply, root, error, failure);
    if (!json_is_object(root))
        return fail(reply, root, failure, CLOUD_FAILED, "gave an answer that is not JSON");
    if (!read_choice(reply, root, answer, failure)) return false;
    struct usage usage = read_usage(root);
    answer->tags[0] = '\0';
    copy_model(reply, root, answer->model);
    answer->confidence = NAN;
    answer->input_tokens = usage.input_tokens;
    answer->output_tokens = usage.output_tokens;
    answer->cost_nano_usd = usage.cost_nano_usd;
    return true;
}

bool openai_answer_read(const struct openai_reply *reply, struct cloud_answer *answer,
                        struct cloud_failure *failure) {
    char words[64];
    bool is_answered = false;
    json_t *root = reply->size == 0 ? NULL : json_loadb(reply->body, reply->size, 0, NULL);
    if (reply->status >= 400) {
        is_answered = fail_with_error(reply, root, find_error(root), failure);
    } else if (reply->status < 200 || reply->status >= 300) {
        (void)snprintf(words, sizeof words, "answered %ld, a redirect that is not followed",
                       reply->status);
        is_answered = fail(reply, NULL, failure, CLOUD_FAILED, words);
        failure->may_cost = false;
    } else {
        is_answered = read_answer(reply, root, answer, failure);
    }
    json_decref(root);
    return is_answered;
}
