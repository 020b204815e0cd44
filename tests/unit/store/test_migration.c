// A database of an earlier version is brought up to date when it is opened, and loses nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store_fixture.h"

// As version 1 wrote it.
static const char version_1[] =
    "CREATE TABLE images (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL,"
    " caption TEXT NOT NULL, origin TEXT NOT NULL, caption_model TEXT NOT NULL,"
    " embedding_model TEXT NOT NULL, confidence REAL NOT NULL, clip_score REAL NOT NULL,"
    " source TEXT NOT NULL CHECK (source IN ('upload', 'url')), file_name TEXT NOT NULL,"
    " url TEXT NOT NULL, mime TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,"
    " size_bytes INTEGER NOT NULL, created_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX images_newest ON images (created_ms, id);"
    "CREATE TABLE vectors (image INTEGER NOT NULL REFERENCES images (row) ON DELETE CASCADE,"
    " embedding_model TEXT NOT NULL, width INTEGER NOT NULL,"
    " vector BLOB NOT NULL CHECK (length(vector) = 4 * width),"
    " PRIMARY KEY (image, embedding_model)) STRICT;"
    "INSERT INTO images VALUES (7, '00112233445566aa', '00112233445566aa', 'two dogs in the snow',"
    " 'local', 'captioner', 'space', 0.5, 0.25, 'upload', 'a.jpg', '', 'image/jpeg', 4, 3, 99,"
    " 1700000000000);"
    // 1.0F and seven zeros, little-endian
    "INSERT INTO vectors VALUES (7, 'space', 8, x'0000803f00000000000000000000000000000000"
    "000000000000000000000000');"
    "PRAGMA application_id = 1768777586;"  // "imgr"
    "PRAGMA user_version = 1";

static void version_1_is_brought_up_to_date(void **state) {
    (void)state;
    struct test_folder folder;
    sqlite3 *database;
    test_folder_create(&folder);
    assert_int_equal(sqlite3_open(test_folder_path(&folder, "imgrouter.db"), &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, version_1, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(database);
    for (int round = 0; round < 2; round++) {
        struct error err = {0};
        struct store *store = sqlite_store_create(folder.path, &err);
        if (store == NULL) {
            fail_msg("%s", err.text);
            return;
        }
        const float query[SAMPLE_WIDTH] = {1};
        const char *words[] = {"dog"};
        struct store_word_search search = {.words = words, .word_count = 1, .k = 2};
        struct store_match matches[2];
        struct store_space spaces[STORE_SPACES_MAX];
        size_t count;
        assert_true(search_nearest(store, "space", query, SAMPLE_WIDTH, 2, matches, &count, &err));
        assert_int_equal(count, 1);
        assert_true(matches[0].score == 1);
        assert_string_equal(matches[0].record.caption, "two dogs in the snow");
        assert_string_equal(matches[0].record.tags, "");
        assert_false(matches[0].record.has_perceptual_hash);
        assert_true(store->operations->search_words(store, &search, matches, &count, &err));
        assert_int_equal(count, 1);
        assert_true(store->operations->list_spaces(store, spaces, &count, &err));
        assert_int_equal(count, 1);
        assert_string_equal(spaces[0].embedding_model, "space");
        store->operations->destroy(store);
    }
    test_folder_destroy(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(version_1_is_brought_up_to_date)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
