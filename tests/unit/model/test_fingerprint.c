// What tells spaces of vectors apart: the same weights with pictures prepared another way are
// another space, and the usual way keeps the names that spaces had before this was told apart.
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/clip.h"

enum { PATH_SIZE = PATH_MAX };  // as realpath asks for

#define USUAL_MEAN "[0.48145466, 0.4578275, 0.40821073]"
#define USUAL_DEVIATION "[0.26862954, 0.26130258, 0.27577711]"

// The small model "plain" with this size and preprocessing.
static void fingerprint_of(const char *image_size, const char *preprocessing,
                           char text[static CLIP_FINGERPRINT_SIZE]) {
    static const char model[] =
        "{\"model_cfg\":{\"embed_dim\":512,\"vision_cfg\":{\"image_size\":%s,\"layers\":2,"
        "\"width\":48,\"patch_size\":8,\"head_width\":16},\"text_cfg\":{\"context_length\":77,"
        "\"vocab_size\":768,\"width\":32,\"heads\":2,\"layers\":2}},\"preprocess_cfg\":{%s}}";
    const char *data = getenv("IMGROUTER_TEST_DATA");
    char folder[] = "/tmp/imgrouter-test-XXXXXX";
    char weights[PATH_SIZE], link[PATH_SIZE], path[PATH_SIZE], source[PATH_SIZE];
    struct error err = {0};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(source, sizeof source,
                   "%s/golden/models/plain/CLIP-ViT-B-32-laion2B-s34B-b79K/"
                   "open_clip_model.safetensors",
                   data == NULL ? "tests" : data);
    assert_non_null(realpath(source, weights));
    (void)snprintf(link, sizeof link, "%s/open_clip_model.safetensors", folder);
    assert_int_equal(symlink(weights, link), 0);
    (void)snprintf(path, sizeof path, "%s/open_clip_config.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, model, image_size, preprocessing);
    assert_int_equal(fclose(file), 0);
    struct clip *clip = clip_load(folder, NULL, &err);
    if (clip == NULL) fail_msg("%s", err.text);
    clip_fingerprint(clip, text);
    clip_destroy(clip);
    (void)unlink(path);
    (void)unlink(link);
    (void)rmdir(folder);
}

static void the_usual_preprocessing_keeps_the_name(void **state) {
    (void)state;
    char text[CLIP_FINGERPRINT_SIZE];
    fingerprint_of("32", "", text);
    assert_string_equal(text, "7cad0654");  // of the two projections' values alone
    fingerprint_of("32", "\"mean\":" USUAL_MEAN ",\"std\":" USUAL_DEVIATION, text);
    assert_string_equal(text, "7cad0654");
}

static void other_preprocessing_is_another_space(void **state) {
    (void)state;
    static const char *const ways[][2] = {
        {"32", ""},
        {"32", "\"resize_mode\":\"squash\""},
        {"32", "\"mean\":[0.5, 0.5, 0.5]"},
        {"32", "\"std\":[0.5, 0.5, 0.5]"},
        {"32", "\"mean\":[0.48145466, 0.4578275, 0.40821]"},
        {"35", ""},  // the same patches, of a larger picture
        {"36", ""},
    };
    enum { WAYS = sizeof ways / sizeof *ways };
    char texts[WAYS][CLIP_FINGERPRINT_SIZE];
    for (size_t i = 0; i < WAYS; i++) {
        fingerprint_of(ways[i][0], ways[i][1], texts[i]);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(texts[i], texts[j]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_preprocessing_keeps_the_name),
        cmocka_unit_test(other_preprocessing_is_another_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
