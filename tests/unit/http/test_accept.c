// What Accept headers say, well-formed ones and others.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/accept.h"

// The two types of /metrics.
static void check(const char *accept, double open, bool open_is_named, double plain) {
    struct http_acceptance found =
        http_accept_read(accept, "application/openmetrics-text", "1.0.0");
    struct http_acceptance other = http_accept_read(accept, "text/plain", "0.0.4");
    if (found.quality != open || found.is_named != open_is_named || other.quality != plain)
        fail_msg("%s: %g %d, %g", accept == NULL ? "none" : accept, found.quality, found.is_named,
                 other.quality);
}

static void test_well_formed(void **state) {
    (void)state;
    check(NULL, 1, false, 1);
    check("*/*", 1, false, 1);
    check("text/plain", 0, false, 1);
    check("application/openmetrics-text", 1, true, 0);
    check("APPLICATION/OpenMetrics-Text ; Version=1.0.0 ; Q=0.5 , text/*;q=0.25", 0.5, true, 0.25);
    check("application/*;q=0.5", 0.5, false, 0);
    check("application/openmetrics-text;version=0.0.1", 0, false, 0);
    check("application/openmetrics-text;version=\"1.0.0\"", 1, true, 0);
    check("text/plain;version=1.0.0,*/*;q=0.125", 0.125, false, 0.125);
    // The most exact range counts, wherever it stands and however little it gives.
    check("text/plain;q=0, */*", 1, false, 0);
    check("*/*;q=0.5, text/plain;q=0.25, text/*", 0.5, false, 0.25);
    check("text/plain;version=0.0.4;q=0.25, text/plain", 0, false, 0.25);
    check("text/plain;q=1.000, application/openmetrics-text;q=0.125", 0.125, true, 1);
}

static void test_what_prometheus_sends(void **state) {
    (void)state;
    check(
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
        "escaping=allow-utf-8;q=0.25,text/plain;version=0.0.4;q=0.125,*/*;q=0.125",
        0.5, true, 0.125);
}

static void test_malformed(void **state) {
    (void)state;
    check("", 0, false, 0);
    check(",,;q=1,", 0, false, 0);
    check("text", 0, false, 0);
    check("text/plain;q=2", 0, false, 0);
    check("text/plain;q=1.5", 0, false, 0);
    check("text/plain;q=-1", 0, false, 0);
    check("text/plain;q=0.12345", 0, false, 0);
    check("text/plain;q=.5", 0, false, 0);
    check("text/plain;q=", 0, false, 0);
    check("text/plain;q", 0, false, 0);
    check("text/plain;", 0, false, 1);
    check("text/plain;x=\"a,b;q=0\"", 0, false, 1);
    check("text/plain;x=\"open, application/openmetrics-text", 0, false, 1);
    check("text/plain;x=\"\\\"", 0, false, 1);
    check("text/plainer, atext/plain, text/plai, */plain", 0, false, 0);
    check("text/plain;q=nan, \xff\xfe/\x01", 0, false, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well_formed),
        cmocka_unit_test(test_what_prometheus_sends),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
