// What the files of the providers share.
#pragma once

#include "base/byte_buffer.h"
#include "cloud/provider.h"

struct provider;

struct provider_operations {
    uint32_t max_side;
    // That all is there which this kind needs, after base_url was read; fills in what follows from
    // the rest. NULL: it needs nothing.
    bool (*check)(struct provider *provider, struct error *err);
    const char *(*objection)(uint32_t width, uint32_t height);  // NULL: takes every size
    bool (*ask)(const struct provider *provider, struct fetch_client *client,
                const struct cloud_question *question, struct cloud_answer *answer,
                struct cloud_failure *failure);
};

struct provider {
    struct provider_options options;
    const struct provider_operations *operations;
    char base_url[CLOUD_URL_SIZE];  // given or the kind's own, no slash at its end; or empty
};

extern const struct provider_operations provider_openai;  // and openrouter, openai_compatible
extern const struct provider_operations provider_google_vision;
extern const struct provider_operations provider_aws_rekognition;
extern const struct provider_operations provider_imgrouter;
extern const struct provider_operations provider_fake;

const char *provider_kind_base_url(enum provider_kind kind);  // NULL: the user must give one

// An HTTP answer of a provider, whatever its status.
struct provider_reply {
    long status;
    struct byte_buffer body;  // cleared by the caller, also after a failure
    int64_t retry_after_ms;   // of the header Retry-After, seconds or a date; -1: none
};

// Sends `request` (url, method, json, headers… are the caller's; timeouts, sink and what else is
// the same for all are set here) and reads the answer, up to CLOUD_ANSWER_MAX. false: *failure says
// why there is none.
bool provider_exchange(struct fetch_client *client, struct fetch_request *request,
                       const struct cloud_question *question, struct provider_reply *reply,
                       struct cloud_failure *failure);
// Fills *failure and returns false. Control characters of `words` become blanks; what is too long
// is cut between characters.
bool provider_fail(struct cloud_failure *failure, enum cloud_outcome outcome, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));
// The outcome that a status alone tells, for 400 and above.
enum cloud_outcome provider_outcome_of_status(long status);
// Whether a provider may have worked, and may bill it, although it failed with this status.
bool provider_may_have_worked(long status);
// One line without control characters, blanks trimmed, quotation marks around the whole taken off,
// cut between characters. false: nothing is left.
bool provider_caption_copy(char caption[static CLOUD_CAPTION_SIZE], const char *text);
