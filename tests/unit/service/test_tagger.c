// Tags: the file of labels, and which of them a picture is given.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "service_fixture.h"
#include "store/tags.h"

static void test_suite_case(const char *path, const char *expected) {
    struct label_list list;
    struct error err = {0};
    char message[ERROR_TEXT_SIZE + 16];
    bool is_read = label_list_read(&list, path, &err);
    (void)snprintf(message, sizeof message, is_read ? "ok %zu" : "%zu: %s", list.count, err.text);
    if (is_read ? strcmp(message, expected) != 0 : strstr(err.text, expected) == NULL)
        fail_msg("%s: \"%s\" instead of \"%s\"", path, message, expected);
    if (!is_read) assert_int_equal(err.kind, ERROR_INVALID);
    label_list_clear(&list);
}

static void the_suite_is_read_as_expected(void **state) {
    (void)state;
    char suite[256], path[600];
    (void)snprintf(suite, sizeof suite, "%s/suites/labels", getenv("IMGROUTER_TEST_DATA"));
    DIR *folder = opendir(suite);
    assert_non_null(folder);
    struct dirent *entry;
    size_t count = 0;
    while ((entry = readdir(folder)) != NULL) {
        char *end = strstr(entry->d_name, ".txt");
        if (end == NULL) continue;
        size_t size;
        (void)snprintf(path, sizeof path, "%s/%.*s.expected", suite, (int)(end - entry->d_name),
                       entry->d_name);
        char *expected = file_read_create(path, 1000, &size, NULL);
        assert_non_null(expected);
        expected[size - 1] = '\0';
        (void)snprintf(path, sizeof path, "%s/%s", suite, entry->d_name);
        test_suite_case(path, expected);
        memory_free(expected);
        count++;
    }
    (void)closedir(folder);
    assert_true(count >= 20);
}

static void what_is_asked_is_kept(void **state) {
    (void)state;
    static const char text[] = "dog\nmouse = a mouse, the animal\n";
    struct label_list list;
    struct error err = {0};
    assert_true(label_list_parse(&list, text, strlen(text), "here", &err));
    assert_string_equal(list.labels[0].tag, "dog");
    assert_string_equal(list.labels[0].text, "a picture of dog");
    assert_string_equal(list.labels[1].tag, "mouse");
    assert_string_equal(list.labels[1].text, "a mouse, the animal");
    label_list_clear(&list);
}

static void a_file_that_is_not_there_is_told(void **state) {
    (void)state;
    struct label_list list;
    struct error err = {0};
    assert_false(label_list_read(&list, "/nonexistent/labels", &err));
    assert_non_null(strstr(err.text, "/nonexistent/labels"));
    label_list_clear(&list);
}

// The tags of a picture of this colour: the fake engine's space has an axis for each of red, green
// and blue, and a text lies on those that it names.
static void expect_tags(const char *labels, const uint8_t colour[3], const char *already,
                        const char *expected) {
    struct error err = {0};
    struct engine *engine = fake_engine_reset();
    fake_engine.info.logit_scale = 100;
    struct label_list list;
    assert_true(label_list_parse(&list, labels, strlen(labels), "here", &err));
    struct relevance *relevance = relevance_create(engine, &err);
    struct tagger *tagger = tagger_create(engine, relevance, &list, &err);
    if (tagger == NULL) fail_msg("%s", err.text);
    struct embedding picture = {.width = FAKE_WIDTH};
    fake_engine_vector(colour[0], colour[1], colour[2], picture.values);
    char tags[STORE_TAGS_SIZE];
    (void)snprintf(tags, sizeof tags, "%s", already);
    if (!tagger_add(tagger, &picture, tags, &err)) fail_msg("%s", err.text);
    assert_string_equal(tags, expected);
    tagger_destroy(tagger);
    relevance_destroy(relevance);
    label_list_clear(&list);
}

// Many captions of the bank name one colour, hardly any names two, so two tell a picture from them.
static const uint8_t yellow[] = {255, 255, 0}, red[] = {255, 0, 0}, black[] = {0, 0, 0};

static void only_what_fits_is_a_tag(void **state) {
    (void)state;
    expect_tags("lemon = red green\nsea = green blue\nhouse\n", yellow, "", "lemon");
    expect_tags("house\nboat\n", yellow, "", "");
    expect_tags("lemon = red green\nhouse\n", black, "", "");
    expect_tags("tomato = red\n", red, "", "");  // as well as half of the bank
}

static void they_come_behind_those_that_are_there(void **state) {
    (void)state;
    expect_tags("lemon = red green\nsun = red green\n", yellow, "holiday", "holiday\nlemon\nsun");
    expect_tags("lemon = red green\n", yellow, "lemon", "lemon");  // once
}

static void a_part_of_another_tag_must_fit_clearly_better(void **state) {
    (void)state;
    expect_tags("tree = red green\nlemon tree = red green\n", yellow, "", "tree");
    expect_tags("tree = red\nlemon tree = red green\n", yellow, "", "lemon tree");
    expect_tags("tree = red green\ntreetop = red green\n", yellow, "", "tree\ntreetop");
}

static void so_many_and_no_more(void **state) {
    (void)state;
    char labels[512] = "", expected[512] = "";
    for (int i = 0; i < TAGS_OF_MODEL_MAX + 3; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "t%d = red green\n", i);
        (void)strncat(labels, line, sizeof labels - strlen(labels) - 1);
        (void)snprintf(line, sizeof line, "%st%d", i == 0 ? "" : "\n", i);
        if (i < TAGS_OF_MODEL_MAX)
            (void)strncat(expected, line, sizeof expected - strlen(expected) - 1);
    }
    expect_tags(labels, yellow, "", expected);
}

static void whose_tags_they_are(void **state) {
    (void)state;
    struct image_record record = {.tags = ""};
    assert_false(tags_are_users(&record));  // nobody gave any
    (void)snprintf(record.tags, sizeof record.tags, "beach\nsea");
    assert_true(tags_are_users(&record));
    record.receipt.tags_digest = tags_digest(record.tags);
    assert_false(tags_are_users(&record));
    record.tags[0] = '\0';  // a user removed them all
    assert_true(tags_are_users(&record));
    assert_int_not_equal(tags_digest("a"), tags_digest("b"));
    assert_int_not_equal(tags_digest(""), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suite_is_read_as_expected),
        cmocka_unit_test(what_is_asked_is_kept),
        cmocka_unit_test(a_file_that_is_not_there_is_told),
        cmocka_unit_test(only_what_fits_is_a_tag),
        cmocka_unit_test(they_come_behind_those_that_are_there),
        cmocka_unit_test(a_part_of_another_tag_must_fit_clearly_better),
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(whose_tags_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
