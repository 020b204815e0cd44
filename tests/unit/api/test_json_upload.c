// JSON bodies of POST /images: every file of tests/suites/json_upload is sent as it is; the first
// three characters of its name are the status that must come back.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "fake_service.h"
#include "loopback.h"

enum { CASE_SIZE_MAX = 100 * 1000 };

static void send_case(const char *folder, const char *name) {
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    size_t size = 0;
    char *body = file_read_create(path, CASE_SIZE_MAX, &size, NULL);
    assert_non_null(body);
    int expected = (int)strtol(name, NULL, 10);
    fake_service_reset();
    struct answer answer =
        loopback_send("POST", "/images", "Content-Type: application/json\r\n", body, size);
    if (answer.status != expected)
        print_error("%s: expected %d, got %d: %s\n", name, expected, answer.status, answer.body);
    assert_int_equal(answer.status, expected);
    assert_string_equal(fake.called, expected == 200 ? "ingest_url" : "");
    if (expected != 200) {
        assert_problem(&answer, expected);
        const char *detail = answer_text(&answer, "detail");
        assert_int_equal(detail[strlen(detail) - 1], '.');  // a sentence
    }
    answer_clear(&answer);
    memory_free(body);
}

static void every_case_gets_its_status(void **state) {
    (void)state;
    const char *data = getenv("IMGROUTER_TEST_DATA");
    assert_non_null(data);
    char folder[1024];
    (void)snprintf(folder, sizeof folder, "%s/suites/json_upload", data);
    DIR *suite = opendir(folder);
    assert_non_null(suite);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(suite)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        send_case(folder, entry->d_name);
        count++;
    }
    closedir(suite);
    assert_true(count >= 50);  // an empty folder must not pass
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_case_gets_its_status, loopback_reset),
    };
    return cmocka_run_group_tests(tests, loopback_setup, loopback_teardown);
}
