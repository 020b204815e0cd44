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
    assert_true(run_suite("clip", read_clip) >= 10);
}

static void test_values_arrive(void **state) {
    (void)state;
    const char *data = getenv("IMGROUTER_TEST_DATA");
    char folder[PATH_SIZE];
    struct clip_config config;
    (void)snprintf(folder, sizeof folder, "%s/suites/model_config/clip/valid_open_clip",
                   data == NULL ? "tests" : data);
    assert_true(clip_config_read(&config, folder, false, NULL));
    assert_int_equal(config.vision.block.heads, 2);  // width 128, 64 a head
    assert_int_equal(config.vision.block.mlp_width, 512);
    assert_int_equal(config.text.mlp_width, 256);
    assert_int_equal(config.vision.block.activation, ACTIVATION_GELU);
    assert_true(config.text.is_causal);
    assert_false(config.vision.block.is_causal);
    (void)snprintf(folder, sizeof folder, "%s/suites/model_config/clip/valid_hugging_face",
                   data == NULL ? "tests" : data);
    assert_true(clip_config_read(&config, folder, true, NULL));
    assert_int_equal(config.text.activation, ACTIVATION_QUICK_GELU);  // transformers' default
    assert_int_equal(config.context_length, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blip_configs),
        cmocka_unit_test(test_clip_configs),
        cmocka_unit_test(test_values_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
