// tests/suites/openai_answer: answers as servers give them, and what is made of them. A case is a
// folder: `status` (the status; on further lines "retry-after-ms N" and "reset TEXT", the headers),
// `body` as it comes, `expected` as JSON, every field. Then the bodies again, cut short at every
// byte and with random bytes changed: whatever they are, what is read of them is within its bounds.
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/file.h"
#include "base/memory.h"
#include "cloud/ledger.h"
#include "cloud/openai_answer.h"

enum { PATH_SIZE = 1024, CASE_SIZE_MAX = 100 * 1000, MIN_CASES = 100, MUTATIONS = 500 };

static const char secret[] = "sk-secret-0123456789";

struct suite_case {
    char name[128];
    char *status, *body;
    size_t body_size;
    struct openai_reply reply;
};

static char *part_read(const char *name, const char *part, size_t *size) {
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/suites/openai_answer/%s/%s",
                   getenv("IMGROUTER_TEST_DATA"), name, part);
    char *bytes = file_read_create(path, CASE_SIZE_MAX, size, NULL);
    if (bytes == NULL) fail_msg("%s is not there", path);
    return bytes;
}

static void case_open(struct suite_case *suite_case, const char *name) {
    size_t size;
    (void)snprintf(suite_case->name, sizeof suite_case->name, "%s", name);
    suite_case->status = part_read(name, "status", &size);
    suite_case->body = part_read(name, "body", &suite_case->body_size);
    suite_case->reply = (struct openai_reply){
        .server = "openrouter",
        .secret = secret,
        .model = "asked-model",
        .status = strtol(suite_case->status, NULL, 10),
        .retry_after_ms = -1,
        .now_ms = 1760000000000,
    };
    const char *header = strstr(suite_case->status, "\nretry-after-ms ");
    if (header != NULL) suite_case->reply.retry_after_ms = strtol(header + 16, NULL, 10);
    char *reset = strstr(suite_case->status, "\nreset ");
    if (reset == NULL) return;
    reset[strlen(reset) - 1] = '\0';
    suite_case->reply.reset = reset + 7;
}

static void case_close(struct suite_case *suite_case) {
    memory_free(suite_case->status);
    memory_free(suite_case->body);
}

// The body is copied to memory of its own size, so that AddressSanitizer sees what reads beyond it.
static bool read_bytes(const struct suite_case *suite_case, const char *bytes, size_t size,
                       struct cloud_answer *answer, struct cloud_failure *failure) {
    char *exact = memory_try(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    struct openai_reply reply = suite_case->reply;
    reply.body = exact;
    reply.size = size;
    bool is_answered = openai_answer_read(&reply, answer, failure);
    memory_free(exact);
    return is_answered;
}

static json_t *result_json(bool is_answered, const struct cloud_answer *answer,
                           const struct cloud_failure *failure) {
    if (is_answered)
        return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "outcome", "answered", "caption",
                         answer->caption, "model", answer->model, "input_tokens",
                         (json_int_t)answer->input_tokens, "output_tokens",
                         (json_int_t)answer->output_tokens, "cost_nano_usd",
                         (json_int_t)answer->cost_nano_usd);
    return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "outcome",
                     cloud_outcome_name(failure->outcome), "words", failure->words, "may_cost",
                     (int)failure->may_cost, "retry_after_ms", (json_int_t)failure->retry_after_ms,
                     "input_tokens", (json_int_t)failure->input_tokens, "output_tokens",
                     (json_int_t)failure->output_tokens, "cost_nano_usd",
                     (json_int_t)failure->cost_nano_usd);
}

static void check_case(const struct suite_case *suite_case) {
    size_t size;
    struct cloud_answer answer = {0};
    struct cloud_failure failure = {0};
    char *text = part_read(suite_case->name, "expected", &size);
    json_t *expected = json_loadb(text, size, 0, NULL);
    assert_non_null(expected);
    bool is_answered =
        read_bytes(suite_case, suite_case->body, suite_case->body_size, &answer, &failure);
    json_t *found = result_json(is_answered, &answer, &failure);
    assert_non_null(found);
    if (!json_equal(found, expected)) {
        char *shown = json_dumps(found, JSON_COMPACT);
        fail_msg("%s: found %s, expected %s", suite_case->name, shown, text);
    }
    assert_true(!is_answered || (isnan(answer.confidence) && answer.tags[0] == '\0'));
    json_decref(found);
    json_decref(expected);
    memory_free(text);
}

static void check_bounds(const struct suite_case *suite_case, const char *bytes, size_t size) {
    struct cloud_answer answer = {0};
    struct cloud_failure failure = {0};
    if (read_bytes(suite_case, bytes, size, &answer, &failure)) {
        assert_true(answer.caption[0] > ' ' || (unsigned char)answer.caption[0] >= 0x80);
        assert_true(strlen(answer.caption) < sizeof answer.caption);
        assert_true(answer.model[0] != '\0' && strlen(answer.model) < sizeof answer.model);
        assert_true(answer.cost_nano_usd >= -1 && answer.input_tokens >= -1);
        return;
    }
    assert_true(failure.outcome > CLOUD_ANSWERED && failure.outcome < CLOUD_OUTCOME_COUNT);
    assert_true(strlen(failure.words) < sizeof failure.words);
    assert_null(strstr(failure.words, secret));
    assert_true(failure.retry_after_ms >= -1 && failure.cost_nano_usd >= -1);
}

static void check_changes(const struct suite_case *suite_case) {
    size_t size = suite_case->body_size < 4000 ? suite_case->body_size : 4000;
    for (size_t length = 0; length < size; length++)
        check_bounds(suite_case, suite_case->body, length);
    char *changed = memory_try(size + 1);
    assert_non_null(changed);
    uint64_t random = 88172645463325252u;  // xorshift64's usual seed
    for (int round = 0; round < MUTATIONS && size > 0; round++) {
        memcpy(changed, suite_case->body, size);
        for (int change = 0; change <= round % 3; change++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            changed[random % size] = (char)(random >> 32);
        }
        check_bounds(suite_case, changed, size);
    }
    memory_free(changed);
}

static void for_each_case(void (*check)(const struct suite_case *suite_case)) {
    char folder[PATH_SIZE];
    (void)snprintf(folder, sizeof folder, "%s/suites/openai_answer", getenv("IMGROUTER_TEST_DATA"));
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        struct suite_case suite_case;
        case_open(&suite_case, entry->d_name);
        check(&suite_case);
        case_close(&suite_case);
        count++;
    }
    (void)closedir(entries);
    assert_true(count >= MIN_CASES);
}

static void answers_are_read_as_expected(void **state) {
    (void)state;
    for_each_case(check_case);
}

static void changed_ones_do_no_harm(void **state) {
    (void)state;
    for_each_case(check_changes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_as_expected),
        cmocka_unit_test(changed_ones_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
