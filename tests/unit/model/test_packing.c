// Every small model packed to f16 and to 8 bits against itself as its file has it, on every kernel
// tier that this processor has. Pictures are random; what trained models say of real ones is the
// matter of tests/parity.
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
#include "model/packing.h"

enum { PATH_SIZE = 1024, MAX_CONFIGS = 32, PICTURES = 6, CAPTIONED = 20, TEXTS = 6, TOKENS = 16 };

static const double least_cosine[] = {1, 0.99999, 0.999};  // by precision
// Of tokens chosen by a margin of more than clear_margin. At 8 bits the full-size models reach
// 0.99; in these, of 32 to 96 channels, rounding averages out less and choices are closer, most of
// all where inputs have 7 bits (AVX2).
static const double least_equal[] = {1, 0.99, 0.85};
static const float clear_margin = 0.05f;

static char folders[MAX_CONFIGS][PATH_SIZE];  // of the models' folders
static size_t folder_count;

static unsigned seed;

static float random_float(void) {        // -2 … 2
    seed = seed * 1664525 + 1013904223;  // Numerical Recipes' generator
    return (float)(seed >> 8) / 4194304.0f - 2;
}

// The same number makes the same picture: a wave with noise, more or less of either.
static float *picture_planes(size_t size, unsigned number) {
    float *planes = memory_alloc(3 * size * size * sizeof *planes);
    seed = number + 1;
    for (size_t i = 0; i < 3 * size * size; i++)
        planes[i] = 1.5f * sinf((float)i * 0.01f * (float)(number + 1)) +
                    0.2f * (float)number * random_float();
    return planes;
}

static void model_path(char path[static PATH_SIZE], const char *folder, bool is_blip) {
    (void)snprintf(path, PATH_SIZE, "%s/%s", folder,
                   is_blip ? "blip-image-captioning-base" : "CLIP-ViT-B-32-laion2B-s34B-b79K");
}

static void assert_done(bool is_done, const struct error *err) {
    if (!is_done) fail_msg("%s", err->text);
}

// What parameters_pack writes, in memory.
static struct packed_cache *pack(const struct parameters *parameters, const char *folder,
                                 enum precision precision) {
    struct error err = {0};
    char label[PACKED_LABEL_SIZE];
    struct packed_origin origin = {.source = parameters_path(parameters), .label = label};
    assert_done(packing_label(label, precision_name(precision), folder, &err), &err);
    assert_done(source_stamp_read(&origin.stamp, origin.source, &err), &err);
    struct packed_writer *writer = packed_writer_create(NULL, &origin, &err);
    assert_done(writer != NULL && parameters_pack(parameters, precision, writer, &err), &err);
    struct packed_cache *cache = packed_writer_finish(writer, &err);
    assert_done(cache != NULL, &err);
    packed_writer_destroy(writer);
    return cache;
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

// Vector `number` of the samples: pictures, then texts.
static void embed(struct clip *clip, struct compute *compute, unsigned number, float *vector) {
    struct error err = {0};
    const struct clip_config *config = clip_config(clip);
    if (number < PICTURES) {
        float *planes = picture_planes(config->vision.image_size, number);
        assert_done(clip_embed_image(clip, compute, planes, vector, NULL, &err), &err);
        memory_free(planes);
        return;
    }
    int32_t ids[8];
    size_t count = 3 + number % 5;
    seed = number;
    for (size_t i = 0; i < count; i++) {
        (void)random_float();
        ids[i] = (int32_t)((seed >> 8) % (config->vocabulary_size - 1));
    }
    ids[count - 1] = (int32_t)config->vocabulary_size - 1;  // the highest id ends a text
    assert_done(clip_embed_text(clip, compute, ids, count, vector, NULL, &err), &err);
}

static void check_clip(const char *folder, struct compute *compute, enum precision precision) {
    char path[PATH_SIZE], fingerprint[2][CLIP_FINGERPRINT_SIZE];
    struct error err = {0};
    model_path(path, folder, false);
    struct clip *wide = clip_load(path, NULL, &err);
    assert_done(wide != NULL && parameters_calibrate(clip_parameters(wide), &err), &err);
    size_t width = clip_config(wide)->embedding_width;
    float *vectors = memory_alloc((PICTURES + TEXTS + 1) * width * sizeof *vectors);
    float *vector = vectors + (PICTURES + TEXTS) * width;
    for (unsigned i = 0; i < PICTURES + TEXTS; i++) embed(wide, compute, i, vectors + i * width);
    clip_fingerprint(wide, fingerprint[0]);
    float logit_scale = clip_logit_scale(wide);
    assert_float_equal(logit_scale, 14.3, 0.1);  // exp(2.66), as untrained models have it

    struct packed_cache *cache = pack(clip_parameters(wide), path, precision);
    clip_destroy(wide);
    struct clip *packed = clip_load(path, cache, &err);
    assert_done(packed != NULL, &err);
    clip_fingerprint(packed, fingerprint[1]);
    assert_float_equal(clip_logit_scale(packed), logit_scale, 0);
    assert_string_equal(fingerprint[0], fingerprint[1]);  // one space of vectors
    for (unsigned i = 0; i < PICTURES + TEXTS; i++) {
        embed(packed, compute, i, vector);
        double found = cosine(vector, vectors + i * width, width);
        if (!(found >= least_cosine[precision]))
            fail_msg("%s at %s on %s: vector %u has cosine %.7f to that at f32", folder,
                     precision_name(precision), kernel_tier_name(compute_tier(compute)), i, found);
    }
    memory_free(vectors);
    clip_destroy(packed);
}

struct choices {
    int32_t chosen[TOKENS];
    float margins[TOKENS];
    size_t count;
};

static void choose(struct blip *blip, struct compute *compute, unsigned number,
                   const struct choices *given, struct choices *choices) {
    struct error err = {0};
    float *planes = picture_planes(blip_config(blip)->vision.image_size, number);
    blip_see(blip, compute, 0, planes, NULL);
    choices->count =
        blip_choose(blip, compute, given == NULL ? TOKENS : given->count,
                    given == NULL ? NULL : given->chosen, choices->chosen, choices->margins, &err);
    assert_done(choices->count > 0, &err);
    memory_free(planes);
}

static void check_blip(const char *folder, struct compute *compute, enum precision precision) {
    char path[PATH_SIZE];
    struct error err = {0};
    struct choices expected[CAPTIONED], found;
    model_path(path, folder, true);
    struct blip *wide = blip_load(path, NULL, &err);
    assert_done(wide != NULL && parameters_calibrate(blip_parameters(wide), &err), &err);
    for (unsigned i = 0; i < CAPTIONED; i++) choose(wide, compute, i, NULL, &expected[i]);

    struct packed_cache *cache = pack(blip_parameters(wide), path, precision);
    blip_destroy(wide);
    struct blip *packed = blip_load(path, cache, &err);
    assert_done(packed != NULL, &err);
    size_t clear = 0, equal = 0;
    for (unsigned i = 0; i < CAPTIONED; i++) {
        choose(packed, compute, i, &expected[i], &found);
        assert_int_equal(found.count, expected[i].count);
        for (size_t k = 0; k < found.count; k++) {
            if (expected[i].margins[k] <= clear_margin) continue;
            clear++;
            equal += found.chosen[k] == expected[i].chosen[k];
        }
    }
    assert_true(clear >= CAPTIONED);
    if ((double)equal < least_equal[precision] * (double)clear)
        fail_msg("%s at %s on %s: %zu of %zu clear tokens are equal", folder,
                 precision_name(precision), kernel_tier_name(compute_tier(compute)), equal, clear);
    blip_destroy(packed);
}

static void test_packed_models_answer_alike(void **state) {
    (void)state;
    assert_true(folder_count >= 5);
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        struct error err = {0};
        if (!cpu_supports((enum kernel_tier)tier)) {
            (void)printf("skipped: this processor has no %s\n",
                         kernel_tier_name((enum kernel_tier)tier));
            continue;
        }
        struct compute *compute = compute_create(kernel_tier_name((enum kernel_tier)tier), 2, &err);
        assert_done(compute != NULL, &err);
        for (size_t i = 0; i < folder_count; i++) {
            for (enum precision p = PRECISION_F32; p <= PRECISION_INT8; p++) {
                check_clip(folders[i], compute, p);
                check_blip(folders[i], compute, p);
            }
        }
        compute_destroy(compute);
    }
}

