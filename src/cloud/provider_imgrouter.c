// Another imgrouter as the cloud: one with the full models, on a larger machine. It takes the
// picture in as its own and gives its caption, which costs nothing that could be told here. It is
// asked for `quality=fast`, which never goes to a cloud: two servers that have each other as
// upstream do not pass a picture to and fro.
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cloud/provider_private.h"

enum {
    MAX_SIDE =
        768,  // BLIP reads 384 by 384 squashed, CLIP crops: twice that loses neither anything
    QUOTE_MAX = 160,  // bytes of what the server said that go into words
};

static bool check(struct provider *provider, struct error *err) {
    return provider->base_url[0] != '\0' ||
           error_set(err, ERROR_USAGE,
                     "imgrouter as a cloud needs the address of the other server: set "
                     "IMGROUTER_UPSTREAM_URL");
}

static bool fail(const struct provider_reply *reply, const json_t *root,
                 struct cloud_failure *failure) {
    const char *detail = json_string_value(json_object_get(root, "detail"));
    size_t size = detail == NULL ? 0 : strlen(detail);
    if (size > QUOTE_MAX)  // not within a character
        for (size = QUOTE_MAX; size > 0 && ((unsigned char)detail[size] & 0xc0) == 0x80;) size--;
    // 503 with Retry-After: its queue is full.
    enum cloud_outcome outcome = reply->status < 400 ? CLOUD_FAILED
                                 : reply->status == 503 && reply->retry_after_ms >= 0
                                     ? CLOUD_LIMITED
                                     : provider_outcome_of_status(reply->status);
    (void)provider_fail(failure, outcome, "imgrouter answered %ld%s%.*s", reply->status,
                        size > 0 ? ": " : "", (int)size, size > 0 ? detail : "");
    failure->retry_after_ms = reply->retry_after_ms;
    return false;
}

static bool read_answer(const struct provider_reply *reply, const json_t *root,
                        struct cloud_answer *answer, struct cloud_failure *failure) {
    if (reply->status != 200 && reply->status != 201) return fail(reply, root, failure);
    const char *caption = json_string_value(json_object_get(root, "caption"));
    const char *model = json_string_value(json_object_get(root, "model"));
    const json_t *confidence = json_object_get(root, "confidence");
    if (caption == NULL || model == NULL || strlen(model) >= sizeof answer->model ||
        !provider_caption_copy(answer->caption, caption))
        return provider_fail(failure, CLOUD_FAILED,
                             "imgrouter gave an answer without a caption and its model");
    (void)snprintf(answer->model, sizeof answer->model, "%s", model);
    answer->confidence = json_is_number(confidence) ? json_number_value(confidence) : NAN;
    if (!(answer->confidence >= 0 && answer->confidence <= 1)) answer->confidence = NAN;
    answer->input_tokens = -1;
    answer->output_tokens = -1;
    answer->cost_nano_usd = 0;
    return true;
}

static bool ask(const struct provider *provider, struct fetch_client *client,
                const struct cloud_question *question, struct cloud_answer *answer,
                struct cloud_failure *failure) {
    char url[CLOUD_URL_SIZE + 32];
    (void)snprintf(url, sizeof url, "%s/images?quality=fast", provider->base_url);
    static const char *const headers[] = {"Content-Type: image/jpeg"};
    struct fetch_request request = {
        .url = url,
        .method = "POST",
        .json = (const char *)question->jpeg,  // any body; its type is among the headers
        .json_size = question->size,
        .headers = headers,
        .header_count = 1,
    };
    struct provider_reply reply = {0};
    bool is_answered = provider_exchange(client, &request, question, &reply, failure);
    if (is_answered) {
        json_t *root =
            reply.body.size == 0 ? NULL : json_loadb(reply.body.bytes, reply.body.size, 0, NULL);
        is_answered = read_answer(&reply, root, answer, failure);
        json_decref(root);
    }
    byte_buffer_clear(&reply.body);
    return is_answered;
}

const struct provider_operations provider_imgrouter = {
    .max_side = MAX_SIDE,
    .check = check,
    .ask = ask,
};
