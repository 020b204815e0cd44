// Copies between stores: everything arrives, an interrupted copy goes on, and the verification
// finds what was planted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "store/image_compare.h"
#include "store/store_copy.h"
#include "store_fixture.h"

// Some pages, the last one not full.
enum { IMAGES = 2 * IMAGE_PAGE_MAX + 77, NARROW_WIDTH = 3 };

struct fixture {
    struct test_folder from_folder, to_folder;
    struct store *from, *to;
};

static struct store *open_sqlite(const struct test_folder *folder) {
    struct error err = {0};
    struct store *store = sqlite_store_create(folder->path, &err);
    if (store == NULL) fail_msg("%s", err.text);
    return store;
}

static int set_up(void **state) {
    static struct fixture fixture;
    *state = &fixture;
    test_folder_create(&fixture.from_folder);
    test_folder_create(&fixture.to_folder);
    fixture.from = open_sqlite(&fixture.from_folder);
    fixture.to = open_sqlite(&fixture.to_folder);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    fixture->from->operations->destroy(fixture->from);
    fixture->to->operations->destroy(fixture->to);
    test_folder_destroy(&fixture->from_folder);
    test_folder_destroy(&fixture->to_folder);
    return 0;
}

static void narrow_vector(unsigned number, float vector[static SAMPLE_WIDTH]) {
    sample_vector(number + 100000, vector);  // only the direction counts
}

// A third of the images has a vector in another space, a tenth in a third one of another width.
static void fill(struct store *store, unsigned count) {
    const struct store_operations *operations = store->operations;
    float vector[SAMPLE_WIDTH];
    struct error err = {0};
    for (unsigned i = 0; i < count; i++) {
        put_sample(store, i);
        sample_vector(i + 5000, vector);
        if (i % 3 == 0 &&
            !operations->put_vector(store, sample_id(i), "second", vector, SAMPLE_WIDTH, &err))
            fail_msg("%s", err.text);
        narrow_vector(i, vector);
        if (i % 10 == 0 &&
            !operations->put_vector(store, sample_id(i), "narrow", vector, NARROW_WIDTH, &err))
            fail_msg("%s", err.text);
    }
    assert_true(operations->set_active_space(store, "space", &err));
}

static bool try_copy(struct store *from, struct store *to, struct store_copy_report *report) {
    struct store_pages pages;
    struct error err = {0};
    struct store_copy copy = {.from = &pages.pages, .to = to};
    assert_true(store_pages_open(&pages, from, &err));
    return store_copy_run(&copy, report, &err);
}

static struct store_verification verify(struct store *from, struct store *to) {
    struct store_pages pages;
    struct store_verification verification;
    struct error err = {0};
    struct store_copy copy = {.from = &pages.pages, .to = to};
    assert_true(store_pages_open(&pages, from, &err));
    if (!store_copy_verify(&copy, &verification, &err)) fail_msg("%s", err.text);
    return verification;
}

static size_t vectors_in(struct store *store, const char *embedding_model) {
    struct store_space spaces[STORE_SPACES_MAX];
    size_t count;
    assert_true(store->operations->list_spaces(store, spaces, &count, NULL));
    for (size_t i = 0; i < count; i++)
        if (strcmp(spaces[i].embedding_model, embedding_model) == 0) return spaces[i].count;
    return 0;
}

static void assert_holds_all(struct store *store) {
    const struct store_operations *operations = store->operations;
    char active[STORE_MODEL_SIZE];
    float found[SAMPLE_WIDTH], expected[SAMPLE_WIDTH];
    for (unsigned i = 0; i < IMAGES; i++) {
        struct image_record record, sample = sample_record(i);
        assert_true(operations->get(store, sample_id(i), &record, NULL));
        assert_same_record(&record, &sample);
        sample_vector(i, expected);
        assert_true(
            operations->get_vector(store, sample_id(i), "space", found, SAMPLE_WIDTH, NULL));
        assert_memory_equal(found, expected, sizeof found);
        sample_vector(i + 5000, expected);
        assert_int_equal(
            operations->get_vector(store, sample_id(i), "second", found, SAMPLE_WIDTH, NULL),
            i % 3 == 0);
        if (i % 3 == 0) assert_memory_equal(found, expected, sizeof found);
        narrow_vector(i, expected);
        assert_int_equal(
            operations->get_vector(store, sample_id(i), "narrow", found, NARROW_WIDTH, NULL),
            i % 10 == 0);
        if (i % 10 == 0) assert_memory_equal(found, expected, NARROW_WIDTH * sizeof *found);
    }
    assert_true(operations->get_active_space(store, active, NULL));
    assert_string_equal(active, "space");
}

