// How long the hub asks us to wait, and where its token may go.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fetch/fetch_trusted.h"
#include "hub/hub_reply.h"

static void test_waits(void **state) {
    (void)state;
    assert_int_equal(reply_wait_seconds(NULL, NULL), -1);
    assert_int_equal(reply_wait_seconds("7", NULL), 7);
    assert_int_equal(reply_wait_seconds("0", NULL), 0);
    assert_int_equal(reply_wait_seconds(NULL, "\"resolvers\";r=0;t=113"), 113);
    assert_int_equal(reply_wait_seconds("5", "\"resolvers\";r=0;t=113"), 5);
    assert_int_equal(reply_wait_seconds("Wed, 21 Oct 2026 07:28:00 GMT", "\"x\";r=0;t=9"), 9);
    assert_int_equal(reply_wait_seconds("-4", NULL), -1);
    assert_int_equal(reply_wait_seconds("", ""), -1);
    assert_int_equal(reply_wait_seconds(NULL, "\"resolvers\";r=0"), -1);
    assert_int_equal(reply_wait_seconds(NULL, ";t="), -1);
    assert_true(reply_wait_seconds("99999999999999999999999", NULL) > 300);
}

static void test_origins(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } table[] = {
        {"https://huggingface.co", "https://huggingface.co/a/b?c", true},
        {"https://huggingface.co", "https://HuggingFace.co:443/a", true},
        {"https://huggingface.co", "http://huggingface.co/", false},
        {"https://huggingface.co", "https://huggingface.co:8443/", false},
        {"https://huggingface.co", "https://cdn.huggingface.co/", false},
        {"https://huggingface.co", "https://huggingface.co.evil.example/", false},
        {"https://huggingface.co", "https://huggingface.co@evil.example/", false},
        {"https://huggingface.co", "https://evil.example/huggingface.co", false},
        {"http://127.0.0.1:1", "http://127.0.0.1:2", false},
        {"http://127.0.0.1:1", "http://127.0.0.1:1/x", true},
        {"nothing", "nothing", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (url_has_same_origin(table[i].a, table[i].b) != table[i].is_same)
            fail_msg("%s and %s", table[i].a, table[i].b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
