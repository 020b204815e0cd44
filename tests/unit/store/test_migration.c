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

// As version 2 wrote it.
static const char version_2[] =
    "CREATE TABLE images (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL,"
    " caption TEXT NOT NULL, origin TEXT NOT NULL, caption_model TEXT NOT NULL,"
    " embedding_model TEXT NOT NULL, confidence REAL NOT NULL, clip_score REAL NOT NULL,"
    " source TEXT NOT NULL CHECK (source IN ('upload', 'url')), file_name TEXT NOT NULL,"
    " url TEXT NOT NULL, mime TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,"
    " size_bytes INTEGER NOT NULL, created_ms INTEGER NOT NULL, tags TEXT NOT NULL DEFAULT '',"
    " perceptual_hash INTEGER) STRICT;"
    "CREATE INDEX images_newest ON images (created_ms, id);"
    "CREATE INDEX images_hash ON images (perceptual_hash) WHERE perceptual_hash IS NOT NULL;"
    "CREATE TABLE image_tags (tag TEXT NOT NULL,"
    " image INTEGER NOT NULL REFERENCES images (row) ON DELETE CASCADE,"
    " PRIMARY KEY (tag, image)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX image_tags_image ON image_tags (image);"
    "CREATE TABLE spaces (space INTEGER PRIMARY KEY, embedding_model TEXT NOT NULL UNIQUE,"
    " is_active INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE vectors (key INTEGER PRIMARY KEY, vector BLOB NOT NULL) STRICT;"
    "CREATE TRIGGER images_remove_vectors AFTER DELETE ON images BEGIN"
    " DELETE FROM vectors WHERE key IN (SELECT space << 40 | old.row FROM spaces); END;"
    "CREATE VIRTUAL TABLE image_words USING fts5 (caption, file_name, tags, content = 'images',"
    " content_rowid = 'row', tokenize = 'porter unicode61 remove_diacritics 2');"
    "INSERT INTO images VALUES (7, '00112233445566aa', '00112233445566aa', 'two dogs in the snow',"
    " 'local', 'captioner', 'space', 0.5, 0.25, 'upload', 'a.jpg', '', 'image/jpeg', 4, 3, 99,"
    " 1700000000000, 'pet', 77);"
    "INSERT INTO image_tags VALUES ('pet', 7);"
    "INSERT INTO image_words (image_words) VALUES ('rebuild');"
    "INSERT INTO spaces VALUES (1, 'space', 1);"
    "INSERT INTO vectors VALUES (1 << 40 | 7, x'0000803f00000000000000000000000000000000"
    "000000000000000000000000');"
    "PRAGMA application_id = 1768777586;"
    "PRAGMA user_version = 2";

static void write_database(const struct test_folder *folder, const char *sql) {
    sqlite3 *database;
    assert_int_equal(sqlite3_open(test_folder_path(folder, "imgrouter.db"), &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(database);
}

// The image of the databases above, by every way that finds it.
static void assert_found_everywhere(struct store *store, const char *tags, bool has_hash) {
    struct error err = {0};
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
    assert_string_equal(matches[0].record.tags, tags);
    assert_int_equal(matches[0].record.has_perceptual_hash, has_hash);
    assert_string_equal(matches[0].record.receipt.reason, "");
    assert_true(store->operations->search_words(store, &search, matches, &count, &err));
    assert_int_equal(count, 1);
    assert_true(store->operations->list_spaces(store, spaces, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(spaces[0].embedding_model, "space");
}

static void open_twice(const char *sql, const char *tags, bool has_hash) {
    struct test_folder folder;
    test_folder_create(&folder);
    write_database(&folder, sql);
    for (int round = 0; round < 2; round++) {
        struct error err = {0};
        struct store *store = sqlite_store_create(folder.path, &err);
        if (store == NULL) {
            fail_msg("%s", err.text);
            return;
        }
        assert_found_everywhere(store, tags, has_hash);
        store->operations->destroy(store);
    }
    test_folder_destroy(&folder);
}

static void version_1_is_brought_up_to_date(void **state) {
    (void)state;
    open_twice(version_1, "", false);
}

static void version_2_is_brought_up_to_date(void **state) {
    (void)state;
    open_twice(version_2, "pet", true);
}

// Whatever stands in the column: the image is there.
static void a_damaged_receipt_is_none(void **state) {
    (void)state;
    struct test_folder folder;
    struct image_record found;
    struct error err = {0};
    test_folder_create(&folder);
    struct store *store = sqlite_store_create(folder.path, &err);
    assert_true(store != NULL && put_sample(store, 2));
    store->operations->destroy(store);
    write_database(&folder, "UPDATE images SET receipt = '{\"reason\":\"local_sure\"'");
    store = sqlite_store_create(folder.path, &err);
    assert_true(store != NULL && store->operations->get(store, sample_id(2), &found, &err));
    assert_string_equal(found.receipt.reason, "");
    store->operations->destroy(store);
    test_folder_destroy(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_is_brought_up_to_date),
        cmocka_unit_test(version_2_is_brought_up_to_date),
        cmocka_unit_test(a_damaged_receipt_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
