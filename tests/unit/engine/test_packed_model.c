// Loading at a precision, on a small model: packed once, found again, packed anew when anything is
// wrong with what was kept, and left at f32 when the answers would suffer.
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "engine/packed_model.h"
#include "model/clip.h"

enum { PATH_SIZE = 1024 };

static char model_folder[PATH_SIZE], folder[] = "/tmp/imgrouter-packing-XXXXXX";
static char cache_folder[PATH_SIZE];

// CLIP as the engine loads it, but with a rehearsal that the test decides, and counted.
struct scene {
    struct compute *compute;
    double likeness;
    bool fails;
    int rehearsals, comparisons;
    const char *tier;
};

static void *load(const char *path, struct packed_cache *packed, struct error *err) {
    return clip_load(path, packed, err);
}

static void destroy(void *model) { clip_destroy(model); }

static struct parameters *parameters(void *model) { return clip_parameters(model); }

static void embed(const struct scene *scene, struct clip *clip, float *vector) {
    struct error err = {0};
    size_t size = clip_config(clip)->vision.image_size;
    float *planes = memory_alloc(3 * size * size * sizeof *planes);
    for (size_t i = 0; i < 3 * size * size; i++) planes[i] = sinf((float)i * 0.01f);
    if (!clip_embed_image(clip, scene->compute, planes, vector, NULL, &err))
        fail_msg("%s", err.text);
    memory_free(planes);
}

static void *rehearse(void *context, void *model, struct error *err) {
    struct scene *scene = context;
    float vector[1024];
    scene->rehearsals++;
    if (scene->fails) {
        error_set(err, ERROR_INTERNAL, "the rehearsal failed");
        return NULL;
    }
    embed(scene, model, vector);
    return memory_alloc(1);
}

static void forget(void *rehearsal) { memory_free(rehearsal); }

static bool compare(void *context, const void *rehearsal, void *model, double *likeness,
                    struct error *err) {
    struct scene *scene = context;
    (void)rehearsal;
    (void)model;
    (void)err;
    scene->comparisons++;
    *likeness = scene->likeness;
    return true;
}

static struct clip *load_at(struct scene *scene, const char *precision_text, const char *cache,
                            enum precision *precision, struct error *err) {
    const struct model_kind kind = {.purpose = "test",
                                    .context = scene,
                                    .find_weights = clip_find_weights,
                                    .load = load,
                                    .destroy = destroy,
                                    .parameters = parameters,
                                    .rehearse = rehearse,
                                    .forget = forget,
                                    .compare = compare,
                                    .least_likeness = 0.99};
    return packed_model_load(&kind,
                             &(struct packed_model_options){.folder = model_folder,
                                                            .name = "org/model",
                                                            .precision = precision_text,
                                                            .kernel_tier = scene->tier,
                                                            .cache_folder = cache},
                             precision, err);
}

// Loads, demands this precision and, of the rehearsal, to have been done or not.
static void expect(struct scene *scene, const char *text, const char *cache,
                   enum precision expected, bool is_rehearsed) {
    struct error err = {0};
    enum precision precision;
    float vector[1024];
    int before = scene->rehearsals;
    struct clip *clip = load_at(scene, text, cache, &precision, &err);
    if (clip == NULL) fail_msg("%s: %s", text, err.text);
    assert_int_equal(precision, expected);
    assert_int_equal(scene->rehearsals - before, is_rehearsed);
    embed(scene, clip, vector);
    clip_destroy(clip);
}

// The only ".packed" file of the cache folder.
static bool find_packed(char path[static PATH_SIZE]) {
    size_t count = 0;
    DIR *entries = opendir(cache_folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        const char *ending = strrchr(entry->d_name, '.');
        if (ending == NULL || strcmp(ending, ".packed") != 0) continue;
        (void)snprintf(path, PATH_SIZE, "%s/%s", cache_folder, entry->d_name);
        count++;
    }
    if (entries != NULL) (void)closedir(entries);
    assert_true(count <= 1);
    return count == 1;
}

