// What is refused before anything is sent: schemes, credentials, ports, names that lead home, and
// the odd spellings of the same.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fetch/public_url.h"

struct spelling {
    const char *url;
    const char *reason;  // a part of the sentence; NULL: accepted
};

static const char network[] = "private or local network";
static const char no_url[] = "not a valid URL";

static void check(const struct spelling *spelling, bool allows_private) {
    struct error err = {0};
    CURLU *parsed = public_url_create(spelling->url, allows_private, &err);
    bool is_accepted = parsed != NULL;
    curl_url_cleanup(parsed);
    if (is_accepted != (spelling->reason == NULL))
        fail_msg("%s: %s", spelling->url, is_accepted ? "accepted" : err.text);
    if (is_accepted) return;
    assert_int_equal(err.kind, ERROR_INVALID);
    if (strstr(err.text, spelling->reason) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", spelling->url, err.text, spelling->reason);
}

static void test_public_spellings(void **state) {
    (void)state;
    static const struct spelling table[] = {
        {"http://example.org/a.jpg", NULL},
        {"https://example.org/a.jpg?x=1#part", NULL},
        {"HTTPS://EXAMPLE.org:443/", NULL},
        {"http://example.org:80", NULL},
        {"https://example.org:80/", NULL},
        {"http://8.8.8.8/a.png", NULL},
        {"http://[2606:4700:4700::1111]/a.png", NULL},
        {"http://example.org/b\xc3\xbc"
         "cher.jpg",
         NULL},
        {"http://localhost.example.org/", NULL},
        {"http://internal.example.org/", NULL},
        {"", "https://"},  // libcurl since 8.x: no URL; before: no scheme
        {"example.org/a.jpg", "http:// or https://"},
        {"//example.org/a.jpg", "http:// or https://"},
        {"/etc/hostname", "http:// or https://"},
        {"file:///etc/hostname", "http:// or https://"},
        {"file://localhost/etc/hostname", "http:// or https://"},
        {"ftp://example.org/a.jpg", "http:// or https://"},
        {"gopher://example.org:70/_x", "http:// or https://"},
        {"dict://127.0.0.1:11211/stat", "http:// or https://"},
        {"data:image/png;base64,iVBORw0KGgo=", "http:// or https://"},
        {"javascript:alert(1)", "http:// or https://"},
        {"http://user@example.org/", "user name or password"},
        {"http://user:secret@example.org/", "user name or password"},
        {"http://good.example@127.0.0.1/", "user name or password"},
        {"http://@127.0.0.1/", "user name or password"},
        {"http://example.org:8080/", "port 8080"},
        {"http://example.org:22/", "port 22"},
        {"https://example.org:0/", "port"},
        {"http://example.org:99999/", no_url},
        {"http://example.org:80x/", no_url},
        {"http://", no_url},
        {"http://exa mple.org/", "blank"},
        {" http://example.org/", "blank"},
        {"http://example.org/ ", "blank"},
        {"http://example.org/\r\nHost: x", "blank"},
        {"http://exam\tple.org/", "blank"},
        {"http:\\\\127.0.0.1\\a", "blank"},
        {"http://example.org\\@127.0.0.1/", "blank"},
        {"http://\x7f/", "blank"},
        {"http://\xef\xbd\x8c\xef\xbd\x8f.org/", "ASCII"},
        {"http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", "ASCII"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) check(&table[i], false);
}

static void test_ways_home(void **state) {
    (void)state;
    static const struct spelling table[] = {
        {"http://127.0.0.1/", network},
        {"http://127.1/", network},
        {"http://0x7f000001/", network},
        {"http://0x7f.1/", network},
        {"http://2130706433/", network},
        {"http://0177.0.0.1/", network},
        {"http://0/", network},
        {"http://0.0.0.0/", network},
        {"http://10.0.0.1/", network},
        {"http://172.16.0.1/", network},
        {"http://192.168.1.1/", network},
        {"http://169.254.169.254/latest/meta-data/", network},
        {"http://100.100.100.200/", network},
        {"http://168.63.129.16/", network},
        {"http://[::1]/", network},
        {"http://[::]/", network},
        {"http://[::ffff:127.0.0.1]/", network},
        {"http://[::ffff:7f00:1]/", network},
        {"http://[::127.0.0.1]/", network},
        {"http://[64:ff9b::7f00:1]/", network},
        {"http://[2002:7f00:1::]/", network},
        {"http://[2001:0:808:808::]/", network},
        {"http://[fd00:ec2::254]/", network},
        {"http://[fe80::1%25eth0]/", network},
        {"http://[fe80::1]/", network},
        {"http://%31%32%37.0.0.1/", network},
        {"http://localhost/", network},
        {"http://LocalHost/", network},
        {"http://%6cocalhost/", network},
        {"http://localhost./", network},
        {"http://127.0.0.1./", network},
        {"http://a.localhost/", network},
        {"http://printer.local/", network},
        {"http://metadata.google.internal/", network},
        {"http://metadata.google.internal./", network},
        {"http://metadata.amazonaws.com/", network},
        {"http://127.0.0.1#@example.org/", network},
        {"http://127.0.0.1?@example.org/", network},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) check(&table[i], false);
}

static void test_allowing_private_lifts_addresses_and_ports_only(void **state) {
    (void)state;
    static const struct spelling table[] = {
        {"http://127.0.0.1:8080/", NULL},
        {"http://localhost:9/", NULL},
        {"http://[::1]:8080/", NULL},
        {"http://printer.local/", NULL},
        {"file:///etc/hostname", "http:// or https://"},
        {"http://user:secret@127.0.0.1/", "user name or password"},
        {"http://127.0.0.1/\n", "blank"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) check(&table[i], true);
}

static void test_long_address(void **state) {
    (void)state;
    static char url[20000];
    memset(url, 'a', sizeof url - 1);
    memcpy(url, "http://example.org/", 19);
    struct error err = {0};
    assert_null(public_url_create(url, false, &err));
    assert_non_null(strstr(err.text, "longer than"));
}

static void test_downgrade(void **state) {
    (void)state;
    CURLU *plain = public_url_create("http://example.org/", false, NULL);
    CURLU *secure = public_url_create("https://example.org/", false, NULL);
    assert_true(public_url_is_downgrade(secure, plain));
    assert_false(public_url_is_downgrade(plain, secure));
    assert_false(public_url_is_downgrade(plain, plain));
    assert_false(public_url_is_downgrade(secure, secure));
    curl_url_cleanup(plain);
    curl_url_cleanup(secure);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_spellings),
        cmocka_unit_test(test_ways_home),
        cmocka_unit_test(test_allowing_private_lifts_addresses_and_ports_only),
        cmocka_unit_test(test_long_address),
        cmocka_unit_test(test_downgrade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
