#include "cloud/google_answer.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "cloud/label_sentence.h"

// Codes of google.rpc, as they stand in the error of a picture, and their names, as they stand in
// the error of a request.
static const struct {
    int code;
    const char *name;
    enum cloud_outcome outcome;
} statuses[] = {
    {3, "INVALID_ARGUMENT", CLOUD_REFUSED},   {4, "DEADLINE_EXCEEDED", CLOUD_FAILED},
    {5, "NOT_FOUND", CLOUD_REFUSED},          {7, "PERMISSION_DENIED", CLOUD_DENIED},
    {8, "RESOURCE_EXHAUSTED", CLOUD_LIMITED}, {9, "FAILED_PRECONDITION", CLOUD_REFUSED},
    {11, "OUT_OF_RANGE", CLOUD_REFUSED},      {13, "INTERNAL", CLOUD_FAILED},
    {14, "UNAVAILABLE", CLOUD_FAILED},        {16, "UNAUTHENTICATED", CLOUD_DENIED},
};
enum { STATUS_COUNT = sizeof statuses / sizeof *statuses, CODE_MAX = 60 };

// Google gives objects no parents; these are its kinds of objects that come together with them.
static const char *parent_of(const char *name) {
    static const char *const pairs[][2] = {
        {"man", "person"},      {"woman", "person"},     {"boy", "person"},
        {"girl", "person"},     {"dog", "animal"},       {"cat", "animal"},
        {"bird", "animal"},     {"horse", "animal"},     {"sheep", "animal"},
        {"cattle", "animal"},   {"elephant", "animal"},  {"bear", "animal"},
        {"car", "vehicle"},     {"bus", "vehicle"},      {"truck", "vehicle"},
        {"van", "vehicle"},     {"bicycle", "vehicle"},  {"motorcycle", "vehicle"},
        {"boat", "vehicle"},    {"airplane", "vehicle"}, {"train", "vehicle"},
        {"chair", "furniture"}, {"table", "furniture"},  {"couch", "furniture"},
        {"bed", "furniture"},   {"pants", "clothing"},   {"jeans", "clothing"},
        {"dress", "clothing"},  {"shirt", "clothing"},   {"coat", "clothing"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strcmp(name, pairs[i][0]) == 0) return pairs[i][1];
    return NULL;
}

static bool fail_malformed(struct cloud_failure *failure, const char *what) {
    (void)provider_fail(failure, CLOUD_FAILED, "the answer of google_vision %s", what);
    failure->may_cost = true;
    return false;
}

static bool is_absent(const json_t *json) { return json == NULL || json_is_null(json); }

// A list of labels or objects; the name of each is in `name_field`. Fields that are zero are
// absent.
static bool read_list(const json_t *found, const char *name_field, bool are_objects,
                      struct label_list *list) {
    if (is_absent(found)) return true;
    if (!json_is_array(found)) return false;
    size_t i;
    json_t *each;
    json_array_foreach(found, i, each) {
        const char *name = json_string_value(json_object_get(each, name_field));
        const json_t *score = json_object_get(each, "score");
        if (name == NULL || !(score == NULL || json_is_number(score))) return false;
        if (json_number_value(score) < LABEL_SCORE_MIN) continue;
        struct label *label = label_list_add(list, name, json_number_value(score));
        if (label == NULL || !are_objects) continue;
        if (label->count++ > 0) continue;
        const char *parent = parent_of(label->name);
        if (parent != NULL) label_add_parent(label, parent);
    }
    return true;
}

static bool fail_of_picture(const json_t *error, struct cloud_failure *failure) {
    const char *message = json_string_value(json_object_get(error, "message"));
    json_int_t code = json_integer_value(json_object_get(error, "code"));
    enum cloud_outcome outcome = CLOUD_FAILED;
    const char *name = "no known code";
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (statuses[i].code != code) continue;
        outcome = statuses[i].outcome;
        name = statuses[i].name;
    }
    // What is said about keys may quote them.
    if (outcome == CLOUD_DENIED || message == NULL) message = "";
    (void)provider_fail(failure, outcome, "google_vision has not read the picture (%s)%s%s", name,
                        message[0] == '\0' ? "" : ": ", message);
    failure->may_cost = outcome == CLOUD_FAILED;
    return false;
}

