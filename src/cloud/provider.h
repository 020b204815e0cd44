// A cloud model that captions pictures, whoever runs it: one picture and a prompt in, a caption or
// a failure that says what to do about it out. One file a kind; provider.c has the table. A
// provider holds only what was configured, so any thread may ask it; the HTTP client is the
// caller's. It asks once: retries, limits and money are the matter of cloud.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "fetch/fetch_trusted.h"

enum provider_kind {
#define PROVIDER(id, name, base_url) PROVIDER_##id,
#include "cloud/provider_list.h"
#undef PROVIDER
    PROVIDER_KIND_COUNT
};

enum {
    CLOUD_CAPTION_SIZE = 1024,
    CLOUD_TAGS_SIZE = 2048,  // one a line, as in struct image_record
    CLOUD_MODEL_SIZE = 128,
    CLOUD_URL_SIZE = 512,
    CLOUD_SECRET_SIZE = 1024,
    CLOUD_REASON_SIZE = 256,
    CLOUD_ANSWER_MAX = 1024 * 1024,  // bytes of an answer that are read; a caption has some hundred
    CLOUD_OUTPUT_TOKENS_MAX = 100,   // the original service's max_tokens
};

// What was configured. All texts are borrowed and must outlive the provider; NULL: not given.
struct provider_options {
    enum provider_kind kind;
    const char *base_url;       // NULL: the kind's own
    const char *api_key;        // of aws_rekognition: the secret access key
    const char *model;          // NULL: the kind has none to choose
    const char *access_key_id;  // aws_rekognition only, as are the next two
    const char *session_token;
    const char *region;
};

// A picture, made small and stripped of all metadata before it gets here: a JPEG.
struct cloud_question {
    const uint8_t *jpeg;
    size_t size;
    uint32_t width, height;
    const char *prompt;
    const char *model;        // NULL: the provider's own
    const char *traceparent;  // W3C trace context to send on; NULL: none
    const char *tracestate;   // with it; NULL: none
    long timeout_ms;          // of the whole exchange
};

struct cloud_answer {
    char caption[CLOUD_CAPTION_SIZE];  // one line, trimmed; never empty
    char tags[CLOUD_TAGS_SIZE];        // empty: none
    char model[CLOUD_MODEL_SIZE];      // the one that answered, as the provider says
    double confidence;                 // 0 to 1; NAN where the provider tells none
    int64_t input_tokens;              // -1: not told; likewise output_tokens
    int64_t output_tokens;
    int64_t cost_nano_usd;  // as the provider says; -1: not told
};

// How asking ended. What follows from each is told in cloud.h.
enum cloud_outcome {
    CLOUD_ANSWERED,
    CLOUD_LIMITED,      // 429 and its like: too many requests just now
    CLOUD_BROKE,        // 402 and its like: no credit or quota; waiting a little does not help
    CLOUD_DENIED,       // 401, 403: the key is not accepted
    CLOUD_REFUSED,      // this picture or this request is not taken: no use to ask again
    CLOUD_FAILED,       // 5xx, an answer that is none, or without a caption
    CLOUD_UNREACHABLE,  // no connection came about: nothing was asked
    CLOUD_TIMED_OUT,    // asked, and no answer in time
    CLOUD_CUT_OFF,      // asked, and the connection broke
    CLOUD_OUTCOME_COUNT
};

struct cloud_failure {
    enum cloud_outcome outcome;
    int64_t retry_after_ms;  // as the provider says, of LIMITED, BROKE and FAILED; -1: not told
    bool may_cost;           // the provider may have worked, and may bill it
    // Tokens that were billed although no caption came of it; -1: not told.
    int64_t cost_nano_usd, input_tokens, output_tokens;
    char words[CLOUD_REASON_SIZE];  // a sentence for the log and the receipt; no key in it
};

struct provider;

// Checks what was configured. ERROR_USAGE names the setting that is missing or wrong; for keys that
// are not set, ERROR_UNAUTHORIZED.
struct provider *provider_create(const struct provider_options *options, struct error *err);
void provider_destroy(struct provider *provider);  // takes NULL

const char *provider_kind_name(enum provider_kind kind);               // "openrouter"
bool provider_kind_parse(const char *name, enum provider_kind *kind);  // "mock" is "fake"
uint32_t provider_kind_max_side(enum provider_kind kind);              // see provider_max_side
enum provider_kind provider_kind_of(const struct provider *provider);
const char *provider_model(const struct provider *provider);  // the model asked by default
// Where it is asked; false: nowhere.
bool provider_server(const struct provider *provider, char host[static URL_HOST_SIZE], int *port);
// Longest side of the pictures it is sent: what its models look at, no more.
uint32_t provider_max_side(const struct provider *provider);
// Why it cannot take a picture of this size, or NULL when it can.
const char *provider_objection(const struct provider *provider, uint32_t width, uint32_t height);

// Asks once. true: *answer is filled. false: *failure is. Blocks for question->timeout_ms at most.
bool provider_ask(const struct provider *provider, struct fetch_client *client,
                  const struct cloud_question *question, struct cloud_answer *answer,
                  struct cloud_failure *failure);
