// The rows of decisions.txt; its head tells how they read.
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "route/policy.h"

enum { LINE_SIZE = 512, ROWS_AT_LEAST = 300 };

struct row {
    struct route_policy policy;
    struct route_facts facts;
    struct route_provider providers[ROUTE_PROVIDERS_MAX];
    struct route_decision expected;
};

static enum route_reason reason_read(const char *code) {
    for (int i = 0; i < REASON_COUNT; i++)
        if (strcmp(code, route_reason_code((enum route_reason)i)) == 0) return (enum route_reason)i;
    fail_msg("no reason has the code %s", code);
    return REASON_COUNT;
}

// "100,x200" or "none"
static void providers_read(const char *text, struct row *row) {
    row->facts.provider_count = 0;
    if (strcmp(text, "none") == 0) return;
    do {
        assert_in_range(row->facts.provider_count, 0, ROUTE_PROVIDERS_MAX - 1);
        struct route_provider *provider = &row->providers[row->facts.provider_count++];
        provider->is_away = *text == 'x';
        char *end;
        errno = 0;
        provider->price_nano_usd = strtoll(text + provider->is_away, &end, 10);
        assert_int_equal(errno, 0);
        assert_true(*end == ',' || *end == '\0');
        text = *end == ',' ? end + 1 : end;
    } while (*text != '\0');
}

// What comes after '=' when `word` is about `name`, else NULL.
static const char *value_of(const char *word, const char *name) {
    size_t size = strlen(name);
    return strncmp(word, name, size) == 0 && word[size] == '=' ? word + size + 1 : NULL;
}

static void fact_read(const char *word, struct row *row) {
    struct route_facts *facts = &row->facts;
    const char *value;
    if (strcmp(word, "bulk") == 0) {
        facts->is_bulk = true;
    } else if (strcmp(word, "local") == 0) {
        facts->has_local = true;
    } else if (strcmp(word, "repeats") == 0) {
        facts->is_repetitive = true;
    } else if ((value = value_of(word, "quality")) != NULL) {
        assert_true(route_quality_parse(value, &facts->quality));
    } else if ((value = value_of(word, "threshold")) != NULL) {
        row->policy.confidence_threshold = strtod(value, NULL);
    } else if ((value = value_of(word, "clip_threshold")) != NULL) {
        row->policy.clip_score_threshold = strtod(value, NULL);
    } else if ((value = value_of(word, "budget")) != NULL) {
        row->policy.latency_budget_ms = strtoll(value, NULL, 10);
    } else if ((value = value_of(word, "confidence")) != NULL) {
        facts->confidence = strtod(value, NULL);
    } else if ((value = value_of(word, "clip")) != NULL) {
        facts->clip_score = strtod(value, NULL);
    } else if ((value = value_of(word, "queue")) != NULL) {
        facts->queue_depth = strtoull(value, NULL, 10);
    } else if ((value = value_of(word, "p95")) != NULL) {
        facts->local_p95_ms = strtod(value, NULL);
    } else if ((value = value_of(word, "typical")) != NULL) {
        facts->local_typical_ms = strtod(value, NULL);
    } else if ((value = value_of(word, "providers")) != NULL) {
        providers_read(value, row);
    } else if ((value = value_of(word, "left")) != NULL) {
        facts->budget_left_nano_usd = strtoll(value, NULL, 10);
    } else if (strcmp(word, "unlocal") != 0) {
        fail_msg("a row may not say \"%s\"", word);
    }
}

static void facts_read(char *text, struct row *row) {
    *row = (struct row){
        .policy = {.confidence_threshold = 0.55,
                   .clip_score_threshold = 0.2,
                   .latency_budget_ms = 600},
        .facts = {.confidence = 0.9, .clip_score = 0.3, .budget_left_nano_usd = 1000},
    };
    providers_read("100,200", row);
    bool is_local_denied = strstr(text, "unlocal") != NULL;
    row->facts.has_local = !is_local_denied && (strstr(text, "confidence=") ||
                                                strstr(text, "clip=") || strstr(text, "repeats"));
    char *rest;
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        fact_read(word, row);
    row->facts.providers = row->providers;
}

static void expectation_read(char *text, struct row *row) {
    char *rest;
    const char *who = strtok_r(text, " ", &rest);
    const char *reason = strtok_r(NULL, " ", &rest);
    assert_non_null(reason);
    assert_true(strcmp(who, "local") == 0 || strcmp(who, "cloud") == 0);
    row->expected.is_cloud = strcmp(who, "cloud") == 0;
    row->expected.reason = reason_read(reason);
    row->expected.wanted = row->expected.reason;
    const char *word;
    while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
        const char *value;
        if ((value = value_of(word, "wanted")) != NULL) {
            row->expected.wanted = reason_read(value);
        } else if ((value = value_of(word, "order")) != NULL) {
            for (; *value != '\0'; value += value[1] == ',' ? 2 : 1)
                row->expected.order[row->expected.order_count++] = (size_t)(*value - '0');
        } else {
            fail_msg("a row may not expect \"%s\"", word);
        }
    }
}

static bool is_as_expected(const struct route_decision *decision,
                           const struct route_decision *expected) {
    return decision->is_cloud == expected->is_cloud && decision->reason == expected->reason &&
           decision->wanted == expected->wanted && decision->order_count == expected->order_count &&
           memcmp(decision->order, expected->order,
                  expected->order_count * sizeof *expected->order) == 0;
}

static void test_rows(void **state) {
    (void)state;
    const char *tests = getenv("IMGROUTER_TEST_DATA");
    assert_non_null(tests);
    char path[4096];
    snprintf(path, sizeof path, "%s/unit/route/decisions.txt", tests);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[LINE_SIZE];
    int rows = 0;
    int faults = 0;
    for (int number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        if (*line == '#' || *line == '\0') continue;
        char facts[LINE_SIZE];
        memcpy(facts, line, sizeof facts);
        char *arrow = strstr(facts, "->");
        assert_non_null(arrow);
        *arrow = '\0';
        struct row row;
        facts_read(facts, &row);
        expectation_read(arrow + 2, &row);
        struct route_decision decision;
        route_decide(&row.policy, &row.facts, &decision);
        rows++;
        if (is_as_expected(&decision, &row.expected)) continue;
        faults++;
        print_error("line %d: %s\n  is: %s %s wanted=%s, %zu to ask: %s\n", number, line,
                    decision.is_cloud ? "cloud" : "local", route_reason_code(decision.reason),
                    route_reason_code(decision.wanted), decision.order_count, decision.words);
    }
    fclose(file);
    assert_in_range(rows, ROWS_AT_LEAST, 10000);
    assert_int_equal(faults, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
