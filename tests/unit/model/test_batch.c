// Pictures, texts and captions that go through a model together get what they get alone, whatever
// is beside them, on every kernel tier.
#include <float.h>
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

enum { PATH_SIZE = 1024, TOKENS_MAX = 20 };

// More rows let linear() take sums of f32 weights in another order; nothing else may differ.
static const double least_cosine = 0.9999995;

static const char *const models[] = {"plain", "odd_widths"};

struct tested {
    struct compute *compute;
    struct blip *blip;
    struct clip *clip;
    const char *tier;
};

static unsigned seed = 1;

static float random_float(void) {        // -2 … 2
    seed = seed * 1664525 + 1013904223;  // Numerical Recipes' generator
    return (float)(seed >> 8) / 4194304.0f - 2;
}

static float *random_planes(size_t size) {
    float *planes = memory_alloc(3 * size * size * sizeof *planes);
    for (size_t i = 0; i < 3 * size * size; i++) planes[i] = random_float();
    return planes;
}

static void assert_near(const struct tested *tested, const char *what, size_t member,
                        const float *a, const float *b, size_t count) {
    double sum = 0, a2 = 0, b2 = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
        a2 += (double)a[i] * (double)a[i];
        b2 += (double)b[i] * (double)b[i];
    }
    double cosine = sum / sqrt(a2 * b2);
    if (!(cosine >= least_cosine))
        fail_msg("%s, %s %zu: together and alone have cosine %.9f", tested->tier, what, member,
                 cosine);
}

static void check_images(const struct tested *tested, size_t count, bool has_damaged) {
    const struct clip_config *config = clip_config(tested->clip);
    size_t size = config->vision.image_size, width = config->embedding_width;
    struct clip_image images[VISION_BATCH_MAX] = {0};
    float *planes[VISION_BATCH_MAX], *vectors = memory_alloc((count + 1) * width * sizeof *vectors);
    float *alone = vectors + count * width;
    for (size_t i = 0; i < count; i++) {
        planes[i] = random_planes(size);
        images[i] = (struct clip_image){.planes = planes[i], .embedding = vectors + i * width};
    }
    size_t damaged = has_damaged ? count / 2 : count;
    if (has_damaged) planes[damaged][size] = NAN;
    clip_embed_images(tested->clip, tested->compute, images, count, NULL);
    for (size_t i = 0; i < count; i++) {
        struct error err = {0};
        bool is_done =
            clip_embed_image(tested->clip, tested->compute, planes[i], alone, NULL, &err);
        assert_int_equal(is_done, i != damaged);
        assert_int_equal(images[i].error.kind, err.kind);
        if (is_done) assert_near(tested, "picture", i, images[i].embedding, alone, width);
        memory_free(planes[i]);
    }
    memory_free(vectors);
}

static void test_images(const struct tested *tested) {
    size_t most = clip_images_max(tested->clip);
    assert_true(most > 2);
    for (size_t count = 1; count <= most; count++) check_images(tested, count, false);
    check_images(tested, 3, true);
    check_images(tested, most, true);
}

// Texts of 2 to TOKENS_MAX tokens, the end token last and followed by others that must not matter.
static size_t random_ids(const struct clip_config *config, int32_t *ids) {
    int32_t end = (int32_t)config->vocabulary_size - 1;
    size_t most = config->context_length < TOKENS_MAX ? config->context_length : TOKENS_MAX;
    size_t tokens = 2 + (size_t)((random_float() + 2) * (float)(most - 2) / 4);
    for (size_t i = 0; i < most; i++)
        ids[i] = (int32_t)((random_float() + 2) / 4 * (float)(end - 1));
    ids[tokens - 1] = end;
    return most;
}

static void check_texts(const struct tested *tested, size_t count, bool has_wrong) {
    const struct clip_config *config = clip_config(tested->clip);
    size_t width = config->embedding_width;
    int32_t ids[CLIP_TEXTS_MAX][TOKENS_MAX];
    struct clip_text texts[CLIP_TEXTS_MAX] = {0};
    float *vectors = memory_alloc((count + 1) * width * sizeof *vectors);
    float *alone = vectors + count * width;
    for (size_t i = 0; i < count; i++)
        texts[i] = (struct clip_text){
            .ids = ids[i], .count = random_ids(config, ids[i]), .embedding = vectors + i * width};
    size_t wrong = has_wrong ? count / 2 : count;
    if (has_wrong) ids[wrong][0] = (int32_t)config->vocabulary_size;
    clip_embed_texts(tested->clip, tested->compute, texts, count, NULL);
    for (size_t i = 0; i < count; i++) {
        struct error err = {0};
        bool is_done = clip_embed_text(tested->clip, tested->compute, ids[i], texts[i].count, alone,
                                       NULL, &err);
        assert_int_equal(is_done, i != wrong);
        assert_int_equal(texts[i].error.kind, err.kind);
        if (is_done) assert_near(tested, "text", i, texts[i].embedding, alone, width);
    }
    memory_free(vectors);
}