static void everything_is_copied_there_and_back(void **state) {
    struct fixture *fixture = *state;
    struct store *memory = memory_store_create();
    struct store_copy_report report;
    fill(fixture->from, IMAGES);
    assert_true(try_copy(fixture->from, memory, &report));
    assert_int_equal(report.written, IMAGES);
    assert_true(try_copy(memory, fixture->to, &report));
    assert_int_equal(report.images, IMAGES);
    assert_int_equal(report.written, IMAGES);
    assert_int_equal(report.passed_over, 0);
    assert_holds_all(fixture->to);
    struct store_verification found = verify(fixture->from, fixture->to);
    assert_true(found.is_same);
    assert_int_equal(found.images, IMAGES);
    assert_int_equal(found.extra + found.missing + found.different + found.rounded, 0);
    assert_int_equal(found.vectors[0] + found.vectors[1] + found.vectors[2],
                     IMAGES + (IMAGES + 2) / 3 + (IMAGES + 9) / 10);
    assert_string_equal(found.from_checksum, found.to_checksum);
    assert_string_equal(verify(memory, fixture->to).to_checksum, found.to_checksum);
    memory->operations->destroy(memory);
}

static void an_empty_store_is_copied(void **state) {
    struct fixture *fixture = *state;
    struct store_copy_report report;
    assert_true(try_copy(fixture->from, fixture->to, &report));
    assert_int_equal(report.images, 0);
    assert_true(verify(fixture->from, fixture->to).is_same);
}

// A target that fails after some calls that write.
static const struct store_operations *healthy;
static int writes_left;

static bool failing_put_many(struct store *store, const struct store_entry *entries, size_t count,
                             struct error *err) {
    if (writes_left-- <= 0) return error_set(err, ERROR_UNAVAILABLE, "the store is gone");
    return healthy->put_many(store, entries, count, err);
}

static bool failing_put_vector(struct store *store, const char *id, const char *embedding_model,
                               const float *vector, size_t width, struct error *err) {
    if (writes_left-- <= 0) return error_set(err, ERROR_UNAVAILABLE, "the store is gone");
    return healthy->put_vector(store, id, embedding_model, vector, width, err);
}

static void an_interrupted_copy_goes_on(void **state) {
    struct fixture *fixture = *state;
    struct store_copy_report report;
    fill(fixture->from, IMAGES);
    healthy = fixture->to->operations;
    struct store_operations failing = *healthy;
    failing.put_many = failing_put_many;
    failing.put_vector = failing_put_vector;
    int rounds = 0;
    bool is_done = false;
    size_t before = 0;
    for (; !is_done; rounds++) {
        writes_left = 45;
        fixture->to->operations = &failing;
        is_done = try_copy(fixture->from, fixture->to, &report);
        fixture->to->operations = healthy;
        size_t after = vectors_in(fixture->to, "space") + vectors_in(fixture->to, "second") +
                       vectors_in(fixture->to, "narrow");
        assert_true(is_done || after > before);  // what was done is not done again
        before = after;
        assert_int_equal(verify(fixture->from, fixture->to).is_same, is_done);
    }
    assert_in_range(rounds, 5, 8);
    assert_holds_all(fixture->to);
    assert_true(try_copy(fixture->from, fixture->to, &report));
    assert_int_equal(report.passed_over, IMAGES);
    assert_int_equal(report.written, 0);
}

static void differences_are_found_and_mended(void **state) {
    struct fixture *fixture = *state;
    const struct store_operations *operations = fixture->to->operations;
    struct store_copy_report report;
    float vector[SAMPLE_WIDTH];
    fill(fixture->from, IMAGES);
    assert_true(try_copy(fixture->from, fixture->to, &report));
    put_sample(fixture->to, 99999);  // stays
    assert_true(operations->remove(fixture->to, sample_id(7), NULL));
    struct image_change change = {.caption = "another one"};
    assert_true(operations->update(fixture->to, sample_id(20), &change, NULL, NULL));
    sample_vector(5009, vector);
    vector[3] += 1e-4F;
    assert_true(
        operations->put_vector(fixture->to, sample_id(9), "second", vector, SAMPLE_WIDTH, NULL));
    assert_true(
        operations->put_vector(fixture->to, sample_id(10), "second", vector, SAMPLE_WIDTH, NULL));
    sample_vector(11, vector);
    for (int i = 0; i < SAMPLE_WIDTH; i++) vector[i] *= 1 + 1e-6F;  // as if made unit long
    assert_true(
        operations->put_vector(fixture->to, sample_id(11), "space", vector, SAMPLE_WIDTH, NULL));
    struct store_verification found = verify(fixture->from, fixture->to);
    assert_false(found.is_same);
    assert_int_equal(found.missing, 1);
    assert_int_equal(found.different, 3);
    assert_int_equal(found.rounded, 1);
    assert_int_equal(found.extra, 1);
    assert_string_not_equal(found.from_checksum, found.to_checksum);
    assert_true(try_copy(fixture->from, fixture->to, &report));
    assert_int_equal(report.written, 4);
    found = verify(fixture->from, fixture->to);
    assert_true(found.is_same);
    assert_int_equal(found.extra, 1);
}