static bool read_labels(const json_t *root, struct cloud_answer *answer,
                        struct cloud_failure *failure) {
    const json_t *responses = json_object_get(root, "responses");
    const json_t *response = json_array_get(responses, 0);
    struct label_list list = {0};
    if (json_array_size(responses) != 1 || !json_is_object(response))
        return fail_malformed(failure, "holds no response");
    if (!read_list(json_object_get(response, "localizedObjectAnnotations"), "name", true, &list) ||
        !read_list(json_object_get(response, "labelAnnotations"), "description", false, &list))
        return fail_malformed(failure, "holds labels that are none");
    // Beside an error the labels that are there hold all the same, Google says.
    if (label_sentence_write(&list, answer)) return true;
    const json_t *error = json_object_get(response, "error");
    if (!is_absent(error)) return fail_of_picture(error, failure);
    (void)provider_fail(failure, CLOUD_REFUSED,
                        "google_vision finds nothing in this picture that it can name");
    failure->may_cost = true;
    return false;
}

// Names and reasons are like API_KEY_INVALID. NULL when it is anything else, which is not repeated.
static const char *code_of(const json_t *json) {
    const char *text = json_string_value(json);
    if (text == NULL) return NULL;
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return length > 0 && length <= CODE_MAX && text[length] == '\0' ? text : NULL;
}

// The reason in the details of an error: "API_KEY_INVALID". NULL: none.
static const char *reason_of(const json_t *error) {
    const json_t *details = json_object_get(error, "details");
    const char *reason = NULL;
    for (size_t i = 0; i < json_array_size(details) && reason == NULL; i++)
        reason = code_of(json_object_get(json_array_get(details, i), "reason"));
    return reason;
}

static bool fail_of_request(const json_t *root, long status, struct cloud_failure *failure) {
    const json_t *error = json_object_get(root, "error");
    const char *name = code_of(json_object_get(error, "status"));
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *reason = reason_of(error);
    enum cloud_outcome outcome = status < 400 ? CLOUD_FAILED : provider_outcome_of_status(status);
    for (size_t i = 0; name != NULL && i < STATUS_COUNT; i++)
        if (strcmp(statuses[i].name, name) == 0) outcome = statuses[i].outcome;
    // A wrong key comes as 400 INVALID_ARGUMENT, with this reason.
    if (reason != NULL && strncmp(reason, "API_KEY_", 8) == 0) outcome = CLOUD_DENIED;
    if (name == NULL) name = "no reason told";
    if (outcome == CLOUD_DENIED)  // what is said about keys may quote them: only the codes
        return provider_fail(failure, outcome,
                             "google_vision does not accept the key, or the key may not do this "
                             "(HTTP %ld, %s%s%s)",
                             status, name, reason == NULL ? "" : ", ",
                             reason == NULL ? "" : reason);
    (void)provider_fail(failure, outcome, "google_vision answers with HTTP %ld (%s)%s%s", status,
                        name, message == NULL ? "" : ": ", message == NULL ? "" : message);
    failure->may_cost = outcome == CLOUD_FAILED && provider_may_have_worked(status);
    return false;
}

bool google_answer_read(const struct provider_reply *reply, struct cloud_answer *answer,
                        struct cloud_failure *failure) {
    *answer = (struct cloud_answer){
        .confidence = NAN, .input_tokens = -1, .output_tokens = -1, .cost_nano_usd = -1};
    json_t *root =
        reply->body.size == 0 ? NULL : json_loadb(reply->body.bytes, reply->body.size, 0, NULL);
    bool is_answered = false;
    if (reply->status != 200)
        (void)fail_of_request(root, reply->status, failure);
    else if (!json_is_object(root))
        (void)fail_malformed(failure, "is not JSON");
    else if (json_is_object(json_object_get(root, "error")))
        (void)fail_of_request(root, reply->status, failure);
    else
        is_answered = read_labels(root, answer, failure);
    if (!is_answered && failure->outcome != CLOUD_REFUSED && failure->outcome != CLOUD_DENIED)
        failure->retry_after_ms = reply->retry_after_ms;
    json_decref(root);
    return is_answered;
}
