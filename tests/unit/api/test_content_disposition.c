// Names of files in headers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/content_disposition.h"

#define PLAIN(extension) "inline; filename=\"0123456789abcdef." extension "\""

static void check(const char *name, const char *extension, const char *expected) {
    char text[CONTENT_DISPOSITION_SIZE];
    content_disposition_write("0123456789abcdef", name, extension, text);
    assert_string_equal(text, expected);
}

static void names_are_kept(void **state) {
    (void)state;
    check("", "jpg", PLAIN("jpg"));
    check("cat.jpg", "jpg", PLAIN("jpg") "; filename*=UTF-8''cat.jpg");
    check("CAT.JPEG", "jpg", PLAIN("jpg") "; filename*=UTF-8''CAT.JPEG");
    check("my \xc3\xb6.png", "png", PLAIN("png") "; filename*=UTF-8''my%20%C3%B6.png");
}

static void names_are_made_harmless(void **state) {
    (void)state;
    check("a\r\nSet-Cookie: x=\"1\";.png", "png",
          PLAIN("png") "; filename*=UTF-8''aSet-Cookie%3A%20x%3D%221%22%3B.png");
    check("../../etc/passwd", "png", PLAIN("png") "; filename*=UTF-8''passwd.png");
    check("C:\\holiday\\a.png", "png", PLAIN("png") "; filename*=UTF-8''a.png");
    check("..", "png", PLAIN("png"));
    check("folder/", "png", PLAIN("png"));
    check(".png", "png", PLAIN("png") "; filename*=UTF-8''png.png");
    check("page.html", "gif", PLAIN("gif") "; filename*=UTF-8''page.html.gif");
    check("a.jpeg", "png", PLAIN("png") "; filename*=UTF-8''a.jpeg.png");
}

static void long_names_fit(void **state) {
    (void)state;
    char name[3000], text[CONTENT_DISPOSITION_SIZE];
    memset(name, 0xc3, sizeof name - 1);
    for (size_t size = 1; size < sizeof name; size++) {
        name[sizeof name - 1] = '\0';
        content_disposition_write("0123456789abcdef", name + sizeof name - 1 - size, "webp", text);
        assert_true(strlen(text) < sizeof text);
    }
    name[255] = '\0';  // the longest that is stored keeps its extension
    content_disposition_write("0123456789abcdef", name, "webp", text);
    assert_string_equal(text + strlen(text) - 8, "%C3.webp");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_kept),
        cmocka_unit_test(names_are_made_harmless),
        cmocka_unit_test(long_names_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
