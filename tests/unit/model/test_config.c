// Every folder of tests/suites/model_config: a configuration, and in `error` a part of the
// sentence that refuses it, or nothing when it is right.
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
#include "model/blip.h"
#include "model/clip.h"

enum { PATH_SIZE = 1024 };

static bool read_blip(const char *folder, struct error *err) {
    struct blip_config config;
    return blip_config_read(&config, folder, err);
}

static bool read_clip(const char *folder, struct error *err) {
    struct clip_config config;
    return clip_config_read(&config, folder, true, err);
}

static size_t run_suite(const char *kind, bool (*read)(const char *folder, struct error *err)) {
    const char *data = getenv("IMGROUTER_TEST_DATA");
    char suite[PATH_SIZE], folder[2 * PATH_SIZE], path[3 * PATH_SIZE];
    (void)snprintf(suite, sizeof suite, "%s/suites/model_config/%s", data == NULL ? "tests" : data,
                   kind);
    DIR *cases = opendir(suite);
    assert_non_null(cases);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(cases)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(folder, sizeof folder, "%s/%s", suite, entry->d_name);
        (void)snprintf(path, sizeof path, "%s/error", folder);
        size_t size;
        char *wanted = file_read_create(path, 1000, &size, NULL);
        assert_non_null(wanted);
        wanted[strcspn(wanted, "\n")] = '\0';
        struct error err = {0};
        bool is_read = read(folder, &err);
        if (is_read != (wanted[0] == '\0') || strstr(err.text, wanted) == NULL)
            fail_msg("%s/%s: said \"%s\", wanted \"%s\"", kind, entry->d_name, err.text, wanted);
        memory_free(wanted);
        count++;
    }
    (void)closedir(cases);
    return count;
}

static void test_blip_configs(void **state) {
    (void)state;
    assert_true(run_suite("blip", read_blip) >= 10);
}

static void test_clip_configs(void **state) {
    (void)state;
    assert_true(run_suite("clip", read_clip) >= 18);
}

static void read_clip_case(const char *name, struct clip_config *config) {
    const char *data = getenv("IMGROUTER_TEST_DATA");
    char folder[PATH_SIZE];
    struct error err = {0};
    (void)snprintf(folder, sizeof folder, "%s/suites/model_config/clip/%s",
                   data == NULL ? "tests" : data, name);
    if (!clip_config_read(config, folder, true, &err)) fail_msg("%s: %s", name, err.text);
}

static void test_values_arrive(void **state) {
    (void)state;
    struct clip_config config;
    read_clip_case("valid_open_clip", &config);
    assert_int_equal(config.vision.block.heads, 2);  // width 128, 64 a head
    assert_int_equal(config.vision.block.mlp_width, 512);
    assert_int_equal(config.text.mlp_width, 256);
    assert_int_equal(config.vision.block.activation, ACTIVATION_GELU);
    assert_true(config.text.is_causal);
    assert_false(config.vision.block.is_causal);
    read_clip_case("valid_hugging_face", &config);
    assert_int_equal(config.text.activation, ACTIVATION_QUICK_GELU);  // transformers' default
    assert_int_equal(config.context_length, 77);
}

static void test_a_picture_is_cropped_unless_the_config_squashes_it(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool has_pre_norm, is_squashed;
    } cases[] = {
        {"valid_open_clip", true, false},
        {"valid_squash_no_ln_pre", false, true},
        {"valid_random_interpolation", true, false},
        {"valid_hugging_face", true, false},
        {"valid_hugging_face_squash", true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct clip_config config;
        read_clip_case(cases[i].name, &config);
        if (config.has_pre_norm != cases[i].has_pre_norm ||
            config.is_squashed != cases[i].is_squashed)
            fail_msg("%s: pre-norm %d, squashed %d", cases[i].name, config.has_pre_norm,
                     config.is_squashed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blip_configs),
        cmocka_unit_test(test_clip_configs),
        cmocka_unit_test(test_values_arrive),
        cmocka_unit_test(test_a_picture_is_cropped_unless_the_config_squashes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