static void test_texts(const struct tested *tested) {
    for (size_t count = 1; count <= CLIP_TEXTS_MAX; count++) check_texts(tested, count, false);
    check_texts(tested, 1, true);  // nothing is left to compute
    check_texts(tested, 5, true);
}

struct told {
    int32_t ids[TOKENS_MAX];
    float probabilities[TOKENS_MAX];
};

static void check_captions(const struct tested *tested, size_t count, bool has_damaged,
                           size_t *shortest, size_t *longest) {
    size_t size = blip_config(tested->blip)->vision.image_size;
    struct blip_caption captions[BLIP_CAPTIONS_MAX] = {0}, alone;
    struct told told[BLIP_CAPTIONS_MAX], told_alone;
    float *planes[BLIP_CAPTIONS_MAX];
    size_t damaged = has_damaged ? count / 2 : count;
    for (size_t i = 0; i < count; i++) {
        planes[i] = random_planes(size);
        if (i == damaged) planes[i][size] = NAN;
        blip_see(tested->blip, tested->compute, i, planes[i], NULL);
        captions[i] =
            (struct blip_caption){.ids = told[i].ids, .probabilities = told[i].probabilities};
    }
    blip_tell(tested->blip, tested->compute, captions, count, TOKENS_MAX, NULL);
    for (size_t i = 0; i < count; i++) {
        alone =
            (struct blip_caption){.ids = told_alone.ids, .probabilities = told_alone.probabilities};
        blip_see(tested->blip, tested->compute, 0, planes[i], NULL);
        blip_tell(tested->blip, tested->compute, &alone, 1, TOKENS_MAX, NULL);
        memory_free(planes[i]);
        assert_int_equal(captions[i].error.kind, i == damaged ? ERROR_INTERNAL : ERROR_NONE);
        assert_int_equal(captions[i].count, alone.count);
        if (i == damaged) continue;
        if (alone.count < *shortest) *shortest = alone.count;
        if (alone.count > *longest) *longest = alone.count;
        // A step has too few rows for another order, so captions are the same to the last bit.
        assert_memory_equal(captions[i].ids, alone.ids, alone.count * sizeof *alone.ids);
        assert_memory_equal(captions[i].probabilities, alone.probabilities,
                            alone.count * sizeof *alone.probabilities);
    }
}

static void test_captions(const struct tested *tested) {
    size_t shortest = SIZE_MAX, longest = 0;
    for (size_t round = 0; round < 8; round++)
        for (size_t count = 1; count <= BLIP_CAPTIONS_MAX; count++)
            check_captions(tested, count, false, &shortest, &longest);
    check_captions(tested, BLIP_CAPTIONS_MAX, true, &shortest, &longest);
    (void)printf("%s: captions of %zu to %zu tokens\n", tested->tier, shortest, longest);
}

static void test_model(const char *model, enum kernel_tier tier,
                       void (*test)(const struct tested *)) {
    const char *data = getenv("IMGROUTER_TEST_DATA");
    char folder[PATH_SIZE];
    struct error err = {0};
    struct tested tested = {.tier = kernel_tier_name(tier)};
    tested.compute = compute_create(tested.tier, 2, &err);
    if (tested.compute == NULL) fail_msg("%s", err.text);
    (void)snprintf(folder, PATH_SIZE, "%s/golden/models/%s/blip-image-captioning-base",
                   data == NULL ? "tests" : data, model);
    tested.blip = blip_load(folder, NULL, &err);
    (void)snprintf(folder, PATH_SIZE, "%s/golden/models/%s/CLIP-ViT-B-32-laion2B-s34B-b79K",
                   data == NULL ? "tests" : data, model);
    tested.clip = clip_load(folder, NULL, &err);
    if (err.kind != ERROR_NONE) fail_msg("%s", err.text);
    test(&tested);
    blip_destroy(tested.blip);
    clip_destroy(tested.clip);
    compute_destroy(tested.compute);
}

static void test_everywhere(void (*test)(const struct tested *)) {
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++)
        for (size_t i = 0; i < sizeof models / sizeof *models; i++)
            if (cpu_supports((enum kernel_tier)tier))
                test_model(models[i], (enum kernel_tier)tier, test);
}

