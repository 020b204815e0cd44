// Which traces are recorded.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "observe/trace_sampler.h"

enum { DRAWS = 20000 };

static struct trace_sampler sampler_of(const char *name, const char *argument) {
    struct trace_sampler sampler;
    if (!trace_sampler_parse(name, argument, &sampler))
        fail_msg("%s is refused", name == NULL ? "nothing" : name);
    return sampler;
}

static void names(void **state) {
    (void)state;
    static const struct {
        const char *name, *argument;
        bool follows_parent;
        double ratio;
    } cases[] = {
        {NULL, NULL, true, 1},
        {"", "0", true, 1},
        {"always_on", NULL, false, 1},
        {"always_off", "1", false, 0},
        {"traceidratio", "0.25", false, 0.25},
        {"traceidratio", "", false, 1},
        {"parentbased_always_on", NULL, true, 1},
        {"parentbased_always_off", NULL, true, 0},
        {"parentbased_traceidratio", "0.5", true, 0.5},
        {"parentbased_traceidratio", "1e-3", true, 0.001},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trace_sampler sampler = sampler_of(cases[i].name, cases[i].argument);
        assert_int_equal(sampler.follows_parent, cases[i].follows_parent);
        assert_true(sampler.ratio == cases[i].ratio);
    }
}

static void what_is_none(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"always", NULL},           {"ALWAYS_ON", NULL},      {"parentbased_", NULL},
        {"jaeger_remote", NULL},    {"traceidratio", "1.01"}, {"traceidratio", "-0.1"},
        {"traceidratio", "half"},   {"traceidratio", "0.5x"}, {"traceidratio", "nan"},
        {"parentbased_jaeger", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trace_sampler sampler = {0};
        assert_false(trace_sampler_parse(cases[i][0], cases[i][1], &sampler));
        assert_true(sampler.follows_parent && sampler.ratio == 1);  // the default
    }
}

static size_t taken(const struct trace_sampler *sampler, const struct trace_context *parent) {
    uint64_t dice = 88172645463325252U;
    size_t count = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint8_t id[TRACE_ID_BYTES] = {0};
        dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
        memcpy(id + TRACE_ID_BYTES - sizeof dice, &dice, sizeof dice);
        count += trace_sampler_takes(sampler, parent, id);
    }
    return count;
}

static void ratios(void **state) {
    (void)state;
    struct trace_sampler none = sampler_of("traceidratio", "0");
    struct trace_sampler tenth = sampler_of("traceidratio", "0.1");
    struct trace_sampler all = sampler_of("traceidratio", "1");
    assert_int_equal(taken(&none, NULL), 0);
    assert_int_equal(taken(&all, NULL), DRAWS);
    // Five deviations of a binomial distribution.
    assert_in_range(taken(&tenth, NULL), DRAWS / 10 - 212, DRAWS / 10 + 212);
}

// A smaller ratio takes only what a larger one takes, so that servers with different ones agree.
static void ratios_nest(void **state) {
    (void)state;
    struct trace_sampler small = sampler_of("traceidratio", "0.2");
    struct trace_sampler large = sampler_of("traceidratio", "0.6");
    for (unsigned i = 0; i < 65536; i++) {
        uint8_t id[TRACE_ID_BYTES] = {[9] = (uint8_t)(i >> 8), [10] = (uint8_t)i};
        if (trace_sampler_takes(&small, NULL, id))
            assert_true(trace_sampler_takes(&large, NULL, id));
    }
}

static void parents_decide(void **state) {
    (void)state;
    struct trace_context sampled = {.is_sampled = true}, not_sampled = {0};
    struct trace_sampler on = sampler_of("parentbased_always_on", NULL);
    struct trace_sampler off = sampler_of("parentbased_always_off", NULL);
    struct trace_sampler deaf = sampler_of("always_on", NULL);
    assert_int_equal(taken(&on, &not_sampled), 0);
    assert_int_equal(taken(&on, NULL), DRAWS);
    assert_int_equal(taken(&off, &sampled), DRAWS);
    assert_int_equal(taken(&off, NULL), 0);
    assert_int_equal(taken(&deaf, &not_sampled), DRAWS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),       cmocka_unit_test(what_is_none),   cmocka_unit_test(ratios),
        cmocka_unit_test(ratios_nest), cmocka_unit_test(parents_decide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
