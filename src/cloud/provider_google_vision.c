// Google's Cloud Vision: labels of the picture and objects in it, one request each call. It has no
// models to choose and takes no prompt.
#include <stdio.h>

#include "base/base64.h"
#include "cloud/google_answer.h"
#include "cloud/provider_private.h"

enum {
    MAX_SIDE = 1024,  // more than the 640 by 480 that Google recommends for labels and objects
    // Google takes 10 MB of JSON; pictures of 1024 pixels stay far below.
    BODY_MAX = 10 * 1000 * 1000,
    HEADER_SIZE = CLOUD_SECRET_SIZE + 32,
};

static bool check(struct provider *provider, struct error *err) {
    const char *key = provider->options.api_key;
    return (key != NULL && key[0] != '\0') ||
           error_set(err, ERROR_UNAUTHORIZED, "%s needs a key: set GOOGLE_VISION_API_KEY",
                     provider_kind_name(PROVIDER_GOOGLE_VISION));
}

static bool append_request(struct byte_buffer *body, const struct cloud_question *question) {
    return byte_buffer_append_text(body, "{\"requests\":[{\"image\":{\"content\":\"") &&
           base64_append(body, question->jpeg, question->size) &&
           byte_buffer_append_text(body,
                                   "\"},\"features\":["
                                   "{\"type\":\"LABEL_DETECTION\",\"maxResults\":10},"
                                   "{\"type\":\"OBJECT_LOCALIZATION\",\"maxResults\":10}]}]}");
}

static bool send_request(const struct provider *provider, struct fetch_client *client,
                         const struct cloud_question *question, const struct byte_buffer *body,
                         struct provider_reply *reply, struct cloud_failure *failure) {
    char url[CLOUD_URL_SIZE + sizeof "/v1/images:annotate"], key[HEADER_SIZE];
    (void)snprintf(url, sizeof url, "%s/v1/images:annotate", provider->base_url);
    // In a header, not in the address, which ends up in logs.
    (void)snprintf(key, sizeof key, "X-goog-api-key: %s", provider->options.api_key);
    struct fetch_request request = {
        .url = url,
        .method = "POST",
        .json = body->bytes,
        .json_size = body->size,
        .secret_header = key,
    };
    return provider_exchange(client, &request, question, reply, failure);
}

static bool ask(const struct provider *provider, struct fetch_client *client,
                const struct cloud_question *question, struct cloud_answer *answer,
                struct cloud_failure *failure) {
    struct provider_reply reply = {0};
    struct byte_buffer body;
    byte_buffer_init(&body, BODY_MAX);
    bool is_answered =
        append_request(&body, question)
            ? send_request(provider, client, question, &body, &reply, failure) &&
                  google_answer_read(&reply, answer, failure)
            : provider_fail(failure, CLOUD_REFUSED, "the picture is too large for google_vision");
    if (is_answered)
        (void)snprintf(answer->model, sizeof answer->model, "%s", provider_model(provider));
    byte_buffer_clear(&reply.body);
    byte_buffer_clear(&body);
    return is_answered;
}

const struct provider_operations provider_google_vision = {
    .max_side = MAX_SIDE,
    .check = check,
    .ask = ask,
};
