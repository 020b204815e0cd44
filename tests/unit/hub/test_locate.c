// Finding models in a cache and in a plain folder, and checking their files.
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
#include "hub/hub_cache.h"

static const char commit[] = "0123456789abcdef0123456789abcdef01234567";
static const char other_commit[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char sha256_of_abc[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
// git hash-object of "abc" without a line end
static const char git_hash_of_abc[] = "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f";

static const struct hub_file files[] = {
    {"config.json", HUB_CONFIG, 0, NULL},
    {"open_clip_config.json", HUB_CONFIG, 0, NULL},
    {"merges.txt", HUB_NEEDED, 0, NULL},
    {"vocab.json", HUB_OPTIONAL, 0, NULL},
    {"open_clip_model.safetensors", HUB_WEIGHTS, 3, sha256_of_abc},
    {"pytorch_model.bin", HUB_WEIGHTS, 0, NULL},
};
static const struct hub_model model = {.repository = "org/name",
                                       .folder = "name",
                                       .commit = commit,
                                       .files = files,
                                       .file_count = sizeof files / sizeof *files};
static struct hub_settings settings;
static char root[64];

static void put(const char *folder, const char *name, const char *text) {
    char path[HUB_PATH_SIZE];
    assert_true(folder_create(folder, NULL));
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_true(file_write_atomic(path, text, strlen(text), NULL));
}

static void drop(const char *folder, const char *name) {
    char path[HUB_PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

static void look(const char *models_folder, const char *expected, const char *part) {
    char found[HUB_PATH_SIZE];
    struct error err = {0};
    bool is_found = hub_locate(&settings, &model, models_folder, found, &err);
    if (expected != NULL) {
        if (!is_found) fail_msg("%s", err.text);
        assert_string_equal(found, expected);
        return;
    }
    assert_false(is_found);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    if (strstr(err.text, part) == NULL) fail_msg("\"%s\" does not say %s", err.text, part);
}

static int make_root(void **state) {
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/imgrouter-hub-XXXXXX");
    if (mkdtemp(root) == NULL) return -1;
    (void)snprintf(settings.cache, sizeof settings.cache, "%s/hub", root);
    return 0;
}

static int remove_root(void **state) {
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static void test_plain_folder(void **state) {
    (void)state;
    char folder[HUB_PATH_SIZE];
    (void)snprintf(folder, sizeof folder, "%s/name", root);
    look(root, NULL, "no merges.txt");
    put(folder, "merges.txt", "");
    look(root, NULL, "no config.json");
    put(folder, "open_clip_config.json", "{}");
    look(root, NULL, "no open_clip_model.safetensors");
    put(folder, "pytorch_model.bin", "");
    look(root, folder, NULL);  // any of the weights will do, and either configuration
    drop(folder, "merges.txt");
    look(root, NULL, "no merges.txt");
}

static void test_cache(void **state) {
    (void)state;
    char repository[HUB_PATH_SIZE], pinned[HUB_PATH_SIZE], of_main[HUB_PATH_SIZE], found[64];
    assert_true(cache_repository_path(&settings, &model, repository, NULL));
    (void)snprintf(pinned, sizeof pinned, "%s/snapshots/%s", repository, commit);
    (void)snprintf(of_main, sizeof of_main, "%s/snapshots/%s", repository, other_commit);
    look(NULL, NULL, "imgrouter models pull");
    look(NULL, NULL, settings.cache);
    // What Python tools left there under refs/main is taken as it is.
    put(of_main, "merges.txt", "");
    put(of_main, "config.json", "{}");
    put(of_main, "pytorch_model.bin", "");
    look(NULL, NULL, "imgrouter models pull");
    assert_true(cache_write_main(repository, other_commit, NULL));
    assert_true(cache_read_main(repository, found));
    assert_string_equal(found, other_commit);
    look(NULL, of_main, NULL);
    // The pinned commit is preferred once it is whole.
    put(pinned, "merges.txt", "");
    put(pinned, "config.json", "{}");
    look(NULL, of_main, NULL);
    put(pinned, "open_clip_model.safetensors", "abc");
    look(NULL, pinned, NULL);
    drop(pinned, "merges.txt");
    drop(of_main, "merges.txt");
    look(NULL, NULL, "no merges.txt");
}

static void test_refs_that_are_none(void **state) {
    (void)state;
    static const char *const bad[] = {"", "main", "../../../etc", "0123", "0123456789ABCDEF"};
    char repository[HUB_PATH_SIZE], folder[HUB_PATH_SIZE], found[HUB_COMMIT_SIZE];
    assert_true(cache_repository_path(&settings, &model, repository, NULL));
    assert_false(cache_read_main(repository, found));
    (void)snprintf(folder, sizeof folder, "%s/refs", repository);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(folder, "main", bad[i]);
        assert_false(cache_read_main(repository, found));
    }
    put(folder, "main", "0123456789abcdef0123456789abcdef01234567\n");
    assert_true(cache_read_main(repository, found));
    assert_string_equal(found, commit);
}

static void test_tags_that_are_none(void **state) {
    (void)state;
    char long_tag[HUB_ETAG_SIZE + 1];
    memset(long_tag, 'a', sizeof long_tag - 1);
    long_tag[sizeof long_tag - 1] = '\0';
    assert_true(cache_etag_is_valid(sha256_of_abc));
    assert_true(cache_etag_is_valid("abc-5"));
    assert_false(cache_etag_is_valid(""));
    assert_false(cache_etag_is_valid(".."));
    assert_false(cache_etag_is_valid("a/b"));
    assert_false(cache_etag_is_valid(long_tag));
}

static bool stop_at_once(void *context, const char *file, int64_t done, int64_t total) {
    (void)context;
    (void)file;
    (void)done;
    (void)total;
    return false;
}

static void test_verify(void **state) {
    (void)state;
    char folder[HUB_PATH_SIZE];
    size_t checked;
    struct error err = {0};
    (void)snprintf(folder, sizeof folder, "%s/name", root);
    put(folder, "merges.txt", "");
    put(folder, "open_clip_model.safetensors", "abc");
    assert_true(hub_verify(&model, folder, &checked, NULL, NULL, &err));
    assert_int_equal(checked, 1);  // of merges.txt no hash is known
    assert_false(hub_verify(&model, folder, &checked, stop_at_once, NULL, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    static const char *const wrong[] = {"abd", "ab", "abcd", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err = (struct error){0};
        put(folder, "open_clip_model.safetensors", wrong[i]);
        assert_false(hub_verify(&model, folder, &checked, NULL, NULL, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, "open_clip_model.safetensors"));
    }
}

static void test_verify_by_the_names_of_blobs(void **state) {
    (void)state;
    char repository[HUB_PATH_SIZE], blobs[HUB_PATH_SIZE], snapshot[HUB_PATH_SIZE];
    size_t checked;
    struct error err = {0};
    assert_true(cache_repository_path(&settings, &model, repository, NULL));
    (void)snprintf(blobs, sizeof blobs, "%s/blobs", repository);
    // Another commit than the catalog's: its weights may differ from the catalog's line.
    (void)snprintf(snapshot, sizeof snapshot, "%s/snapshots/%s", repository, other_commit);
    put(blobs, git_hash_of_abc, "abc");
    put(blobs, sha256_of_abc, "abc");
    assert_true(cache_link(repository, other_commit, "merges.txt", git_hash_of_abc, NULL));
    assert_true(cache_link(repository, other_commit, "pytorch_model.bin", sha256_of_abc, NULL));
    put(blobs, "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d", "b");
    assert_true(cache_link(repository, other_commit, "open_clip_model.safetensors",
                           "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d",
                           NULL));
    if (!hub_verify(&model, snapshot, &checked, NULL, NULL, &err)) fail_msg("%s", err.text);
    assert_int_equal(checked, 3);
    put(blobs, git_hash_of_abc, "abd");
    assert_false(hub_verify(&model, snapshot, &checked, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "merges.txt"));
}

// Writes a demo model that has everything into PARENT/<its folder>.
static void put_demo(const char *parent, const struct hub_model *demo, char *folder) {
    (void)snprintf(folder, HUB_PATH_SIZE, "%s/%s", parent, demo->folder);
    put(folder, "config.json", "{}");
    put(folder, "model.safetensors", "");
    put(folder, demo->purpose == HUB_CAPTION ? "vocab.txt" : "merges.txt", "");
}

static void look_for_demo(const struct hub_model *demo, const char *demo_folder,
                          const char *program, const char *expected, const char *part) {
    char found[HUB_PATH_SIZE];
    struct error err = {0};
    bool is_found = hub_locate_demo(demo, demo_folder, program, found, &err);
    if (expected != NULL) {
        if (!is_found) fail_msg("%s", err.text);
        assert_string_equal(found, expected);
        return;
    }
    assert_false(is_found);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    if (strstr(err.text, part) == NULL) fail_msg("\"%s\" does not say %s", err.text, part);
}

static void test_demo_models_beside_the_program(void **state) {
    (void)state;
    char bin[HUB_PATH_SIZE], program[HUB_PATH_SIZE], link[HUB_PATH_SIZE], parent[HUB_PATH_SIZE];
    char in_tree[HUB_PATH_SIZE], installed[HUB_PATH_SIZE], other[HUB_PATH_SIZE];
    const struct hub_model *demo = hub_demo_model(HUB_CAPTION);
    const struct hub_model *other_demo = hub_demo_model(HUB_EMBEDDING);
    (void)snprintf(bin, sizeof bin, "%s/build", root);
    put(bin, "imgrouter", "");
    (void)snprintf(program, sizeof program, "%s/imgrouter", bin);
    look_for_demo(demo, NULL, program, NULL, "models/demo or ");
    look_for_demo(demo, NULL, "/nowhere/imgrouter", NULL, "--demo-models");

    (void)snprintf(parent, sizeof parent, "%s/share/imgrouter/models/demo", root);
    put_demo(parent, demo, installed);
    look_for_demo(demo, NULL, program, installed, NULL);
    look_for_demo(other_demo, NULL, program, NULL, "no whole imgrouter-demo-clip");
    put_demo(parent, other_demo, other);
    look_for_demo(other_demo, NULL, program, other, NULL);

    (void)snprintf(parent, sizeof parent, "%s/models/demo", root);
    put_demo(parent, demo, in_tree);
    look_for_demo(demo, NULL, program, in_tree, NULL);
    drop(in_tree, "model.safetensors");
    look_for_demo(demo, NULL, program, installed, NULL);

    // Started through a link elsewhere, the program's own place counts.
    (void)snprintf(link, sizeof link, "%s/elsewhere", root);
    assert_int_equal(symlink(program, link), 0);
    look_for_demo(demo, NULL, link, installed, NULL);
}

static void test_demo_models_in_a_folder_that_is_named(void **state) {
    (void)state;
    char folder[HUB_PATH_SIZE];
    const struct hub_model *demo = hub_demo_model(HUB_EMBEDDING);
    look_for_demo(demo, root, "/nowhere/imgrouter", NULL, "merges.txt");
    put_demo(root, demo, folder);
    look_for_demo(demo, root, "/nowhere/imgrouter", folder, NULL);
    drop(folder, "config.json");
    look_for_demo(demo, root, "/nowhere/imgrouter", NULL, "config.json");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain_folder, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_cache, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_refs_that_are_none, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_tags_that_are_none, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_demo_models_beside_the_program, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(test_demo_models_in_a_folder_that_is_named, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(test_verify, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_verify_by_the_names_of_blobs, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