// Blobs that do not fit the model: refused with a sentence, whatever is missing.
static void test_incomplete_cache_is_refused(void **state) {
    (void)state;
    char path[PATH_SIZE], weights[PATH_MAX];
    struct error err = {0};
    model_path(path, folders[0], false);
    assert_done(clip_find_weights(path, weights, &err), &err);
    struct packed_origin origin = {.source = weights, .label = "incomplete"};
    assert_done(source_stamp_read(&origin.stamp, weights, &err), &err);
    struct packed_writer *writer = packed_writer_create(NULL, &origin, &err);
    assert_non_null(writer);
    assert_true(packed_writer_add(writer, "visual.class_embedding", "short", 5, &err));
    struct packed_cache *cache = packed_writer_finish(writer, &err);
    packed_writer_destroy(writer);
    assert_non_null(cache);
    assert_null(clip_load(path, cache, &err));
    assert_non_null(strstr(err.text, "lack"));
}

// The label changes with the precision and with every byte of the configuration.
static void test_label(void **state) {
    (void)state;
    char path[PATH_SIZE], labels[3][PACKED_LABEL_SIZE];
    struct error err = {0};
    model_path(path, folders[0], true);
    assert_done(packing_label(labels[0], "int8", path, &err), &err);
    assert_done(packing_label(labels[1], "f16", path, &err), &err);
    model_path(path, folders[1], true);
    assert_done(packing_label(labels[2], "int8", path, &err), &err);
    assert_string_not_equal(labels[0], labels[1]);
    assert_string_not_equal(labels[0], labels[2]);
}

static void test_out_of_memory(void **state) {
    (void)state;
    char path[PATH_SIZE];
    struct error err = {0};
    model_path(path, folders[0], false);
    struct clip *wide = clip_load(path, NULL, &err);
    assert_done(wide != NULL, &err);
    long nth = 0;
    bool is_calibrating = false;
    for (; !is_calibrating; nth++) {
        err = (struct error){0};
        memory_fail_nth(nth + 1, false);
        is_calibrating = parameters_calibrate(clip_parameters(wide), &err);
        memory_fail_nth(0, false);
        assert_int_equal(is_calibrating, err.kind == ERROR_NONE);
    }
    assert_true(nth > 2);
    clip_destroy(wide);
}

static int find_folders(void **state) {
    (void)state;
    char path[PATH_SIZE / 2];
    const char *data = getenv("IMGROUTER_TEST_DATA");
    (void)snprintf(path, sizeof path, "%s/golden/models", data == NULL ? "tests" : data);
    DIR *folder = opendir(path);
    if (folder == NULL) return -1;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && folder_count < MAX_CONFIGS;)
        if (entry->d_name[0] != '.')
            (void)snprintf(folders[folder_count++], PATH_SIZE, "%s/%s", path, entry->d_name);
    (void)closedir(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_models_answer_alike),
        cmocka_unit_test(test_incomplete_cache_is_refused),
        cmocka_unit_test(test_label),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, find_folders, NULL);
}
