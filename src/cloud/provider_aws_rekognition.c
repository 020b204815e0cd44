// AWS Rekognition's DetectLabels. libcurl signs the request (signature version 4) with all of its
// headers. It has no models to choose and takes no prompt.
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "cloud/provider_private.h"
#include "cloud/rekognition_answer.h"

enum {
    MIN_SIDE = 80,  // pixels; AWS refuses smaller pictures
    // AWS takes 5 MB of picture; a JPEG of 1024 by 1024 pixels stays below even when it is noise.
    MAX_SIDE = 1024,
    BODY_MAX = 8 * 1000 * 1000,  // bytes; 5 MB as base64, and what is around them
    REGION_MAX = 32,             // characters; the longest one has 16
};

static bool is_empty(const char *text) { return text == NULL || text[0] == '\0'; }

// The region becomes part of a host's name, and what the signature is good for.
static bool is_region(const char *region) {
    size_t length =
        strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    return length > 0 && length <= REGION_MAX && region[length] == '\0';
}

static bool check(struct provider *provider, struct error *err) {
    const struct provider_options *options = &provider->options;
    const char *name = provider_kind_name(PROVIDER_AWS_REKOGNITION);
    if (is_empty(options->access_key_id) || is_empty(options->api_key))
        return error_set(err, ERROR_UNAUTHORIZED,
                         "%s needs an access key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                         name);
    if (is_empty(options->region) || !is_region(options->region))
        return error_set(err, ERROR_USAGE,
                         "%s needs the name of a region, letters, digits and dashes as in "
                         "us-east-1: set AWS_REGION",
                         name);
    if (is_empty(provider->base_url))
        (void)snprintf(provider->base_url, sizeof provider->base_url,
                       "https://rekognition.%s.amazonaws.com", options->region);
    return true;
}

static const char *objection(uint32_t width, uint32_t height) {
    return width < MIN_SIDE || height < MIN_SIDE
               ? "aws_rekognition takes no pictures under 80 pixels wide or high"
               : NULL;
}

static bool append_request(struct byte_buffer *body, const struct cloud_question *question) {
    return byte_buffer_append_text(body, "{\"Image\":{\"Bytes\":\"") &&
           base64_append(body, question->jpeg, question->size) &&
           byte_buffer_append_text(body,
                                   "\"},\"MaxLabels\":20,\"MinConfidence\":55,"
                                   "\"Features\":[\"GENERAL_LABELS\"]}");
}

static bool send_request(const struct provider *provider, struct fetch_client *client,
                         const struct cloud_question *question, const struct byte_buffer *body,
                         struct provider_reply *reply, struct cloud_failure *failure) {
    const struct provider_options *options = &provider->options;
    char url[CLOUD_URL_SIZE + 1], signature[REGION_MAX + 32], token[CLOUD_SECRET_SIZE + 32];
    (void)snprintf(url, sizeof url, "%s/", provider->base_url);
    (void)snprintf(signature, sizeof signature, "aws:amz:%s:rekognition", options->region);
    const char *headers[3] = {"Content-Type: application/x-amz-json-1.1",
                              "X-Amz-Target: RekognitionService.DetectLabels"};
    size_t header_count = 2;
    // Of temporary credentials. An ordinary header, because it is signed.
    if (!is_empty(options->session_token)) {
        (void)snprintf(token, sizeof token, "X-Amz-Security-Token: %s", options->session_token);
        headers[header_count++] = token;
    }
    struct fetch_request request = {
        .url = url,
        .method = "POST",
        .json = body->bytes,
        .json_size = body->size,
        .headers = headers,
        .header_count = header_count,
        .aws_sigv4 = signature,
        .aws_access_key_id = options->access_key_id,
        .aws_secret_access_key = options->api_key,
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
                  rekognition_answer_read(&reply, fetch_client_header(client, "x-amzn-errortype"),
                                          answer, failure)
            : provider_fail(failure, CLOUD_REFUSED, "the picture is too large for aws_rekognition");
    byte_buffer_clear(&reply.body);
    byte_buffer_clear(&body);
    return is_answered;
}

const struct provider_operations provider_aws_rekognition = {
    .max_side = MAX_SIDE,
    .check = check,
    .objection = objection,
    .ask = ask,
};
