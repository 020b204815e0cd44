// Words as full-text search compares them, held against SQLite's own tokenizer.
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/words.h"

static const char *const texts[] = {
    "a red car on the street",
    "Two dogs play, playing and played in the SNOW",
    "IMG_17-holiday.jpg",
    "Café à la crème; ÅNGSTRÖM Ελληνικα ПРИВЕТ",
    "running runs ran runner relational conditional hopefulness is as us",
    "t-shirt's \"quoted\" (NEAR) OR* caption:x",
    "日本語 текст 42 ½ x²",
    "",
    "  \t\n.,;!",
    "cliffs ponies skies flying happily nationalization",
};
enum { TEXT_COUNT = sizeof texts / sizeof texts[0] };

static sqlite3 *database;

static void run_sql(const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(database, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s", message);
}

static int setup(void **state) {
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &database), SQLITE_OK);
    run_sql(
        "CREATE VIRTUAL TABLE texts USING fts5(text, tokenize='porter unicode61 remove_diacritics "
        "2');"
        "CREATE VIRTUAL TABLE terms USING fts5vocab(texts, instance)");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    (void)sqlite3_close(database);
    return 0;
}

static void assert_same_words(const char *text) {
    sqlite3_stmt *statement;
    struct word_list list = {0};
    size_t count = 0;
    run_sql("DELETE FROM texts");
    assert_int_equal(
        sqlite3_prepare_v2(database, "INSERT INTO texts VALUES (?)", -1, &statement, NULL),
        SQLITE_OK);
    (void)sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    (void)sqlite3_finalize(statement);
    assert_true(word_list_add(&list, text));
    (void)sqlite3_prepare_v2(database, "SELECT DISTINCT term FROM terms", -1, &statement, NULL);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *term = (const char *)sqlite3_column_text(statement, 0);
        if (!word_list_has(&list, term)) fail_msg("\"%s\" of \"%s\" is missing", term, text);
        count++;
    }
    (void)sqlite3_finalize(statement);
    assert_int_equal(list.count, count);
    word_list_clear(&list);
}

static void words_are_those_of_sqlite(void **state) {
    (void)state;
    for (size_t i = 0; i < TEXT_COUNT; i++) assert_same_words(texts[i]);
}

static void a_word_is_there_once(void **state) {
    (void)state;
    struct word_list list = {0};
    assert_true(word_list_add(&list, "dog Dogs DOG"));
    assert_true(word_list_add(&list, "dög cat"));
    assert_int_equal(list.count, 2);
    assert_true(word_list_has(&list, "dog") && word_list_has(&list, "cat"));
    assert_false(word_list_has(&list, "dogs"));
    word_list_clear(&list);
}

static void odd_bytes_are_borne(void **state) {
    (void)state;
    char text[4096];
    struct word_list list = {0};
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_true(word_list_add(&list, text));
    assert_int_equal(list.count, 1);
    assert_int_equal(strlen(list.words[0]), WORD_SIZE - 1);
    assert_true(word_list_add(&list, "\xff\xfe a\x80z \xc3"));
    assert_true(word_list_has(&list, "z"));
    word_list_clear(&list);
    unsigned state_of_dice = 1;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof text - 1; i++) {
            state_of_dice = state_of_dice * 1664525U + 1013904223U;
            text[i] = (char)(state_of_dice >> 24);
        }
        assert_true(word_list_add(&list, text));
        word_list_clear(&list);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_sqlite),
        cmocka_unit_test(a_word_is_there_once),
        cmocka_unit_test(odd_bytes_are_borne),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