static void clear_cache(void) {
    char path[2 * PATH_SIZE];
    DIR *entries = opendir(cache_folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        (void)snprintf(path, sizeof path, "%s/%s", cache_folder, entry->d_name);
        if (entry->d_name[0] != '.') (void)unlink(path);
    }
    if (entries != NULL) (void)closedir(entries);
    (void)rmdir(cache_folder);
}

static int set_up(void **state) {
    static struct scene scene;
    const char *data = getenv("IMGROUTER_TEST_DATA");
    log_configure(LOG_OFF, LOG_FORMAT_TEXT);
    (void)snprintf(model_folder, PATH_SIZE,
                   "%s/golden/models/plain/CLIP-ViT-B-32-laion2B-s34B-b79K",
                   data == NULL ? "tests" : data);
    if (mkdtemp(folder) == NULL) return -1;
    (void)snprintf(cache_folder, PATH_SIZE, "%s/cache", folder);
    scene.compute = compute_create(NULL, 1, NULL);
    *state = &scene;
    return scene.compute == NULL ? -1 : 0;
}

static int each_set_up(void **state) {
    struct scene *scene = *state;
    clear_cache();
    *scene = (struct scene){.compute = scene->compute, .likeness = 1, .tier = "scalar"};
    return 0;
}

static int tear_down(void **state) {
    compute_destroy(((struct scene *)*state)->compute);
    clear_cache();
    return rmdir(folder);
}

static void test_packed_once(void **state) {
    struct stat first, second;
    char path[PATH_SIZE];
    expect(*state, "int8", cache_folder, PRECISION_INT8, true);
    assert_true(find_packed(path));
    assert_non_null(strstr(path, "/model-"));
    assert_int_equal(stat(path, &first), 0);
    assert_int_equal(stat(cache_folder, &second), 0);
    assert_int_equal(second.st_mode & 0777, 0700);
    expect(*state, "int8", cache_folder, PRECISION_INT8, false);
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(first.st_ino, second.st_ino);
}

static void test_f16_needs_no_rehearsal(void **state) {
    expect(*state, "f16", cache_folder, PRECISION_F16, false);
    expect(*state, "f16", cache_folder, PRECISION_F16, false);
}

static void test_f32_keeps_nothing(void **state) {
    char path[PATH_SIZE];
    expect(*state, "f32", cache_folder, PRECISION_F32, false);
    assert_false(find_packed(path));
}

static void test_auto_stays_at_f32_when_answers_suffer(void **state) {
    struct scene *scene = *state;
    struct stat status;
    char path[PATH_SIZE];
    scene->likeness = 0.98;
    expect(scene, "auto", cache_folder, PRECISION_F32, true);
    expect(scene, "auto", cache_folder, PRECISION_F32, false);  // remembered
    assert_true(find_packed(path));
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size < 4096);
    clear_cache();
    scene->likeness = 0.995;
    expect(scene, "auto", cache_folder, PRECISION_INT8, true);
    expect(scene, "auto", cache_folder, PRECISION_INT8, false);
}

static void test_a_verdict_is_of_one_tier(void **state) {
    struct scene *scene = *state;
    scene->likeness = 0.9;
    expect(scene, "auto", cache_folder, PRECISION_F32, true);
    scene->tier = "avx512vnni";
    scene->likeness = 1;
    expect(scene, "auto", cache_folder, PRECISION_INT8, true);
    expect(scene, "auto", cache_folder, PRECISION_INT8, false);
    scene->tier = "scalar";
    expect(scene, "auto", cache_folder, PRECISION_F32, false);
}

static void test_asked_for_by_name_it_is_used_all_the_same(void **state) {
    struct scene *scene = *state;
    scene->likeness = 0.5;
    expect(scene, "int8", cache_folder, PRECISION_INT8, true);
    assert_int_equal(scene->comparisons, 1);
}

static void test_failing_rehearsal(void **state) {
    struct scene *scene = *state;
    struct error err = {0};
    enum precision precision;
    char path[PATH_SIZE];
    scene->fails = true;
    expect(scene, "auto", cache_folder, PRECISION_F32, true);
    assert_false(find_packed(path));
    assert_null(load_at(scene, "int8", cache_folder, &precision, &err));
    assert_string_equal(err.text, "the rehearsal failed");
}

