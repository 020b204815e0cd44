// tests/suites/google_answer and tests/suites/rekognition_answer: <case>.reply has the status (and
// the header x-amzn-errortype) in its first line, then the body. <case>.expected has the outcome;
// then the caption and the tags, or a part of the words. Then each again, cut short at every byte
// and with random bytes changed: whatever comes of it keeps to the contract.
#include <dirent.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "cloud/google_answer.h"
#include "cloud/label_sentence.h"
#include "cloud/ledger.h"
#include "cloud/rekognition_answer.h"

enum { PATH_SIZE = 1024, CASE_SIZE_MAX = 200 * 1000, MUTATIONS = 500, LONGEST_TO_CUT = 4000 };

enum suite { GOOGLE, REKOGNITION };
static const char *const folders[] = {"google_answer", "rekognition_answer"};

struct outcome {
    bool is_answered;
    struct cloud_answer answer;
    struct cloud_failure failure;
};

static void assert_is_text(const char *text, size_t size) {
    assert_non_null(memchr(text, '\0', size));
    json_t *string = json_string(text);  // NULL when it is not UTF-8
    assert_non_null(string);
    json_decref(string);
    for (const char *c = text; *c != '\0'; c++) assert_true((unsigned char)*c >= ' ' || *c == '\n');
}

// Of its own size, so that AddressSanitizer sees what reads beyond the end.
static void read_reply(enum suite suite, long status, const char *type, const char *body,
                       size_t size, struct outcome *outcome) {
    struct provider_reply reply = {.status = status, .retry_after_ms = 1234};
    char *exact = memory_try(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, body, size);
    reply.body = (struct byte_buffer){.bytes = exact, .size = size};
    memset(outcome, 0x55, sizeof *outcome);
    outcome->is_answered =
        suite == GOOGLE
            ? google_answer_read(&reply, &outcome->answer, &outcome->failure)
            : rekognition_answer_read(&reply, type, &outcome->answer, &outcome->failure);
    memory_free(exact);
}

static void assert_answer_keeps_to_the_contract(const struct cloud_answer *answer) {
    assert_is_text(answer->caption, sizeof answer->caption);
    assert_is_text(answer->tags, sizeof answer->tags);
    assert_is_text(answer->model, sizeof answer->model);
    assert_true(answer->caption[0] != '\0' && strchr(answer->caption, '\n') == NULL);
    assert_true(answer->confidence >= LABEL_SCORE_MIN && answer->confidence <= 1);
    assert_int_equal(answer->input_tokens, -1);
    assert_int_equal(answer->output_tokens, -1);
    assert_int_equal(answer->cost_nano_usd, -1);
    size_t count = 0;
    for (const char *tag = answer->tags; *tag != '\0'; count++) {
        size_t length = strcspn(tag, "\n");
        assert_in_range(length, 1, 63);
        for (size_t i = 0; i < length; i++)
            assert_true((unsigned char)tag[i] >= ' ' && tag[i] != 0x7f &&
                        !(tag[i] >= 'A' && tag[i] <= 'Z'));
        tag += length + (tag[length] == '\n');
    }
    assert_in_range(count, 1, LABEL_TAGS_MAX);
}

static void assert_keeps_to_the_contract(const struct outcome *outcome) {
    if (outcome->is_answered) {
        assert_answer_keeps_to_the_contract(&outcome->answer);
        return;
    }
    const struct cloud_failure *failure = &outcome->failure;
    assert_true(failure->outcome > CLOUD_ANSWERED && failure->outcome < CLOUD_OUTCOME_COUNT);
    bool may_come_back = failure->outcome == CLOUD_LIMITED || failure->outcome == CLOUD_BROKE ||
                         failure->outcome == CLOUD_FAILED;
    assert_int_equal(failure->retry_after_ms, may_come_back ? 1234 : -1);
    assert_int_equal(failure->cost_nano_usd, -1);
    assert_is_text(failure->words, sizeof failure->words);
    assert_true(failure->words[0] != '\0' && strchr(failure->words, '\n') == NULL);
}

static void suite_path(enum suite suite, const char *name, const char *ending,
                       char path[static PATH_SIZE]) {
    (void)snprintf(path, PATH_SIZE, "%s/suites/%s/%s%s", getenv("IMGROUTER_TEST_DATA"),
                   folders[suite], name, ending);
}

// Splits off the first line; `text` is changed.
static char *next_line(char **text) {
    char *line = *text;
    *text += strcspn(line, "\n");
    if (**text == '\n') *(*text)++ = '\0';
    return line;
}

static void assert_expected(const char *name, char *expected, const struct outcome *outcome) {
    const char *kind = next_line(&expected);
    const char *found =
        cloud_outcome_name(outcome->is_answered ? CLOUD_ANSWERED : outcome->failure.outcome);
    if (strcmp(found, kind) != 0)
        fail_msg("%s: %s, wanted %s (%s)", name, found, kind,
                 outcome->is_answered ? outcome->answer.caption : outcome->failure.words);
    const char *words = next_line(&expected);
    if (!outcome->is_answered) {
        if (strstr(outcome->failure.words, words) == NULL)
            fail_msg("%s: said \"%s\", wanted \"%s\"", name, outcome->failure.words, words);
        return;
    }
    if (strcmp(outcome->answer.caption, words) != 0)
        fail_msg("%s: \"%s\", wanted \"%s\"", name, outcome->answer.caption, words);
    char tags[2 * CLOUD_TAGS_SIZE] = "";
    for (const char *c = outcome->answer.tags; *c != '\0'; c++)
        (void)snprintf(tags + strlen(tags), sizeof tags - strlen(tags), "%.*s", *c == '\n' ? 2 : 1,
                       *c == '\n' ? ", " : c);
    const char *wanted = next_line(&expected);
    if (strcmp(tags, wanted) != 0) fail_msg("%s: \"%s\", wanted \"%s\"", name, tags, wanted);
}