static void test_images_together(void **state) {
    (void)state;
    test_everywhere(test_images);
}

static void test_texts_together(void **state) {
    (void)state;
    test_everywhere(test_texts);
}

static void test_captions_together(void **state) {
    (void)state;
    test_everywhere(test_captions);
}

enum { WIDTH = 96, MLP_WIDTH = 208, SEQUENCES = 3 };

// A layer of random weights in 8 bits.
static struct layer random_layer(size_t outputs, size_t inputs) {
    struct weight_int8_size size = weight_matrix_int8_size(outputs, inputs);
    float *w = memory_alloc(outputs * inputs * sizeof *w),
          *bias = memory_alloc(outputs * sizeof *w);
    for (size_t i = 0; i < outputs * inputs; i++) w[i] = random_float() / 16;
    for (size_t i = 0; i < outputs; i++) bias[i] = random_float();
    struct layer layer = {.bias = bias};
    layer.weight = weight_matrix_pack_int8(w, outputs, inputs, memory_alloc(size.int8),
                                           memory_alloc(size.scales * sizeof(float)),
                                           memory_alloc(size.scales * sizeof(int32_t)));
    memory_free(w);
    return layer;
}

static void free_layer(struct layer *layer) {
    memory_free((void *)layer->weight.int8);
    memory_free((void *)layer->weight.scales);
    memory_free((void *)layer->weight.sums);
    memory_free((void *)layer->bias);
}

// Weights of 8 bits give whole numbers, whatever the order: sequences together are the same as
// alone to the last bit.
static void test_int8_is_exact(void **state) {
    (void)state;
    const struct block_shape shape = {.width = WIDTH,
                                      .heads = 3,
                                      .mlp_width = MLP_WIDTH,
                                      .epsilon = 1e-5f,
                                      .activation = ACTIVATION_GELU,
                                      .is_causal = true};
    const struct token_sequence sequences[SEQUENCES] = {
        {.tokens = 70, .first = 69, .rows = 1},
        {.tokens = 40, .first = 0, .rows = 40},
        {.tokens = 30, .first = 20, .rows = 5},
    };
    enum { TOKENS = 140, ROWS = 46 };
    float ones[WIDTH], *x = memory_alloc(TOKENS * WIDTH * sizeof *x);
    float *together = memory_alloc(TOKENS * WIDTH * sizeof *x);
    float *alone = memory_alloc(TOKENS * WIDTH * sizeof *x);
    for (size_t i = 0; i < WIDTH; i++) ones[i] = 1;
    for (size_t i = 0; i < TOKENS * WIDTH; i++) x[i] = random_float();
    struct block_weights block = {.norm1_gain = ones,
                                  .norm1_bias = ones,
                                  .norm2_gain = ones,
                                  .norm2_bias = ones,
                                  .qkv = random_layer(3 * WIDTH, WIDTH),
                                  .projection = random_layer(WIDTH, WIDTH),
                                  .fc1 = random_layer(MLP_WIDTH, WIDTH),
                                  .fc2 = random_layer(WIDTH, MLP_WIDTH)};
    struct block_scratch scratch = {0};
    assert_true(block_scratch_init(&scratch, &shape, TOKENS, NULL));
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        if (!cpu_supports((enum kernel_tier)tier)) continue;
        struct compute *compute = compute_create(kernel_tier_name((enum kernel_tier)tier), 2, NULL);
        assert_non_null(compute);
        memcpy(together, x, TOKENS * WIDTH * sizeof *x);
        block_forward(compute, &block, &shape, &scratch, together, sequences, SEQUENCES);
        const float *in = x, *out = together;
        for (size_t i = 0; i < SEQUENCES; i++) {
            memcpy(alone, in, sequences[i].tokens * WIDTH * sizeof *x);
            block_forward(compute, &block, &shape, &scratch, alone, &sequences[i], 1);
            assert_memory_equal(out, alone, sequences[i].rows * WIDTH * sizeof *x);
            in += sequences[i].tokens * WIDTH;
            out += sequences[i].rows * WIDTH;
        }
        assert_int_equal(out - together, ROWS * WIDTH);
        compute_destroy(compute);
    }
    block_scratch_clear(&scratch);
    free_layer(&block.qkv);
    free_layer(&block.projection);
    free_layer(&block.fc1);
    free_layer(&block.fc2);
    memory_free(x);
    memory_free(together);
    memory_free(alone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_together),
        cmocka_unit_test(test_texts_together),
        cmocka_unit_test(test_captions_together),
        cmocka_unit_test(test_int8_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