static void every_field_counts(void **state) {
    (void)state;
    const struct image_record sample = sample_record(5);
    struct image_record changed[23];
    for (int i = 0; i < 23; i++) changed[i] = sample;
    changed[0].id[3] ^= 1;
    changed[1].sha256[30] ^= 1;
    changed[2].caption[0] = 'A';
    changed[3].origin[0] = 'm';
    changed[4].caption_model[0] = 'm';
    changed[5].embedding_model[0] = 'm';
    changed[6].file_name[0] = 'm';
    changed[7].url[0] = 'm';
    changed[8].tags[0] = 'm';
    changed[9].mime[0] = 'm';
    changed[10].source = SOURCE_UPLOAD;
    changed[11].width++;
    changed[12].height--;
    changed[13].confidence += 1e-6;
    changed[14].clip_score += 1e-6;
    changed[15].perceptual_hash ^= 1;
    changed[16].has_perceptual_hash = false;
    changed[17].receipt = (struct receipt){0};
    changed[18].receipt.words[0] = 'T';
    changed[19].receipt.cost_nano_usd++;
    changed[20].receipt.cloud_ms += 1e-3;
    changed[21].receipt.is_cached = !sample.receipt.is_cached;
    changed[22].receipt.variant[0] = '\0';
    struct store_space space = {.width = 1};
    struct image_page page;
    char sums[24][SHA256_HEX_SIZE];
    assert_true(image_page_init(&page, &space, 1, NULL));
    for (int i = 0; i < 24; i++) {
        struct sha256_stream stream;
        uint8_t digest[SHA256_SIZE];
        page.records[0] = i == 23 ? sample : changed[i];
        assert_true(sha256_stream_init(&stream) && image_checksum_add(&stream, &page, 0) &&
                    sha256_stream_finish(&stream, digest));
        sha256_hex(digest, sums[i]);
        assert_int_equal(image_record_is_same(&page.records[0], &sample), i == 23);
        for (int j = 0; j < i; j++) assert_string_not_equal(sums[i], sums[j]);
    }
    image_page_clear(&page);
    struct image_record nearly = sample;
    nearly.confidence *= 1 + 2e-16;
    assert_true(image_record_is_same(&nearly, &sample));
    nearly.confidence *= 1 + 2e-15;
    assert_false(image_record_is_same(&nearly, &sample));
}

// Its space was dropped after another had been chosen.
static void an_image_without_a_vector_is_told(void **state) {
    struct fixture *fixture = *state;
    const struct store_operations *operations = fixture->from->operations;
    struct store_copy_report report;
    float vector[SAMPLE_WIDTH];
    fill(fixture->from, 10);
    for (unsigned i = 0; i < 10; i++) {
        sample_vector(i, vector);
        if (i != 4 && i != 6)
            assert_true(operations->put_vector(fixture->from, sample_id(i), "new", vector,
                                               SAMPLE_WIDTH, NULL));
    }
    assert_true(operations->set_active_space(fixture->from, "new", NULL));
    assert_true(operations->remove_space(fixture->from, "space", NULL));
    assert_true(try_copy(fixture->from, fixture->to, &report));
    assert_int_equal(report.images, 10);
    assert_int_equal(report.written, 8);
    assert_int_equal(report.without_vector, 2);
    assert_true(strcmp(report.first_without_vector, sample_id(4)) == 0 ||
                strcmp(report.first_without_vector, sample_id(6)) == 0);
    assert_true(verify(fixture->from, fixture->to).is_same);
}

