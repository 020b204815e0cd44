// Every stage of every small model against what PyTorch computed (tests/golden/expected, made by
// tools/reference/make_goldens.py), on every kernel tier that this processor has. The pictures'
// pixels come from the goldens too: preprocessing has tests of its own.
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "model/blip.h"
#include "model/clip.h"
#include "weights/weights.h"

enum { MAX_CONFIGS = 32, CAPTION_LIMIT = 30, PATH_SIZE = 1024 };

static const double least_cosine = 0.99999;  // the project's bar for every tier
static const double most_probability_error = 1e-3;

static char config_names[MAX_CONFIGS][64];
static size_t config_count;

struct check {
    const struct weights *expected;
    const char *prefix;  // "<picture>/" or "text_3/"
    const char *where;   // configuration and tier, for messages
    size_t compared;
};

static void data_path(char path[static PATH_SIZE], const char *folder, const char *name) {
    const char *data = getenv("IMGROUTER_TEST_DATA");
    (void)snprintf(path, PATH_SIZE, "%s/golden/%s/%s", data == NULL ? "tests" : data, folder, name);
}

static const struct tensor *find(const struct check *check, const char *stage) {
    char name[256];
    (void)snprintf(name, sizeof name, "%s%s", check->prefix, stage);
    return weights_find(check->expected, name);
}

static double cosine(const float *a, const float *b, size_t count) {
    double dot = 0, a2 = 0, b2 = 0;
    for (size_t i = 0; i < count; i++) {
        dot += (double)a[i] * (double)b[i];
        a2 += (double)a[i] * (double)a[i];
        b2 += (double)b[i] * (double)b[i];
    }
    return dot / sqrt(a2 * b2);
}

static void compare(struct check *check, const char *stage, const float *values, size_t first_row,
                    size_t rows, size_t width) {
    const struct tensor *tensor = find(check, stage);
    if (tensor == NULL) return;  // this picture has final results only
    if (tensor->count < (first_row + rows) * width)
        fail_msg("%s %s%s: the golden has %zu values, we computed %zu rows of %zu", check->where,
                 check->prefix, stage, tensor->count, first_row + rows, width);
    float *wanted = memory_alloc(tensor->count * sizeof *wanted);
    tensor_copy_f32(tensor, wanted);
    for (size_t row = 0; row < rows; row++) {
        double similarity = cosine(values + row * width, wanted + (first_row + row) * width, width);
        if (!(similarity >= least_cosine))
            fail_msg("%s %s%s row %zu: cosine %.8f, wanted %.5f", check->where, check->prefix,
                     stage, first_row + row, similarity, least_cosine);
    }
    memory_free(wanted);
    check->compared++;
}

static void tap(void *context, const char *stage, const float *values, size_t first_row,
                size_t rows, size_t width) {
    compare(context, stage, values, first_row, rows, width);
}

static float *copy_planes(const struct check *check, const char *stage, size_t count) {
    const struct tensor *tensor = find(check, stage);
    if (tensor == NULL) return NULL;
    assert_int_equal(tensor->count, count);
    float *planes = memory_alloc(count * sizeof *planes);
    tensor_copy_f32(tensor, planes);
    return planes;
}

static void check_caption(struct blip *blip, struct compute *compute, struct check *check) {
    size_t size = blip_config(blip)->vision.image_size;
    float *planes = copy_planes(check, "blip.pixels", 3 * size * size);
    if (planes == NULL) return;
    struct model_trace trace = {.context = check, .tap = tap};
    int32_t ids[CAPTION_LIMIT];
    float probabilities[CAPTION_LIMIT];
    struct blip_caption caption = {.ids = ids, .probabilities = probabilities};
    blip_see(blip, compute, 0, planes, &trace);
    blip_tell(blip, compute, &caption, 1, CAPTION_LIMIT, &trace);
    size_t count = caption.count;
    const struct tensor *wanted_ids = find(check, "blip.token_ids");
    const struct tensor *wanted_probabilities = find(check, "blip.token_probs");
    assert_non_null(wanted_ids);
    assert_int_equal(count, wanted_ids->count);
    for (size_t i = 0; i < count; i++) {
        int64_t wanted;
        memcpy(&wanted, wanted_ids->data + 8 * i, sizeof wanted);
        if (ids[i] != wanted)
            fail_msg("%s %s token %zu is %d, wanted %d", check->where, check->prefix, i,
                     (int)ids[i], (int)wanted);
        float probability;
        memcpy(&probability, wanted_probabilities->data + 4 * i, sizeof probability);
        if (fabs((double)probability - (double)probabilities[i]) > most_probability_error)
            fail_msg("%s %s probability %zu is %g, wanted %g", check->where, check->prefix, i,
                     (double)probabilities[i], (double)probability);
    }
    memory_free(planes);
    check->compared++;
}

