// Chat completions in OpenAI's form, with a picture: OpenRouter, OpenAI, and servers that speak
// like them (Ollama, llama.cpp, vLLM).
//
// What is asked follows the oldest form, which all of them take: `max_tokens`, not the
// `max_completion_tokens` that OpenAI's reasoning models want instead. A caption needs none of
// those. OpenRouter tells what a call cost without being asked (`usage: {include: true}` has no
// effect any more, its documentation says), and OpenAI refuses fields that it does not know.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cloud/openai_answer.h"
#include "cloud/provider_private.h"

enum {
    // With detail "low" OpenAI's models look at a picture of 512 by 512 pixels; what is larger
    // would be sent for nothing.
    MAX_SIDE = 512,
    BODY_MAX = 32 * 1024 * 1024,  // bytes; a picture of that size has some 100,000
};

// What each kind's settings are called, in the words of the user.
struct kind_settings {
    const char *key;  // NULL: it may go without
    const char *url;
    const char *model;
};

static const struct kind_settings *settings_of(enum provider_kind kind) {
    static const struct kind_settings openrouter = {"OPENROUTER_API_KEY", "OPENROUTER_BASE_URL",
                                                    "OPENROUTER_MODEL"};
    static const struct kind_settings openai = {"OPENAI_API_KEY", "OPENAI_BASE_URL",
                                                "IMGROUTER_OPENAI_MODEL"};
    static const struct kind_settings compatible = {NULL, "IMGROUTER_COMPATIBLE_URL",
                                                    "IMGROUTER_COMPATIBLE_MODEL"};
    return kind == PROVIDER_OPENROUTER ? &openrouter
           : kind == PROVIDER_OPENAI   ? &openai
                                       : &compatible;
}

static bool is_empty(const char *text) { return text == NULL || text[0] == '\0'; }

static bool check(struct provider *provider, struct error *err) {
    const struct kind_settings *settings = settings_of(provider->options.kind);
    const char *name = provider_kind_name(provider->options.kind);
    if (settings->key != NULL && is_empty(provider->options.api_key))
        return error_set(err, ERROR_UNAUTHORIZED, "%s needs a key: set %s", name, settings->key);
    if (is_empty(provider->base_url))
        return error_set(err, ERROR_USAGE, "%s needs the address of its server, up to /v1: set %s",
                         name, settings->url);
    return !is_empty(provider->options.model) ||
           error_set(err, ERROR_USAGE, "%s needs the name of a model: set %s", name,
                     settings->model);
}

// As JSON, with its quotation marks.
static bool append_string(struct byte_buffer *body, const char *text) {
    json_t *string = json_string(text);  // NULL when it is not UTF-8
    char *json = string == NULL ? NULL : json_dumps(string, JSON_ENCODE_ANY);
    bool is_done = json != NULL && byte_buffer_append_text(body, json);
    free(json);  // jansson's
    json_decref(string);
    return is_done;
}

// OpenRouter advises to put the text before the picture. The picture goes in as it is encoded,
// without becoming a JSON value first. Compatible servers are spared `detail`: they count no money
// by it, and some are strict about what they do not know.
static bool append_request(struct byte_buffer *body, enum provider_kind kind, const char *model,
                           const struct cloud_question *question) {
    const char *detail = kind == PROVIDER_OPENAI_COMPATIBLE ? "" : "\"detail\":\"low\",";
    return byte_buffer_append_text(body, "{\"model\":") && append_string(body, model) &&
           byte_buffer_append_format(
               body,
               ",\"max_tokens\":%d,\"temperature\":0.2,\"messages\":"
               "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":",
               CLOUD_OUTPUT_TOKENS_MAX) &&
           append_string(body, question->prompt) &&
           byte_buffer_append_format(body,
                                     "},{\"type\":\"image_url\",\"image_url\":{%s\"url\":"
                                     "\"data:image/jpeg;base64,",
                                     detail) &&
           base64_append(body, question->jpeg, question->size) &&
           byte_buffer_append_text(body, "\"}}]}]}");
}

static bool send_request(const struct provider *provider, struct fetch_client *client,
                         const struct cloud_question *question, const struct byte_buffer *body,
                         struct provider_reply *reply, struct cloud_failure *failure) {
    char url[CLOUD_URL_SIZE + sizeof "/chat/completions"];
    (void)snprintf(url, sizeof url, "%s/chat/completions", provider->base_url);
    // OpenRouter's HTTP-Referer would name a site, and there is none.
    static const char *const headers[] = {"X-Title: imgrouter"};
    struct fetch_request request = {
        .url = url,
        .method = "POST",
        .json = body->bytes,
        .json_size = body->size,
        .bearer_token = provider->options.api_key,
        .headers = headers,
        .header_count = provider->options.kind == PROVIDER_OPENROUTER ? 1 : 0,
    };
    return provider_exchange(client, &request, question, reply, failure);
}

static bool ask(const struct provider *provider, struct fetch_client *client,
                const struct cloud_question *question, struct cloud_answer *answer,
                struct cloud_failure *failure) {
    const char *model = question->model != NULL ? question->model : provider->options.model;
    struct provider_reply reply = {0};
    struct byte_buffer body;
    byte_buffer_init(&body, BODY_MAX);
    bool is_answered = false;
    if (!append_request(&body, provider->options.kind, model, question)) {
        (void)provider_fail(failure, CLOUD_REFUSED,
                            "the request could not be written: the model's name or the prompt is "
                            "not UTF-8, or the picture is too large");
    } else if (send_request(provider, client, question, &body, &reply, failure)) {
        struct openai_reply read = {
            .server = provider_kind_name(provider->options.kind),
            .secret = provider->options.api_key,
            .model = model,
            .status = reply.status,
            .body = reply.body.bytes,
            .size = reply.body.size,
            .retry_after_ms = reply.retry_after_ms,
            .reset = fetch_client_header(client, "x-ratelimit-reset-requests"),
            .now_ms = clock_utc_ms(),
        };
        is_answered = openai_answer_read(&read, answer, failure);
    }
    byte_buffer_clear(&reply.body);
    byte_buffer_clear(&body);
    return is_answered;
}

const struct provider_operations provider_openai = {
    .max_side = MAX_SIDE,
    .check = check,
    .ask = ask,
};