// As the original service's database has them.
static void an_image_of_unknown_bytes_is_copied(void **state) {
    struct fixture *fixture = *state;
    struct store *memory = memory_store_create(), *stores[] = {fixture->from, memory, fixture->to};
    struct store_copy_report report;
    float vector[SAMPLE_WIDTH];
    bool was_new;
    struct image_record record = sample_record(3);
    record.sha256[0] = '\0';
    sample_vector(3, vector);
    assert_true(fixture->from->operations->put(fixture->from, &record, vector, SAMPLE_WIDTH,
                                               &was_new, NULL));
    for (int i = 1; i < 3; i++) {
        assert_true(try_copy(stores[i - 1], stores[i], &report));
        assert_int_equal(report.written, 1);
        assert_true(verify(stores[i - 1], stores[i]).is_same);
    }
    for (int i = 0; i < 3; i++) {  // and may be uploaded
        assert_false(put_sample(stores[i], 3));
        record = sample_record(3);
        assert_true(stores[i]->operations->replace(stores[i], &record, vector, SAMPLE_WIDTH, NULL));
        record.sha256[20] ^= 1;
        assert_false(
            stores[i]->operations->replace(stores[i], &record, vector, SAMPLE_WIDTH, NULL));
    }
    memory->operations->destroy(memory);
}

static void another_width_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct store_copy_report report;
    float vector[SAMPLE_WIDTH];
    fill(fixture->from, 10);
    struct image_record record = sample_record(3);
    bool was_new;
    sample_vector(3, vector);
    assert_true(fixture->to->operations->put(fixture->to, &record, vector, SAMPLE_WIDTH - 1,
                                             &was_new, NULL));
    struct store_pages pages;
    struct error err = {0};
    struct store_copy copy = {.from = &pages.pages, .to = fixture->to};
    assert_true(store_pages_open(&pages, fixture->from, &err));
    assert_false(store_copy_run(&copy, &report, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

// Wherever memory runs out, it is an error, nothing leaks, and the next run brings the rest.
static void running_out_of_memory_is_survived(void **state) {
    struct fixture *fixture = *state;
    struct store_copy_report report;
    fill(fixture->from, IMAGE_PAGE_MAX + 10);
    bool is_done = false;
    long nth = 1;
    for (; !is_done; nth += 1 + nth / 8) {
        struct store_pages pages;
        struct error err = {0};
        struct store_copy copy = {.from = &pages.pages, .to = fixture->to};
        assert_true(store_pages_open(&pages, fixture->from, &err));
        memory_fail_nth(nth, true);
        is_done = store_copy_run(&copy, &report, &err);
        memory_fail_nth(0, false);
        assert_int_equal(err.kind, is_done ? ERROR_NONE : ERROR_INTERNAL);
    }
    assert_true(nth > 10);
    assert_true(verify(fixture->from, fixture->to).is_same);
}

static void pictures_come_along(void **state) {
    struct fixture *fixture = *state;
    struct error err = {0};
    struct blob_folder *from =
        blob_folder_create(test_folder_path(&fixture->from_folder, "pictures"), &err);
    struct blob_folder *to =
        blob_folder_create(test_folder_path(&fixture->to_folder, "pictures"), &err);
    assert_true(from != NULL && to != NULL);
    enum { PICTURES = 5, GONE = 2, CHANGED = 3 };
    for (unsigned i = 0; i < PICTURES; i++) {
        struct image_record record = sample_record(i);
        float vector[SAMPLE_WIDTH];
        uint8_t digest[SHA256_SIZE];
        bool was_new;
        sample_vector(i, vector);
        sha256(&i, sizeof i, digest);
        sha256_hex(digest, record.sha256);
        (void)snprintf(record.id, sizeof record.id, "%s", record.sha256);
        record.size_bytes = sizeof i;
        assert_true(fixture->from->operations->put(fixture->from, &record, vector, SAMPLE_WIDTH,
                                                   &was_new, &err));
        if (i != GONE)
            assert_true(blob_folder_put(from, record.sha256, i == CHANGED ? "1234" : (void *)&i,
                                        sizeof i, &err));
    }
    for (int round = 0; round < 2; round++) {
        struct store_copy_report report;
        struct store_pages pages;
        struct store_copy copy = {
            .from = &pages.pages, .to = fixture->to, .pictures_from = from, .pictures_to = to};
        assert_true(store_pages_open(&pages, fixture->from, &err));
        assert_true(store_copy_run(&copy, &report, &err));
        assert_int_equal(report.pictures_copied, round == 0 ? PICTURES - 2 : 0);
        assert_int_equal(report.pictures_there, round == 0 ? 0 : PICTURES - 2);
        assert_int_equal(report.pictures_lost, 2);
        assert_int_not_equal(report.first_picture_lost[0], '\0');
    }
    assert_true(verify(fixture->from, fixture->to).is_same);
    blob_folder_destroy(from);
    blob_folder_destroy(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_is_copied_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_store_is_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_copy_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(differences_are_found_and_mended, set_up, tear_down),
        cmocka_unit_test(every_field_counts),
        cmocka_unit_test_setup_teardown(an_image_without_a_vector_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_image_of_unknown_bytes_is_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_width_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(running_out_of_memory_is_survived, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pictures_come_along, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
