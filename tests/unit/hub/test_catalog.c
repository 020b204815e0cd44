// The catalog is written by hand: what its lines must all obey.
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hub/hub.h"

static void test_lines_are_sane(void **state) {
    (void)state;
    size_t count;
    const struct hub_model *models = hub_models(&count);
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++) {
        const struct hub_model *model = &models[i];
        assert_string_equal(strchr(model->repository, '/') + 1, model->folder);
        assert_non_null(model->license);
        assert_true((model->purpose == HUB_EMBEDDING) == (model->openclip_model != NULL));
        assert_true((model->openclip_model == NULL) == (model->openclip_pretrained == NULL));
        if (model->commit != NULL) {
            assert_int_equal(strlen(model->commit), 40);
            assert_int_equal(strspn(model->commit, "0123456789abcdef"), 40);
        }
        bool has_config = false, has_weights = false, has_words = false;
        for (size_t j = 0; j < model->file_count; j++) {
            const struct hub_file *file = &model->files[j];
            assert_null(strchr(file->path, '/'));
            assert_true((file->size_bytes > 0) == (file->sha256_hex != NULL));
            if (file->sha256_hex != NULL) {
                assert_int_equal(strlen(file->sha256_hex), 64);
                assert_int_equal(strspn(file->sha256_hex, "0123456789abcdef"), 64);
            }
            has_config = has_config || file->role == HUB_CONFIG;
            has_weights = has_weights || file->role == HUB_WEIGHTS;
            has_words = has_words || file->role == HUB_NEEDED;
        }
        assert_true(has_config && has_weights && has_words);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(models[j].repository, model->repository);
            if (model->openclip_model != NULL && models[j].openclip_model != NULL)
                assert_false(strcmp(models[j].openclip_model, model->openclip_model) == 0 &&
                             strcmp(models[j].openclip_pretrained, model->openclip_pretrained) ==
                                 0);
        }
    }
}

static void test_defaults(void **state) {
    (void)state;
    struct error err = {0};
    struct hub_model caption;
    assert_true(hub_find_repository("Salesforce/blip-image-captioning-base", &caption, &err));
    const struct hub_model *embedding =
        hub_find_embedding_model("ViT-B-32", "laion2b_s34b_b79k", &err);
    assert_string_equal(embedding->repository, "laion/CLIP-ViT-B-32-laion2B-s34B-b79K");
    assert_int_equal(caption.purpose, HUB_CAPTION);
    assert_non_null(caption.commit);
    assert_non_null(embedding->commit);
}

static void test_unknown_pairs_are_told_the_known_ones(void **state) {
    (void)state;
    struct error err = {0};
    assert_null(hub_find_embedding_model("ViT-B-32", "laion400m", &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "laion400m"));
    assert_non_null(strstr(err.text, "ViT-B-32/laion2b_s34b_b79k"));
    assert_non_null(strstr(err.text, "ViT-H-14/laion2b_s32b_b79k"));  // the last still fits
}

static void test_repositories_by_name(void **state) {
    (void)state;
    struct hub_model model;
    struct error err = {0};
    assert_true(hub_find_repository("Salesforce/blip-image-captioning-large", &model, &err));
    assert_int_equal(model.purpose, HUB_CAPTION);
    assert_true(hub_find_repository("some-body/my_model.v2", &model, &err));
    assert_int_equal(model.purpose, HUB_UNKNOWN);
    assert_string_equal(model.folder, "my_model.v2");
    assert_null(model.commit);
    static const char *const bad[] = {"",       "name",   "a/b/c",  "/b",    "a/",
                                      "a//b",   "../b",   "a/..",   ".a/b",  "a/.b",
                                      "a..b/c", "a/b--c", "a/-b",   "a/b c", "a/b?",
                                      "a/b%2f", "a/b\n",  "a\\b/c", "a/b#c", "a/\xc3\xbc"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (struct error){0};
        if (hub_find_repository(bad[i], &model, &err)) fail_msg("\"%s\" was accepted", bad[i]);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_sane),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_unknown_pairs_are_told_the_known_ones),
        cmocka_unit_test(test_repositories_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
