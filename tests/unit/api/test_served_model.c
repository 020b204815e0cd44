// By which names a model may be called, and by which not: those are other models.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "api/served_model.h"

static const char laion[] = "CLIP-ViT-B-32-laion2B-s34B-b79K@1a2b3c4d";
static const char openai[] = "clip-vit-base-patch32@1a2b3c4d";
static const char demo[] = "imgrouter-demo-clip@1a2b3c4d";

static bool is_name_of(const char *embedding_model, const char *name) {
    struct engine_info info = {.caption_model = "blip-image-captioning-base"};
    memcpy(info.embedding_model, embedding_model, strlen(embedding_model) + 1);
    return served_model_is(&info, SERVED_EMBEDDING, name);
}

static void all_its_names_are_known(void **state) {
    (void)state;
    static const struct {
        const char *model;
        const char *name;
    } names[] = {
        {laion, "CLIP-ViT-B-32-laion2B-s34B-b79K@1a2b3c4d"},
        {laion, "CLIP-ViT-B-32-laion2B-s34B-b79K"},
        {laion, "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"},
        {laion, "clip-vit-b-32-laion2b-s34b-b79k"},
        {laion, "ViT-B-32__laion2b-s34b-b79k"},
        {laion, "ViT-B-32__laion2b_s34b_b79k"},
        {laion, "ViT-B-32/laion2b_s34b_b79k"},
        {"CLIP-ViT-B-32-DataComp.XL-s13B-b90K@1", "ViT-B-32/datacomp_xl_s13b_b90k"},
        {"CLIP-ViT-B-32-256x256-DataComp-s34B-b86K@1", "ViT-B-32-256/datacomp_s34b_b86k"},
        {openai, "openai/clip-vit-base-patch32"},
        {openai, "ViT-B-32__openai"},
        {openai, "ViT-B-32/openai"},
        {"clip-vit-large-patch14-336@1", "ViT-L-14-336__openai"},
        {demo, "imgrouter-demo-clip"},
        {"mock", "mock"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!is_name_of(names[i].model, names[i].name))
            fail_msg("%s is not known as %s", names[i].model, names[i].name);
}

static void other_models_are_not(void **state) {
    (void)state;
    static const struct {
        const char *model;
        const char *name;
    } names[] = {
        {laion, "ViT-B-32__openai"},
        {laion, "ViT-B-16__laion2b-s34b-b88k"},
        {laion, "ViT-B-32__laion2b-s34b-b79"},
        {laion, "ViT-B-32"},
        {laion, "CLIP-ViT-B-32-laion2B-s34B-b79K@ffffffff"},
        {laion, "somebody/CLIP-ViT-B-32-laion2B-s34B-b79K"},
        {laion, "blip-image-captioning-base"},
        {laion, ""},
        {laion, "CLIP-"},
        {openai, "ViT-B-32__laion2b-s34b-b79k"},
        {openai, "ViT-L-14__openai"},
        {demo, "CLIP-ViT-B-32-laion2B-s34B-b79K"},
        {demo, "ViT-B-32__laion2b-s34b-b79k"},
        {demo, "demo"},
        {"mock", "ViT-B-32__openai"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_name_of(names[i].model, names[i].name))
            fail_msg("%s is known as %s", names[i].model, names[i].name);
}

static void a_refusal_tells_what_is_served(void **state) {
    (void)state;
    struct engine_info info = {.caption_model = "blip-image-captioning-base",
                               .embedding_model = "imgrouter-demo-clip@1"};
    struct error err = {0};
    assert_true(served_model_check(&info, SERVED_CAPTION, "Salesforce/blip-image-captioning-base",
                                   ERROR_NOT_FOUND, &err));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_false(served_model_check(&info, SERVED_CAPTION, "gpt-4o\x1b[31m", ERROR_CONFLICT, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "\"gpt-4o\""));
    assert_non_null(strstr(err.text, "blip-image-captioning-base"));
    assert_non_null(strstr(err.text, "imgrouter-demo-clip@1"));
    assert_null(strchr(err.text, '\x1b'));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_its_names_are_known),
        cmocka_unit_test(other_models_are_not),
        cmocka_unit_test(a_refusal_tells_what_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
