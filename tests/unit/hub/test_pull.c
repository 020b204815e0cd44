// Pulling a model that is pinned to a commit with known hashes, from a small hub of our own. The
// many ways in which a hub misbehaves are tests/e2e/test_hub.py's.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "fetch/fetch.h"
#include "hub/hub.h"
#include "hub/hub_cache.h"

static const char pinned[] = "0123456789abcdef0123456789abcdef01234567";
static const char newer[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char sha256_of_abc[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char git_hash_of_abc[] = "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f";
static const char other_sha256[] =
    "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d";

static int listener;
static pthread_t thread;
static const char *main_commit;  // what the hub's main branch is
static char root[64];
static struct hub_settings settings;

// Every file of the repository holds "abc"; weights are tagged with SHA-256, the others as git
// does.
static void answer(int client, const char *request) {
    char method[8], revision[64], path[64], text[512];
    if (sscanf(request, "%7s /org/name/resolve/%63[^/]/%63s", method, revision, path) != 3) return;
    const char *commit = strcmp(revision, "main") == 0 ? main_commit : revision;
    bool is_weights = strstr(path, ".bin") != NULL;
    if (strcmp(path, "vocab.json") == 0)
        (void)snprintf(text, sizeof text,
                       "HTTP/1.1 404 Not Found\r\nX-Repo-Commit: %s\r\n"
                       "X-Error-Code: EntryNotFound\r\nContent-Length: 0\r\n\r\n",
                       commit);
    else
        (void)snprintf(text, sizeof text,
                       "HTTP/1.1 200 OK\r\nX-Repo-Commit: %s\r\nETag: \"%s\"\r\n"
                       "Content-Length: 3\r\nConnection: close\r\n\r\n%s",
                       commit, is_weights ? sha256_of_abc : git_hash_of_abc,
                       strcmp(method, "HEAD") == 0 ? "" : "abc");
    (void)!send(client, text, strlen(text), MSG_NOSIGNAL);
}

static void *serve(void *context) {
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) return context;
        char request[2048];
        ssize_t got = recv(client, request, sizeof request - 1, 0);
        request[got > 0 ? got : 0] = '\0';
        answer(client, request);
        close(client);
    }
}

static int start(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    (void)snprintf(settings.endpoint, sizeof settings.endpoint, "http://127.0.0.1:%d",
                   ntohs(address.sin_port));
    setenv("no_proxy", "127.0.0.1", 1);
    if (!fetch_global_init(NULL)) return -1;
    return pthread_create(&thread, NULL, serve, NULL);
}

static int stop(void **state) {
    (void)state;
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    fetch_global_cleanup();
    return 0;
}

static int make_root(void **state) {
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/imgrouter-pull-XXXXXX");
    if (mkdtemp(root) == NULL) return -1;
    (void)snprintf(settings.cache, sizeof settings.cache, "%s/hub", root);
    main_commit = pinned;
    return 0;
}

static int remove_root(void **state) {
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static struct hub_file files[] = {
    {"vocab.json", HUB_OPTIONAL, 0, NULL},
    {"config.json", HUB_CONFIG, 3, sha256_of_abc},  // checked although its tag is git's
    {"merges.txt", HUB_NEEDED, 0, NULL},
    {"pytorch_model.bin", HUB_WEIGHTS, 3, sha256_of_abc},
};
static const struct hub_model model = {.repository = "org/name",
                                       .folder = "name",
                                       .commit = pinned,
                                       .files = files,
                                       .file_count = sizeof files / sizeof *files};

static bool pull(hub_progress *progress, struct error *err) {
    struct hub_pull request = {
        .settings = &settings, .model = &model, .progress = progress, .connect_timeout_ms = 5000};
    *err = (struct error){0};
    return hub_pull_model(&request, err);
}

static void check_snapshot(void) {
    char folder[HUB_PATH_SIZE];
    struct error err = {0};
    size_t checked;
    if (!hub_locate(&settings, &model, NULL, folder, &err)) fail_msg("%s", err.text);
    assert_non_null(strstr(folder, pinned));
    assert_true(hub_verify(&model, folder, &checked, NULL, NULL, &err));
    assert_int_equal(checked, 3);
}

static void test_main_is_the_pinned_commit(void **state) {
    (void)state;
    char repository[HUB_PATH_SIZE], commit[HUB_COMMIT_SIZE];
    struct error err;
    if (!pull(NULL, &err)) fail_msg("%s", err.text);
    check_snapshot();
    assert_true(cache_repository_path(&settings, &model, repository, NULL));
    assert_true(cache_read_main(repository, commit));
    assert_string_equal(commit, pinned);
    assert_true(pull(NULL, &err));  // and once more over what is there
}

static void test_main_has_moved_on(void **state) {
    (void)state;
    char repository[HUB_PATH_SIZE], commit[HUB_COMMIT_SIZE];
    struct error err;
    main_commit = newer;
    if (!pull(NULL, &err)) fail_msg("%s", err.text);
    check_snapshot();
    assert_true(cache_repository_path(&settings, &model, repository, NULL));
    assert_false(cache_read_main(repository, commit));  // refs/main would be a lie
}

static void test_other_files_than_the_catalogs(void **state) {
    (void)state;
    struct error err;
    for (size_t i = 1; i < 4; i += 2) {
        files[i].sha256_hex = other_sha256;
        assert_false(pull(NULL, &err));
        files[i].sha256_hex = sha256_of_abc;
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, files[i].path));
        files[i].size_bytes = 4;
        assert_false(pull(NULL, &err));
        files[i].size_bytes = 3;
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_true(pull(NULL, &err));
        assert_int_equal(remove_root(NULL), 0);
        assert_int_equal(make_root(NULL), 0);
    }
}

static bool stop_at_weights(void *context, const char *file, int64_t done, int64_t total) {
    (void)context;
    assert_true(done <= total);
    return strcmp(file, "pytorch_model.bin") != 0;
}

static void test_progress_may_stop(void **state) {
    (void)state;
    char folder[HUB_PATH_SIZE];
    struct error err;
    assert_false(pull(stop_at_weights, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_false(hub_locate(&settings, &model, NULL, folder, NULL));
    assert_true(pull(NULL, &err));
    check_snapshot();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_main_is_the_pinned_commit, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_main_has_moved_on, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_other_files_than_the_catalogs, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_progress_may_stop, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