static void test_damaged_cache_is_packed_anew(void **state) {
    char path[PATH_SIZE];
    expect(*state, "int8", cache_folder, PRECISION_INT8, true);
    assert_true(find_packed(path));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    int descriptor = open(path, O_RDWR);
    unsigned char byte;
    assert_int_equal(pread(descriptor, &byte, 1, status.st_size / 2), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(descriptor, &byte, 1, status.st_size / 2), 1);
    (void)close(descriptor);
    expect(*state, "int8", cache_folder, PRECISION_INT8, true);
    expect(*state, "int8", cache_folder, PRECISION_INT8, false);
    assert_int_equal(truncate(path, status.st_size / 2), 0);
    expect(*state, "int8", cache_folder, PRECISION_INT8, true);
}

static void test_without_a_cache_folder(void **state) {
    char impossible[PATH_SIZE];
    expect(*state, "int8", NULL, PRECISION_INT8, true);
    (void)snprintf(impossible, sizeof impossible, "%s/vocab.json/cache", model_folder);
    expect(*state, "int8", impossible, PRECISION_INT8, true);
    expect(*state, "auto", impossible, PRECISION_INT8, true);
}

// What is in the way of the new file stands for a disk that is full or read-only.
static void test_file_that_cannot_be_written(void **state) {
    char path[PATH_SIZE], part[PATH_SIZE + 8];
    expect(*state, "int8", cache_folder, PRECISION_INT8, true);
    assert_true(find_packed(path));
    assert_int_equal(unlink(path), 0);
    (void)snprintf(part, sizeof part, "%s.part", path);
    assert_int_equal(mkdir(part, 0700), 0);
    expect(*state, "int8", cache_folder, PRECISION_INT8, true);
    assert_false(find_packed(path));
    assert_int_equal(rmdir(part), 0);
}

// Files in memory have the same limit.
static void test_no_room_anywhere(void **state) {
    struct rlimit before, limit;
    char path[PATH_SIZE];
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        limit = (struct rlimit){.rlim_cur = 10000, .rlim_max = before.rlim_max};
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        struct error err = {0};
        enum precision precision = PRECISION_INT8;
        struct clip *clip = load_at(*state, "auto", cache_folder, &precision, &err);
        _exit(clip != NULL && precision == PRECISION_F32 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_false(find_packed(path));
    expect(*state, "auto", cache_folder, PRECISION_INT8, true);
}

static void test_unknown_precision(void **state) {
    struct error err = {0};
    enum precision precision;
    assert_null(load_at(*state, "int4", cache_folder, &precision, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "int4"));
}

static void test_racing_starts_pack_once(void **state) {
    enum { CHILDREN = 4 };
    pid_t children[CHILDREN];
    int rehearsed = 0;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] != 0) continue;
        struct scene *scene = *state;
        enum precision precision;
        struct clip *clip = load_at(scene, "int8", cache_folder, &precision, NULL);
        _exit(clip != NULL && precision == PRECISION_INT8 ? scene->rehearsals : 9);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
        rehearsed += WEXITSTATUS(status);
    }
    assert_int_equal(rehearsed, 1);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup(function, each_set_up)
    const struct CMUnitTest tests[] = {
        TEST(test_packed_once),
        TEST(test_f16_needs_no_rehearsal),
        TEST(test_f32_keeps_nothing),
        TEST(test_auto_stays_at_f32_when_answers_suffer),
        TEST(test_a_verdict_is_of_one_tier),
        TEST(test_asked_for_by_name_it_is_used_all_the_same),
        TEST(test_failing_rehearsal),
        TEST(test_damaged_cache_is_packed_anew),
        TEST(test_without_a_cache_folder),
        TEST(test_file_that_cannot_be_written),
        TEST(test_no_room_anywhere),
        TEST(test_unknown_precision),
        TEST(test_racing_starts_pack_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
