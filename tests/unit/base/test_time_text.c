// Dates and times of requests.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time_text.h"

static void times_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01", 0},
        {"2000-02-29", 951782400000},
        {"2026-11-25T04:05:06Z", 1795579506000},
        {"2026-11-25t04:05:06.789z", 1795579506789},
        {"2026-11-25 04:05:06.7891234Z", 1795579506789},
        {"2026-11-25T06:35:06+02:30", 1795579506000},
        {"2026-11-25T06:35:06 02:30", 1795579506000},
        {"2026-11-24T23:05:06-05:00", 1795579506000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms;
        if (!time_text_read(cases[i].text, &ms)) fail_msg("%s", cases[i].text);
        if (ms != cases[i].ms) fail_msg("%s: %lld", cases[i].text, (long long)ms);
    }
}

static void anything_else_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "2026",
                                        "2026-1-1",
                                        "2026-13-01",
                                        "2026-00-01",
                                        "2026-02-29",
                                        "2026-01-32",
                                        "1969-12-31",
                                        "2026-01-01T",
                                        "2026-01-01T10:00Z",
                                        "2026-01-01T10:00:00",
                                        "2026-01-01T24:00:00Z",
                                        "2026-01-01T10:60:00Z",
                                        "2026-01-01T10:00:00.Z",
                                        "2026-01-01T10:00:00Zx",
                                        "2026-01-01T10:00:00+2:00",
                                        "2026-01-01T10:00:00.1234567890Z",
                                        "1970-01-01T00:00:00+01:00",
                                        " 2026-01-01",
                                        "2026-01-01 ",
                                        "+2026-01-01",
                                        "now"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t ms;
        if (time_text_read(wrong[i], &ms)) fail_msg("%s was read", wrong[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
