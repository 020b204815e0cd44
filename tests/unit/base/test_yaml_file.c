// The tree that a configuration file becomes. What is refused: tests/suites/prices.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/yaml_file.h"

static struct yaml_file *parse(const char *text) {
    struct error err = {0};
    struct yaml_file *file = yaml_file_parse_create("text", text, strlen(text), &err);
    if (file == NULL) fail_msg("%s", err.text);
    return file;
}

static void test_mappings_sequences_and_scalars(void **state) {
    (void)state;
    struct yaml_file *file = parse(
        "# variants\n"
        "name: first \n"
        "variants:\n"
        "  - share: 0.5\n"
        "    words: [a, \"b c\", '']\n"
        "  - {}\n"
        "\n"
        "prompt: |\n"
        "  two\n"
        "  lines\n"
        "nothing:\n");
    const struct yaml_value *root = yaml_file_root(file);
    assert_int_equal(root->kind, YAML_VALUE_MAPPING);
    assert_null(root->parent);
    assert_null(root->key);
    const struct yaml_value *name = root->first;
    assert_string_equal(name->key, "name");
    assert_string_equal(name->text, "first");
    assert_int_equal(name->line, 2);
    const struct yaml_value *variants = name->next;
    assert_int_equal(variants->kind, YAML_VALUE_SEQUENCE);
    assert_int_equal(variants->line, 3);
    assert_null(variants->text);
    const struct yaml_value *variant = variants->first;
    assert_int_equal(variant->kind, YAML_VALUE_MAPPING);
    assert_null(variant->key);
    assert_int_equal(variant->line, 4);
    assert_ptr_equal(variant->parent, variants);
    const struct yaml_value *word = variant->first->next->first;
    assert_string_equal(word->text, "a");
    assert_int_equal(word->line, 5);
    assert_string_equal(word->next->text, "b c");
    assert_string_equal(word->next->next->text, "");
    assert_null(word->next->next->next);
    assert_int_equal(variant->next->kind, YAML_VALUE_MAPPING);
    assert_null(variant->next->first);
    assert_null(variant->next->next);
    const struct yaml_value *prompt = variants->next;
    assert_string_equal(prompt->text, "two\nlines\n");
    assert_string_equal(prompt->next->text, "");
    assert_null(prompt->next->next);
    yaml_file_destroy(file);
}

static void test_the_reader_says_where_what_is_wrong(void **state) {
    (void)state;
    struct yaml_file *file = parse("a:\n  b:\n    - c: 1\n      d: 2\n");
    const struct yaml_value *d = yaml_file_root(file)->first->first->first->first->next;
    struct error err = {0};
    assert_false(yaml_file_fail(file, d, &err, "it is %d", 7));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_string_equal(err.text, "text, line 4, at a: b: d: it is 7");
    error_clear(&err);
    assert_false(yaml_file_fail(file, yaml_file_root(file), &err, "it is empty"));
    assert_string_equal(err.text, "text, line 1: it is empty");
    yaml_file_destroy(file);
}

// Keys as long as they may be, as deep as they may be: the place is cut, not overrun.
static void test_long_places_are_cut(void **state) {
    (void)state;
    char text[4096] = "";
    size_t size = 0;
    for (int depth = 0; depth < YAML_FILE_DEPTH_MAX; depth++) {
        text[size++] = '{';
        memset(text + size, 'k', 100);
        size += 100;
        text[size++] = ':';
        text[size++] = ' ';
    }
    text[size++] = '1';
    memset(text + size, '}', YAML_FILE_DEPTH_MAX);
    struct yaml_file *file = parse(text);
    const struct yaml_value *value = yaml_file_root(file);
    while (value->first != NULL) value = value->first;
    assert_string_equal(value->text, "1");
    struct error err = {0};
    (void)yaml_file_fail(file, value, &err, "no");
    assert_non_null(strstr(err.text, "text, line 1, at kkk"));
    assert_true(strlen(err.text) < 300);
    yaml_file_destroy(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mappings_sequences_and_scalars),
        cmocka_unit_test(test_the_reader_says_where_what_is_wrong),
        cmocka_unit_test(test_long_places_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
