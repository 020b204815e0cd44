// The contract of store.h: searches by vector with filters, by words, by perceptual hash, and what
// changes of an image do to them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "contract.h"

enum { IMAGES = 40, DAY_MS = 86400000 };
static const int64_t first_ms = 1600000000000;

static const char *const captions[] = {
    "a red car on the street",
    "two dogs play in the snow",
    "a dog sleeps beside a red ball",
    "Café at night",
};

// Image i has caption i % 4, the tag "even" or "odd" and every fifth "rare" too, is made i days
// after the first, by "local" or every seventh by "cloud".
static void fill(struct store *store) {
    for (unsigned i = 0; i < IMAGES; i++) {
        struct image_record record = sample_record(i);
        float vector[SAMPLE_WIDTH];
        bool was_new;
        struct error err = {0};
        (void)snprintf(record.caption, sizeof record.caption, "%s", captions[i % 4]);
        (void)snprintf(record.tags, sizeof record.tags, "%s%s", i % 2 == 0 ? "even" : "odd",
                       i % 5 == 0 ? "\nrare" : "");
        (void)snprintf(record.file_name, sizeof record.file_name, "IMG_%u-holiday.jpg", i);
        (void)snprintf(record.origin, sizeof record.origin, i % 7 == 0 ? "cloud" : "local");
        record.created_ms = first_ms + (int64_t)i * DAY_MS;
        sample_vector(i, vector);
        if (!store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, &err))
            fail_msg("%s", err.text);
    }
}

// Which images a filter lets through, as bits.
static uint64_t search_filtered(struct store *store, const struct store_filter *filter, size_t k) {
    static struct store_match matches[IMAGES];
    struct error err = {0};
    float query[SAMPLE_WIDTH];
    size_t count;
    uint64_t found = 0;
    sample_vector(1234, query);
    struct store_search search = {
        .embedding_model = "space", .query = query, .width = SAMPLE_WIDTH, .k = k};
    search.filter = *filter;
    for (int exact = 0; exact < 2; exact++) {
        search.is_exact = exact == 1;
        if (!store->operations->search(store, &search, matches, &count, &err))
            fail_msg("%s", err.text);
        uint64_t bits = 0;
        for (size_t i = 0; i < count; i++)
            for (unsigned number = 0; number < IMAGES; number++)
                if (strcmp(matches[i].record.id, sample_id(number)) == 0)
                    bits |= (uint64_t)1 << number;
        for (size_t i = 1; i < count; i++) assert_true(matches[i - 1].score >= matches[i].score);
        assert_int_equal(__builtin_popcountll(bits), count);
        if (exact == 1) assert_true(bits == found);
        found = bits;
    }
    return found;
}

// The bits of the images for which the condition holds.
#define IMAGES_WITH(condition)                       \
    __extension__({                                  \
        uint64_t bits = 0;                           \
        for (unsigned i = 0; i < IMAGES; i++)        \
            if (condition) bits |= (uint64_t)1 << i; \
        bits;                                        \
    })

