// The environment variables of the hub's own tools.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "hub/hub.h"

static const char *const names[] = {
    "HF_ENDPOINT",    "HF_TOKEN",       "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH",
    "HF_HOME",        "HF_HUB_CACHE",   "HUGGINGFACE_HUB_CACHE",  "HF_HUB_DISABLE_IMPLICIT_TOKEN",
    "XDG_CACHE_HOME", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE",
};
static char folder[] = "/tmp/imgrouter-hub-XXXXXX";

static int clean_environment(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
    return setenv("HOME", "/home/someone", 1);
}

static struct hub_settings read_settings(void) {
    struct hub_settings settings;
    struct error err = {0};
    if (!hub_settings_read(&settings, &err)) fail_msg("%s", err.text);
    return settings;
}

static void refuse(const char *part) {
    struct hub_settings settings;
    struct error err = {0};
    assert_false(hub_settings_read(&settings, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    if (strstr(err.text, part) == NULL) fail_msg("\"%s\" does not say %s", err.text, part);
}

static void test_defaults(void **state) {
    (void)state;
    struct hub_settings settings = read_settings();
    assert_string_equal(settings.endpoint, "https://huggingface.co");
    assert_string_equal(settings.cache, "/home/someone/.cache/huggingface/hub");
    assert_string_equal(settings.token, "");
    assert_false(settings.is_offline);
}

static void test_cache_places(void **state) {
    (void)state;
    setenv("XDG_CACHE_HOME", "/var/xdg", 1);
    assert_string_equal(read_settings().cache, "/var/xdg/huggingface/hub");
    setenv("HF_HOME", "/data/hf", 1);
    assert_string_equal(read_settings().cache, "/data/hf/hub");
    setenv("HF_HOME", "~/hf", 1);
    assert_string_equal(read_settings().cache, "/home/someone/hf/hub");
    setenv("HUGGINGFACE_HUB_CACHE", "/old", 1);
    assert_string_equal(read_settings().cache, "/old");
    setenv("HF_HUB_CACHE", "/new", 1);
    assert_string_equal(read_settings().cache, "/new");
    setenv("HF_HUB_CACHE", "", 1);  // empty is as good as not set
    assert_string_equal(read_settings().cache, "/old");
    clean_environment(NULL);
    unsetenv("HOME");
    refuse("HF_HOME");
}

static void test_endpoint(void **state) {
    (void)state;
    setenv("HF_ENDPOINT", "https://hf-mirror.example//", 1);
    assert_string_equal(read_settings().endpoint, "https://hf-mirror.example");
    setenv("HF_ENDPOINT", "http://localhost:8080/hub/", 1);
    assert_string_equal(read_settings().endpoint, "http://localhost:8080/hub");
    setenv("HF_ENDPOINT", "huggingface.co", 1);
    refuse("HF_ENDPOINT");
    setenv("HF_ENDPOINT", "file:///tmp/hub", 1);
    refuse("HF_ENDPOINT");
    setenv("HF_ENDPOINT", "https://", 1);
    refuse("HF_ENDPOINT");
}

static void test_booleans(void **state) {
    (void)state;
    static const char *const yes[] = {"1", "on", "ON", "Yes", "TRUE"};
    static const char *const no[] = {"0", "", "off", "2", "truely", "no"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        setenv("HF_HUB_OFFLINE", yes[i], 1);
        assert_true(read_settings().is_offline);
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        setenv("HF_HUB_OFFLINE", no[i], 1);
        assert_false(read_settings().is_offline);
    }
    setenv("TRANSFORMERS_OFFLINE", "1", 1);
    assert_true(read_settings().is_offline);
}

static void test_token(void **state) {
    (void)state;
    char path[64];
    (void)snprintf(path, sizeof path, "%s/token", folder);
    assert_true(file_write_atomic(path, "hf_file\n", 8, NULL));
    setenv("HF_HOME", folder, 1);
    assert_string_equal(read_settings().token, "hf_file");
    setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", 1);
    assert_string_equal(read_settings().token, "");
    setenv("HF_TOKEN_PATH", "/nowhere", 1);
    unsetenv("HF_HUB_DISABLE_IMPLICIT_TOKEN");
    assert_string_equal(read_settings().token, "");
    setenv("HUGGING_FACE_HUB_TOKEN", "hf_old", 1);
    assert_string_equal(read_settings().token, "hf_old");
    setenv("HF_TOKEN", " hf_new\r\n", 1);
    assert_string_equal(read_settings().token, "hf_new");
    setenv("HF_TOKEN", "hf\r\nX-Header: 1", 1);
    refuse("HF_TOKEN");
    char huge[2000];
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    setenv("HF_TOKEN", huge, 1);
    refuse("HF_TOKEN");
    setenv("HF_TOKEN", "   ", 1);
    assert_string_equal(read_settings().token, "");
    unlink(path);
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, clean_environment),
        cmocka_unit_test_setup(test_cache_places, clean_environment),
        cmocka_unit_test_setup(test_endpoint, clean_environment),
        cmocka_unit_test_setup(test_booleans, clean_environment),
        cmocka_unit_test_setup(test_token, clean_environment),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
