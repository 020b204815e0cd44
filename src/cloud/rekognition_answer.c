#include "cloud/rekognition_answer.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cloud/label_sentence.h"

enum { TYPE_SIZE = 64, VERSION_MAX = 16 };

// Nearly all errors come with status 400, so it is the type that tells what to do.
static enum cloud_outcome outcome_of_type(const char *type, long status) {
    static const struct {
        const char *type;
        enum cloud_outcome outcome;
    } types[] = {
        {"ThrottlingException", CLOUD_LIMITED},
        {"Throttling", CLOUD_LIMITED},
        {"ProvisionedThroughputExceededException", CLOUD_LIMITED},
        {"TooManyRequestsException", CLOUD_LIMITED},
        {"RequestLimitExceeded", CLOUD_LIMITED},
        {"LimitExceededException", CLOUD_LIMITED},
        {"AccessDeniedException", CLOUD_DENIED},
        {"AccessDenied", CLOUD_DENIED},
        {"UnrecognizedClientException", CLOUD_DENIED},
        {"InvalidClientTokenId", CLOUD_DENIED},
        {"InvalidSignatureException", CLOUD_DENIED},
        {"SignatureDoesNotMatch", CLOUD_DENIED},
        {"IncompleteSignatureException", CLOUD_DENIED},
        {"ExpiredTokenException", CLOUD_DENIED},
        {"ExpiredToken", CLOUD_DENIED},
        {"MissingAuthenticationTokenException", CLOUD_DENIED},
        {"MissingAuthenticationToken", CLOUD_DENIED},
        {"OptInRequired", CLOUD_DENIED},
        {"RequestExpired", CLOUD_DENIED},
        {"ImageTooLargeException", CLOUD_REFUSED},
        {"InvalidImageFormatException", CLOUD_REFUSED},
        {"InvalidParameterException", CLOUD_REFUSED},
        {"InvalidS3ObjectException", CLOUD_REFUSED},
        {"ValidationException", CLOUD_REFUSED},
        {"SerializationException", CLOUD_REFUSED},
        {"InternalServerError", CLOUD_FAILED},
        {"InternalFailure", CLOUD_FAILED},
        {"ServiceUnavailable", CLOUD_FAILED},
        {"ServiceUnavailableException", CLOUD_FAILED},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].type, type) == 0) return types[i].outcome;
    return status < 400 ? CLOUD_FAILED : provider_outcome_of_status(status);
}

// "namespace#TypeException:http://…" is TypeException. Empty when it is anything else.
static void strip_type(const char *from, char type[static TYPE_SIZE]) {
    size_t namespace_length = strcspn(from, "#:");
    if (from[namespace_length] == '#') from += namespace_length + 1;
    size_t length = strspn(from, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    bool is_type = length < TYPE_SIZE && (from[length] == '\0' || from[length] == ':');
    (void)snprintf(type, TYPE_SIZE, "%.*s", is_type ? (int)length : 0, from);
}

static bool fail_of_type(const json_t *root, long status, const char *header,
                         struct cloud_failure *failure) {
    const char *given = json_string_value(json_object_get(root, "__type"));
    const char *message = json_string_value(json_object_get(root, "message"));
    if (message == NULL) message = json_string_value(json_object_get(root, "Message"));
    char type[TYPE_SIZE];
    strip_type(given != NULL ? given : header != NULL ? header : "", type);
    enum cloud_outcome outcome = outcome_of_type(type, status);
    // What is said about signatures quotes the request with its token.
    if (message == NULL || (outcome == CLOUD_DENIED && strncmp(type, "AccessDenied", 12) != 0))
        message = "";
    (void)provider_fail(failure, outcome, "aws_rekognition %s (HTTP %ld, %s)%s%s",
                        outcome == CLOUD_DENIED ? "does not accept the key, or it may not do this"
                                                : "answers with an error",
                        status, type[0] == '\0' ? "no type told" : type,
                        message[0] == '\0' ? "" : ": ", message);
    failure->may_cost = outcome == CLOUD_FAILED && provider_may_have_worked(status);
    return false;
}

static bool fail_malformed(struct cloud_failure *failure, const char *what) {
    (void)provider_fail(failure, CLOUD_FAILED, "the answer of aws_rekognition %s", what);
    failure->may_cost = true;
    return false;
}

static bool read_parents(const json_t *parents, struct label *label) {
    if (parents != NULL && !json_is_array(parents)) return false;
    for (size_t i = 0; i < json_array_size(parents); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(parents, i), "Name"));
        if (name == NULL) return false;
        label_add_parent(label, name);
    }
    return true;
}

