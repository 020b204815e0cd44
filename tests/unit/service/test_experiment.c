// The file of an experiment: every folder of tests/suites/experiments is one, and in `error` a part
// of the sentence that refuses it, or nothing when it is right; the example that ships; and which
// image gets which variant.
#include <dirent.h>
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
#include "fake_cloud.h"
#include "service/experiment.h"

enum { PATH_SIZE = 1024 };

static const struct route_policy policy = {
    .confidence_threshold = 0.55, .clip_score_threshold = 0.1, .latency_budget_ms = 600};

// openrouter and openai, in this order.
static struct cloud *two_providers(void) {
    struct cloud *cloud = fake_cloud_reset();
    fake_cloud.provider_count = 2;
    return cloud;
}

static const char *data_folder(void) {
    const char *data = getenv("IMGROUTER_TEST_DATA");
    return data == NULL ? "tests" : data;
}

static struct experiment *read_case(const char *name) {
    char path[PATH_SIZE];
    struct error err = {0};
    (void)snprintf(path, sizeof path, "%s/suites/experiments/%s/input.yaml", data_folder(), name);
    struct experiment *experiment = experiment_create(path, &policy, two_providers(), &err);
    if (experiment == NULL) fail_msg("%s", err.text);
    return experiment;
}

static void run_case(const char *suite, const char *name) {
    char path[PATH_SIZE * 2];
    size_t size;
    struct error err = {0};
    (void)snprintf(path, sizeof path, "%s/%s/error", suite, name);
    char *wanted = file_read_create(path, 1000, &size, NULL);
    assert_non_null(wanted);
    wanted[strcspn(wanted, "\n")] = '\0';
    (void)snprintf(path, sizeof path, "%s/%s/input.yaml", suite, name);
    struct experiment *experiment = experiment_create(path, &policy, two_providers(), &err);
    if ((experiment != NULL) != (wanted[0] == '\0') || strstr(err.text, wanted) == NULL)
        fail_msg("%s: said \"%s\", wanted \"%s\"", name, err.text, wanted);
    if (experiment == NULL) {
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.text, "input.yaml"));
    }
    experiment_destroy(experiment);
    memory_free(wanted);
}

