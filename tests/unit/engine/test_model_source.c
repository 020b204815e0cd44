// The rank of an answer by its model's name.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/model_source.h"

static void test_names_tell_the_source(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum model_source source;
    } cases[] = {
        {"blip-image-captioning-base", MODEL_FULL},
        {"CLIP-ViT-B-32-laion2B-s34B-b79K@1a2b3c4d", MODEL_FULL},
        {"imgrouter-demo-blip", MODEL_DEMO},
        {"imgrouter-demo-clip@1a2b3c4d", MODEL_DEMO},
        {"imgrouter-demo", MODEL_FULL},
        {"my-imgrouter-demo-clip", MODEL_FULL},
        {"mock", MODEL_MOCK},
        {"mocking-bird", MODEL_FULL},
        {"", MODEL_FULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (model_source_of(cases[i].name) != cases[i].source)
            fail_msg("\"%s\" is called %s", cases[i].name,
                     model_source_name(model_source_of(cases[i].name)));
}

static void test_the_better_source_comes_first(void **state) {
    (void)state;
    assert_true(MODEL_FULL < MODEL_DEMO && MODEL_DEMO < MODEL_MOCK);
    assert_string_equal(model_source_name(MODEL_FULL), "full");
    assert_string_equal(model_source_name(MODEL_DEMO), "demo");
    assert_string_equal(model_source_name(MODEL_MOCK), "mock");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_tell_the_source),
        cmocka_unit_test(test_the_better_source_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