// Counts the objects that are sure enough. Confidences are percentages.
static bool read_instances(const json_t *instances, struct label *label) {
    if (instances != NULL && !json_is_array(instances)) return false;
    for (size_t i = 0; i < json_array_size(instances); i++) {
        const json_t *confidence = json_object_get(json_array_get(instances, i), "Confidence");
        if (!json_is_number(confidence)) return false;
        if (json_number_value(confidence) >= LABEL_SCORE_MIN * 100) label->count++;
    }
    return true;
}

static bool read_label(const json_t *found, struct label_list *list) {
    const char *name = json_string_value(json_object_get(found, "Name"));
    const json_t *confidence = json_object_get(found, "Confidence");
    if (name == NULL || !json_is_number(confidence)) return false;
    // One that has no place is still read, for what is wrong with it.
    struct label other = {0};
    struct label *label = label_list_add(list, name, json_number_value(confidence) / 100);
    if (label == NULL) label = &other;
    return read_parents(json_object_get(found, "Parents"), label) &&
           read_instances(json_object_get(found, "Instances"), label);
}

static bool read_labels(const json_t *root, struct cloud_answer *answer,
                        struct cloud_failure *failure) {
    const json_t *labels = json_object_get(root, "Labels");
    const char *version = json_string_value(json_object_get(root, "LabelModelVersion"));
    struct label_list list = {0};
    if (!json_is_array(labels)) return fail_malformed(failure, "holds no labels");
    for (size_t i = 0; i < json_array_size(labels); i++)
        if (!read_label(json_array_get(labels, i), &list))
            return fail_malformed(failure, "holds a label that is none");
    bool has_version = version != NULL && version[0] != '\0' && strlen(version) <= VERSION_MAX &&
                       version[strspn(version, "0123456789.")] == '\0';
    (void)snprintf(answer->model, sizeof answer->model, "DetectLabels%s%s", has_version ? " " : "",
                   has_version ? version : "");
    if (label_sentence_write(&list, answer)) return true;
    (void)provider_fail(failure, CLOUD_REFUSED,
                        "aws_rekognition finds nothing in this picture that it can name");
    failure->may_cost = true;
    return false;
}

bool rekognition_answer_read(const struct provider_reply *reply, const char *error_type,
                             struct cloud_answer *answer, struct cloud_failure *failure) {
    *answer = (struct cloud_answer){
        .confidence = NAN, .input_tokens = -1, .output_tokens = -1, .cost_nano_usd = -1};
    json_t *root =
        reply->body.size == 0 ? NULL : json_loadb(reply->body.bytes, reply->body.size, 0, NULL);
    bool is_answered = false;
    if (reply->status != 200)
        (void)fail_of_type(root, reply->status, error_type, failure);
    else if (!json_is_object(root))
        (void)fail_malformed(failure, "is not JSON");
    else if (json_object_get(root, "__type") != NULL)
        (void)fail_of_type(root, reply->status, error_type, failure);
    else
        is_answered = read_labels(root, answer, failure);
    if (!is_answered && failure->outcome != CLOUD_REFUSED && failure->outcome != CLOUD_DENIED)
        failure->retry_after_ms = reply->retry_after_ms;
    json_decref(root);
    return is_answered;
}