static void filters_let_through_what_they_say(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    fill(store);
    const char *rare[] = {"rare"}, *odd_and_rare[] = {"odd", "rare"}, *unknown[] = {"nothing"};
    const char *dog[] = {"dog"}, *red_and_dog[] = {"dog", "red"}, *red[] = {"red"};
    const char *injected[] = {"') OR 1=1 --", "\" OR caption:*"};
    char ids[2][IMAGE_ID_SIZE];
    (void)snprintf(ids[0], IMAGE_ID_SIZE, "%s", sample_id(3));
    (void)snprintf(ids[1], IMAGE_ID_SIZE, "%s", sample_id(8));
    const char *two_ids[] = {ids[0], ids[1], "0123456789abcdef"};
    const struct {
        struct store_filter filter;
        uint64_t expected;
    } cases[] = {
        {{0}, IMAGES_WITH(true)},
        {{.ids = two_ids, .id_count = 3}, IMAGES_WITH(i == 3 || i == 8)},
        {{.ids = two_ids, .id_count = 0}, 0},
        {{.created_from_ms = first_ms + 30LL * DAY_MS}, IMAGES_WITH(i >= 30)},
        {{.created_until_ms = first_ms + 4LL * DAY_MS}, IMAGES_WITH(i < 4)},
        {{.created_from_ms = first_ms + 9LL * DAY_MS, .created_until_ms = first_ms + 11LL * DAY_MS},
         IMAGES_WITH(i == 9 || i == 10)},
        {{.origin = "cloud"}, IMAGES_WITH(i % 7 == 0)},
        {{.origin = "nobody"}, 0},
        {{.tags = rare, .tag_count = 1}, IMAGES_WITH(i % 5 == 0)},
        {{.tags = odd_and_rare, .tag_count = 2}, IMAGES_WITH(i % 5 == 0 && i % 2 == 1)},
        {{.tags = unknown, .tag_count = 1}, 0},
        {{.tags = injected, .tag_count = 1}, 0},
        {{.caption_words = red, .caption_word_count = 1}, IMAGES_WITH(i % 4 == 0 || i % 4 == 2)},
        {{.caption_words = red_and_dog, .caption_word_count = 2}, IMAGES_WITH(i % 4 == 2)},
        {{.caption_words = injected, .caption_word_count = 2}, 0},
        {{.without_words = red, .without_word_count = 1}, IMAGES_WITH(i % 4 == 1 || i % 4 == 3)},
        {{.without_words = rare, .without_word_count = 1}, IMAGES_WITH(i % 5 != 0)},
        {{.tags = rare,
          .tag_count = 1,
          .origin = "local",
          .created_from_ms = first_ms + 10LL * DAY_MS,
          .without_words = red,
          .without_word_count = 1},
         IMAGES_WITH(i % 5 == 0 && i % 7 != 0 && i >= 10 && (i % 4 == 1 || i % 4 == 3))},
        {{.caption_words = dog, .caption_word_count = 1, .tags = rare, .tag_count = 1},
         IMAGES_WITH(i % 5 == 0 && i % 4 == 2)},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        uint64_t found = search_filtered(store, &cases[c].filter, IMAGES);
        // "dog" may find "dogs" as well: endings are taken off where the store can.
        uint64_t with_endings =
            cases[c].filter.caption_words == dog ? IMAGES_WITH(i % 5 == 0 && i % 4 == 1) : 0;
        if ((found & ~with_endings) != cases[c].expected)
            fail_msg("filter %zu: %lx instead of %lx", c, (unsigned long)found,
                     (unsigned long)cases[c].expected);
    }
}

// The three nearest of all would be taken away by the filter; others must come in their place.
static void a_filter_never_empties_a_result(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    fill(store);
    const char *rare[] = {"rare"};
    struct store_filter filter = {.tags = rare, .tag_count = 1};
    for (size_t k = 1; k <= IMAGES / 5; k++)
        assert_int_equal(__builtin_popcountll(search_filtered(store, &filter, k)), k);
}

static size_t search_words(struct store *store, const char *const *words, size_t word_count,
                           const struct store_filter *filter, struct store_match *matches,
                           size_t k) {
    struct store_word_search search = {.words = words, .word_count = word_count, .k = k};
    struct error err = {0};
    size_t count = 99;
    if (filter != NULL) search.filter = *filter;
    if (!store->operations->search_words(store, &search, matches, &count, &err))
        fail_msg("%s", err.text);
    for (size_t i = 1; i < count; i++) assert_true(matches[i - 1].score >= matches[i].score);
    return count;
}