static void check_image_vector(struct clip *clip, struct compute *compute, struct check *check) {
    const struct clip_config *config = clip_config(clip);
    size_t size = config->vision.image_size;
    float *planes = copy_planes(check, "clip.pixels", 3 * size * size);
    if (planes == NULL) return;
    struct model_trace trace = {.context = check, .tap = tap};
    float *vector = memory_alloc(config->embedding_width * sizeof *vector);
    struct error err = {0};
    if (!clip_embed_image(clip, compute, planes, vector, &trace, &err)) fail_msg("%s", err.text);
    compare(check, "clip.vector", vector, 0, 1, config->embedding_width);
    memory_free(vector);
    memory_free(planes);
}

static void check_text_vector(struct clip *clip, struct compute *compute, struct check *check) {
    const struct clip_config *config = clip_config(clip);
    const struct tensor *tokens = find(check, "clip.token_ids");
    if (tokens == NULL) return;
    int32_t *ids = memory_alloc(tokens->count * sizeof *ids);
    for (size_t i = 0; i < tokens->count; i++) {
        int64_t id;
        memcpy(&id, tokens->data + 8 * i, sizeof id);
        ids[i] = (int32_t)id;
    }
    struct model_trace trace = {.context = check, .tap = tap};
    float *vector = memory_alloc(config->embedding_width * sizeof *vector);
    struct error err = {0};
    if (!clip_embed_text(clip, compute, ids, tokens->count, vector, &trace, &err))
        fail_msg("%s", err.text);
    compare(check, "clip.vector", vector, 0, 1, config->embedding_width);
    memory_free(vector);
    memory_free(ids);
}

// The prefixes are told by the tensors that end a stage; every picture and text has one.
static size_t check_all(const struct weights *expected, const char *stage, const char *where,
                        struct blip *blip, struct clip *clip, struct compute *compute) {
    size_t compared = 0, stage_size = strlen(stage);
    for (size_t i = 0; i < weights_count(expected); i++) {
        const char *name = weights_at(expected, i)->name;
        size_t size = strlen(name);
        if (size < stage_size || strcmp(name + size - stage_size, stage) != 0) continue;
        char prefix[256];
        (void)snprintf(prefix, sizeof prefix, "%.*s", (int)(size - stage_size), name);
        struct check check = {.expected = expected, .prefix = prefix, .where = where};
        if (blip != NULL) check_caption(blip, compute, &check);
        if (clip != NULL && strncmp(prefix, "text_", 5) == 0)
            check_text_vector(clip, compute, &check);
        else if (clip != NULL)
            check_image_vector(clip, compute, &check);
        compared += check.compared;
    }
    return compared;
}

static void check_config(const char *name, enum kernel_tier tier) {
    char path[PATH_SIZE], where[128], file_name[96];
    struct error err = {0};
    (void)snprintf(where, sizeof where, "%s on %s", name, kernel_tier_name(tier));
    (void)snprintf(file_name, sizeof file_name, "%s.safetensors", name);
    data_path(path, "expected", file_name);
    struct weights *expected = weights_open(path, &err);
    if (expected == NULL) fail_msg("%s", err.text);
    struct compute *compute = compute_create(kernel_tier_name(tier), 2, &err);
    if (compute == NULL) fail_msg("%s", err.text);

    char folder[PATH_SIZE];
    (void)snprintf(file_name, sizeof file_name, "%s/blip-image-captioning-base", name);
    data_path(folder, "models", file_name);
    struct blip *blip = blip_load(folder, NULL, &err);
    if (blip == NULL) fail_msg("%s", err.text);
    (void)snprintf(file_name, sizeof file_name, "%s/CLIP-ViT-B-32-laion2B-s34B-b79K", name);
    data_path(folder, "models", file_name);
    struct clip *clip = clip_load(folder, NULL, &err);
    if (clip == NULL) fail_msg("%s", err.text);

    size_t captions = check_all(expected, "blip.token_ids", where, blip, NULL, compute);
    size_t vectors = check_all(expected, "clip.vector", where, NULL, clip, compute);
    if (captions == 0 || vectors == 0) fail_msg("%s: the goldens hold nothing to compare", where);
    (void)printf("%s: %zu caption stages, %zu vector stages\n", where, captions, vectors);
    blip_destroy(blip);
    clip_destroy(clip);
    compute_destroy(compute);
    weights_close(expected);
}

static void test_every_config_on_every_tier(void **state) {
    (void)state;
    assert_true(config_count > 0);
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        if (!cpu_supports((enum kernel_tier)tier)) {
            (void)printf("skipped: this processor has no %s\n",
                         kernel_tier_name((enum kernel_tier)tier));
            continue;
        }
        for (size_t i = 0; i < config_count; i++)
            check_config(config_names[i], (enum kernel_tier)tier);
    }
}

static int find_configs(void **state) {
    (void)state;
    char path[PATH_SIZE];
    data_path(path, "expected", "");
    DIR *folder = opendir(path);
    if (folder == NULL) return -1;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && config_count < MAX_CONFIGS;) {
        const char *suffix = strstr(entry->d_name, ".safetensors");
        if (suffix == NULL) continue;
        (void)snprintf(config_names[config_count++], sizeof config_names[0], "%.*s",
                       (int)(suffix - entry->d_name), entry->d_name);
    }
    (void)closedir(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_config_on_every_tier)};
    return cmocka_run_group_tests(tests, find_configs, NULL);
}