static void check_changes(enum suite suite, long status, const char *body, size_t size) {
    struct outcome outcome;
    for (size_t length = 0; length < size && size < LONGEST_TO_CUT; length++) {
        read_reply(suite, status, NULL, body, length, &outcome);
        assert_keeps_to_the_contract(&outcome);
    }
    char *changed = memory_try(size + 1);
    assert_non_null(changed);
    uint64_t random = 88172645463325252u;  // xorshift64's usual seed
    for (int round = 0; round < MUTATIONS && size > 0 && size < LONGEST_TO_CUT; round++) {
        memcpy(changed, body, size);
        for (int change = 0; change <= round % 3; change++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            changed[random % size] = (char)(random >> 32);
        }
        read_reply(suite, status, NULL, changed, size, &outcome);
        assert_keeps_to_the_contract(&outcome);
    }
    memory_free(changed);
}

static void check_case(enum suite suite, const char *name, bool is_changing) {
    char path[PATH_SIZE];
    size_t size, expected_size;
    suite_path(suite, name, ".reply", path);
    char *bytes = file_read_create(path, CASE_SIZE_MAX, &size, NULL);
    suite_path(suite, name, ".expected", path);
    char *expected = file_read_create(path, CASE_SIZE_MAX, &expected_size, NULL);
    if (bytes == NULL || expected == NULL) fail_msg("%s is not whole", name);
    char *body = bytes;
    char *type = next_line(&body);
    long status = strtol(type, &type, 10);
    size_t body_size = size - (size_t)(body - bytes);
    if (is_changing) {
        check_changes(suite, status, body, body_size);
    } else {
        struct outcome outcome;
        read_reply(suite, status, *type == ' ' ? type + 1 : NULL, body, body_size, &outcome);
        assert_keeps_to_the_contract(&outcome);
        assert_expected(name, expected, &outcome);
    }
    memory_free(bytes);
    memory_free(expected);
}

static size_t for_each_case(enum suite suite, bool is_changing) {
    char folder[PATH_SIZE];
    suite_path(suite, "", "", folder);
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        char name[PATH_SIZE];
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".reply") != 0) continue;
        (void)snprintf(name, sizeof name, "%.*s", (int)(dot - entry->d_name), entry->d_name);
        check_case(suite, name, is_changing);
        count++;
    }
    (void)closedir(entries);
    return count;
}

static void every_case_ends_as_expected(void **state) {
    (void)state;
    assert_true(for_each_case(GOOGLE, false) >= 75);  // an empty folder must not pass
    assert_true(for_each_case(REKOGNITION, false) >= 70);
}

static void changed_ones_do_no_harm(void **state) {
    (void)state;
    (void)for_each_case(GOOGLE, true);
    (void)for_each_case(REKOGNITION, true);
}

// Only what looks like a version is repeated.
static void the_model_has_its_version(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"\"3.0\"", "DetectLabels 3.0"},
        {"\"\"", "DetectLabels"},
        {"3", "DetectLabels"},
        {"\"3.0 beta\"", "DetectLabels"},
        {"\"12345678901234567\"", "DetectLabels"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[256];
        struct outcome outcome;
        (void)snprintf(body, sizeof body,
                       "{\"Labels\":[{\"Name\":\"Dog\",\"Confidence\":90}],"
                       "\"LabelModelVersion\":%s}",
                       rows[i][0]);
        read_reply(REKOGNITION, 200, NULL, body, strlen(body), &outcome);
        assert_true(outcome.is_answered);
        assert_string_equal(outcome.answer.model, rows[i][1]);
    }
}

// What may be billed although no caption came of it.
static void what_may_cost_is_told(void **state) {
    (void)state;
    static const struct {
        enum suite suite;
        long status;
        const char *body;
        bool may_cost;
    } rows[] = {
        {GOOGLE, 200, "{\"responses\":[{}]}", true},
        {GOOGLE, 200, "<html>", true},
        {GOOGLE, 200, "{\"responses\":[{\"error\":{\"code\":13}}]}", true},
        {GOOGLE, 200, "{\"responses\":[{\"error\":{\"code\":3}}]}", false},
        {GOOGLE, 500, "", true},
        {GOOGLE, 503, "", false},
        {GOOGLE, 429, "", false},
        {GOOGLE, 302, "", false},
        {REKOGNITION, 200, "{\"Labels\":[]}", true},
        {REKOGNITION, 200, "<html>", true},
        {REKOGNITION, 200, "{\"__type\":\"ThrottlingException\"}", false},
        {REKOGNITION, 500, "{\"__type\":\"ThrottlingException\"}", false},
        {REKOGNITION, 500, "", true},
        {REKOGNITION, 503, "", false},
        {REKOGNITION, 302, "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct outcome outcome;
        read_reply(rows[i].suite, rows[i].status, NULL, rows[i].body, strlen(rows[i].body),
                   &outcome);
        assert_false(outcome.is_answered);
        if (outcome.failure.may_cost != rows[i].may_cost)
            fail_msg("%ld %s: %s", rows[i].status, rows[i].body, outcome.failure.words);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_ends_as_expected),
        cmocka_unit_test(changed_ones_do_no_harm),
        cmocka_unit_test(the_model_has_its_version),
        cmocka_unit_test(what_may_cost_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