static void words_find_captions_names_and_tags(void **state) {
    struct store *store = ((struct contract_fixture *)*state)->store;
    static struct store_match matches[IMAGES];
    fill(store);
    const char *snow[] = {"SNOW"}, *red_ball[] = {"red", "ball"}, *rare[] = {"rare"};
    const char *name[] = {"17"}, *nothing[] = {"giraffe"}, *odd[] = {"\" OR *", "NEAR("};
    assert_int_equal(search_words(store, snow, 1, NULL, matches, IMAGES), IMAGES / 4);
    for (size_t i = 0; i < IMAGES / 4; i++)
        assert_string_equal(matches[i].record.caption, captions[1]);
    // Both words are better than one.
    assert_int_equal(search_words(store, red_ball, 2, NULL, matches, IMAGES), IMAGES / 2);
    for (size_t i = 0; i < IMAGES / 4; i++)
        assert_string_equal(matches[i].record.caption, captions[2]);
    assert_int_equal(search_words(store, red_ball, 2, NULL, matches, 3), 3);
    assert_int_equal(search_words(store, rare, 1, NULL, matches, IMAGES), IMAGES / 5);
    assert_int_equal(search_words(store, name, 1, NULL, matches, IMAGES), 1);
    assert_string_equal(matches[0].record.id, sample_id(17));
    assert_int_equal(search_words(store, nothing, 1, NULL, matches, IMAGES), 0);
    assert_int_equal(search_words(store, odd, 2, NULL, matches, IMAGES), 0);
    assert_int_equal(search_words(store, NULL, 0, NULL, matches, IMAGES), 0);
    struct store_filter filter = {.tags = rare, .tag_count = 1};
    assert_int_equal(search_words(store, snow, 1, &filter, matches, IMAGES), 2);
}

static void words_find_other_endings_and_accents(void **state) {
    struct contract_fixture *fixture = *state;
    static struct store_match matches[IMAGES];
    fill(fixture->store);
    const char *dog[] = {"dog"}, *dogs[] = {"Dogs"}, *cafe[] = {"cafe"}, *accent[] = {"CAFÉ"};
    if ((fixture->kind->traits & CONTRACT_DURABLE) == 0) return;  // the one in memory is plainer
    assert_int_equal(search_words(fixture->store, dog, 1, NULL, matches, IMAGES), IMAGES / 2);
    assert_int_equal(search_words(fixture->store, dogs, 1, NULL, matches, IMAGES), IMAGES / 2);
    assert_int_equal(search_words(fixture->store, cafe, 1, NULL, matches, IMAGES), IMAGES / 4);
    assert_int_equal(search_words(fixture->store, accent, 1, NULL, matches, IMAGES), IMAGES / 4);
}