static void every_case_of_the_suite(void **state) {
    (void)state;
    char suite[PATH_SIZE];
    (void)snprintf(suite, sizeof suite, "%s/suites/experiments", data_folder());
    DIR *cases = opendir(suite);
    size_t count = 0;
    assert_non_null(cases);
    for (struct dirent *entry; (entry = readdir(cases)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        run_case(suite, entry->d_name);
        count++;
    }
    (void)closedir(cases);
    assert_true(count >= 60);
}

static void what_is_not_given_is_as_the_settings_have_it(void **state) {
    (void)state;
    struct experiment *experiment = read_case("smallest");
    assert_string_equal(experiment->name, "trial");
    assert_int_equal(experiment->variant_count, 2);
    assert_string_equal(experiment->variants[1].name, "control");
    assert_int_equal(experiment->variants[0].share_percent, 20);
    assert_int_equal(experiment->variants[1].share_percent, 80);
    for (size_t i = 0; i < 2; i++) {
        const struct experiment_variant *variant = &experiment->variants[i];
        assert_memory_equal(&variant->policy, &policy, sizeof policy);
        assert_int_equal(variant->provider_count, 2);
        assert_true(variant->providers[0] == 0 && variant->providers[1] == 1);
        assert_true(variant->model[0] == '\0' && variant->prompt[0] == '\0');
    }
    assert_int_equal(experiment->shadow_percent, 0);
    assert_null(experiment_choose_shadow(experiment, "0123456789abcdef"));
    experiment_destroy(experiment);
}

static void everything_given_is_taken(void **state) {
    (void)state;
    struct experiment *experiment = read_case("everything");
    const struct experiment_variant *one = &experiment->variants[0];
    assert_string_equal(experiment->name, "Every_thing-1.2");
    assert_int_equal(experiment->variant_count, 3);
    assert_true(one->policy.confidence_threshold == 0.7);
    assert_true(one->policy.clip_score_threshold == 0.2);
    assert_int_equal(one->policy.latency_budget_ms, 0);
    assert_int_equal(one->provider_count, 2);
    assert_true(one->providers[0] == 1 && one->providers[1] == 0);  // in the file's order
    assert_string_equal(one->model, "google/gemini");
    assert_string_equal(one->prompt, "What is this?");
    assert_int_equal(experiment->variants[2].share_percent, 0);
    assert_int_equal(experiment->shadow, 2);
    assert_int_equal(experiment->shadow_percent, 100);
    assert_int_equal(experiment->shadow_daily_nano_usd, 1);
    experiment_destroy(experiment);
}

static void without_a_cloud_thresholds_can_be_tried(void **state) {
    (void)state;
    static const char good[] = "name: a\nvariants: [{name: b, share_percent: 5}]\n";
    static const char bad[] =
        "name: a\nvariants: [{name: b, share_percent: 5, providers: [openai]}]\n";
    static const char model[] = "name: a\nvariants: [{name: b, share_percent: 5, model: m}]\n";
    struct error err = {0};
    struct experiment *experiment =
        experiment_parse_create("t", good, sizeof good - 1, &policy, NULL, &err);
    assert_non_null(experiment);
    assert_int_equal(experiment->variants[0].provider_count, 0);
    experiment_destroy(experiment);
    assert_null(experiment_parse_create("t", bad, sizeof bad - 1, &policy, NULL, &err));
    assert_non_null(strstr(err.text, "not configured"));
    error_clear(&err);
    assert_null(experiment_parse_create("t", model, sizeof model - 1, &policy, NULL, &err));
    assert_non_null(strstr(err.text, "CLOUD_PROVIDER"));
}

static void a_file_that_is_not_there(void **state) {
    (void)state;
    struct error err = {0};
    assert_null(experiment_create("/nonexistent/e.yaml", &policy, two_providers(), &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void the_example_runs(void **state) {
    (void)state;
    char path[PATH_SIZE];
    struct error err = {0};
    (void)snprintf(path, sizeof path, "%s/../examples/experiments.yaml", data_folder());
    struct experiment *experiment = experiment_create(path, &policy, two_providers(), &err);
    if (experiment == NULL) fail_msg("%s", err.text);
    assert_true(experiment->variant_count == 3 && experiment->shadow_percent > 0);
    experiment_destroy(experiment);
}

static void images_get_their_shares_and_keep_them(void **state) {
    (void)state;
    enum { IMAGES = 5000 };
    struct experiment *experiment = read_case("shadow_first");  // one: 20 %, shadow of it: 5 %
    size_t ones = 0, shadowed = 0;
    for (unsigned i = 0; i < IMAGES; i++) {
        char id[17];
        (void)snprintf(id, sizeof id, "%016x", i * 2654435761U);
        const struct experiment_variant *variant = experiment_choose(experiment, id);
        const struct experiment_variant *shadow = experiment_choose_shadow(experiment, id);
        assert_ptr_equal(variant, experiment_choose(experiment, id));
        ones += variant == &experiment->variants[0];
        shadowed += shadow != NULL;
        // Nobody is compared with himself.
        assert_true(shadow == NULL || (shadow == &experiment->variants[0] && variant != shadow));
    }
    assert_in_range(ones, IMAGES * 18 / 100, IMAGES * 22 / 100);
    assert_in_range(shadowed, IMAGES * 3 / 100, IMAGES * 5 / 100);  // 5 % of the 80 %
    experiment_destroy(experiment);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_suite),
        cmocka_unit_test(what_is_not_given_is_as_the_settings_have_it),
        cmocka_unit_test(everything_given_is_taken),
        cmocka_unit_test(without_a_cloud_thresholds_can_be_tried),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(the_example_runs),
        cmocka_unit_test(images_get_their_shares_and_keep_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