static void a_change_reaches_every_index(void **state) {
    struct contract_fixture *fixture = *state;
    static struct store_match matches[IMAGES];
    fill(fixture->store);
    const char *giraffe[] = {"giraffe"}, *snow[] = {"snow"}, *zoo[] = {"zoo"}, *odd[] = {"odd"};
    struct image_change change = {.caption = "a giraffe", .tags = "zoo\ntall one"};
    struct image_record updated, found;
    struct error err = {0};
    struct store *store = fixture->store;
    assert_true(store->operations->update(store, sample_id(1), &change, &updated, &err));
    assert_string_equal(updated.caption, "a giraffe");
    assert_string_equal(updated.origin, ORIGIN_USER);
    assert_string_equal(updated.tags, change.tags);
    for (int round = 0; round < 2; round++) {
        store = fixture->store;
        assert_true(store->operations->get(store, sample_id(1), &found, &err));
        assert_same_record(&found, &updated);
        assert_int_equal(search_words(store, giraffe, 1, NULL, matches, IMAGES), 1);
        assert_int_equal(search_words(store, snow, 1, NULL, matches, IMAGES), IMAGES / 4 - 1);
        assert_int_equal(search_words(store, zoo, 1, NULL, matches, IMAGES), 1);
        struct store_filter filter = {.tags = zoo, .tag_count = 1};
        assert_true(search_filtered(store, &filter, IMAGES) == IMAGES_WITH(i == 1));
        filter = (struct store_filter){.tags = odd, .tag_count = 1};
        assert_true(search_filtered(store, &filter, IMAGES) == IMAGES_WITH(i % 2 == 1 && i != 1));
        filter = (struct store_filter){.origin = ORIGIN_USER};
        assert_true(search_filtered(store, &filter, IMAGES) == IMAGES_WITH(i == 1));
        contract_restart(fixture);
    }
    // Tags alone leave the caption and its origin.
    store = fixture->store;
    change = (struct image_change){.tags = ""};
    assert_true(store->operations->update(store, sample_id(2), &change, &updated, &err));
    assert_string_equal(updated.caption, captions[2]);
    assert_string_equal(updated.origin, "local");
    assert_string_equal(updated.tags, "");
    assert_true(store->operations->update(store, sample_id(2), &change, NULL, &err));
    assert_false(store->operations->update(store, "0123456789abcdef", &change, NULL, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    // What is removed is found by nothing any more.
    assert_true(store->operations->remove(store, sample_id(1), NULL));
    assert_int_equal(search_words(store, giraffe, 1, NULL, matches, IMAGES), 0);
    struct store_filter filter = {.tags = zoo, .tag_count = 1};
    assert_true(search_filtered(store, &filter, IMAGES) == 0);
}

static void hashes_find_the_nearest_pictures(void **state) {
    struct contract_fixture *fixture = *state;
    static const uint64_t hash = 0x123456789abcdef0;
    static const uint64_t differences[] = {0, 1, 0x8000000000000000, 0x0101010101010100, 0xff, ~0};
    enum { COUNT = sizeof differences / sizeof differences[0] };
    for (unsigned i = 0; i < COUNT + 1; i++) {
        struct image_record record = sample_record(i);
        float vector[SAMPLE_WIDTH];
        bool was_new;
        record.has_perceptual_hash = i < COUNT;
        record.perceptual_hash = i < COUNT ? hash ^ differences[i] : 0;
        sample_vector(i, vector);
        struct store *store = fixture->store;
        assert_true(store->operations->put(store, &record, vector, SAMPLE_WIDTH, &was_new, NULL));
    }
    for (int round = 0; round < 2; round++) {
        struct store *store = fixture->store;
        struct store_match matches[COUNT + 1];
        struct error err = {0};
        size_t count;
        assert_true(store->operations->search_hash(store, hash, PERCEPTUAL_DISTANCE_MAX, COUNT + 1,
                                                   matches, &count, &err));
        assert_int_equal(count, 4);
        const float distances[] = {0, 1, 1, 7};
        for (size_t i = 0; i < count; i++) assert_true(matches[i].score == distances[i]);
        assert_string_equal(matches[0].record.id, sample_id(0));
        assert_string_equal(matches[3].record.id, sample_id(3));
        assert_true(store->operations->search_hash(store, hash, 0, COUNT, matches, &count, &err));
        assert_int_equal(count, 1);
        assert_true(store->operations->search_hash(store, hash, 7, 2, matches, &count, &err));
        assert_int_equal(count, 2);
        assert_true(store->operations->search_hash(store, 0, 3, COUNT, matches, &count, &err));
        assert_int_equal(count, 0);
        contract_restart(fixture);
    }
    struct store *store = fixture->store;
    struct store_match match;
    size_t count;
    assert_true(store->operations->remove(store, sample_id(0), NULL));
    assert_true(store->operations->search_hash(store, hash, 0, 1, &match, &count, NULL));
    assert_int_equal(count, 0);
}

const struct contract_test contract_searches[] = {
    {"filters_let_through_what_they_say", filters_let_through_what_they_say, 0},
    {"a_filter_never_empties_a_result", a_filter_never_empties_a_result, 0},
    {"words_find_captions_names_and_tags", words_find_captions_names_and_tags, 0},
    {"words_find_other_endings_and_accents", words_find_other_endings_and_accents, 0},
    {"a_change_reaches_every_index", a_change_reaches_every_index, 0},
    {"hashes_find_the_nearest_pictures", hashes_find_the_nearest_pictures, 0},
    {NULL, NULL, 0},
};
