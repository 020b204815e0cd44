// What is made of labels: the sentence, its confidence, the tags; and the English in it.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cloud/label_sentence.h"
#include "cloud/noun_phrase.h"

static void nouns_are_counted(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned count;
        const char *phrase;
    } rows[] = {
        {"dog", 1, "a dog"},
        {"dog", 2, "two dogs"},
        {"dog", 10, "ten dogs"},
        {"dog", 11, "many dogs"},
        {"person", 1, "a person"},
        {"person", 3, "three people"},
        {"woman", 2, "two women"},
        {"human", 2, "two humans"},
        {"child", 4, "four children"},
        {"computer mouse", 2, "two computer mice"},
        {"sheep", 5, "five sheep"},
        {"sheep", 1, "a sheep"},
        {"knife", 6, "six knives"},
        {"baby", 2, "two babies"},
        {"toy", 2, "two toys"},
        {"bus", 1, "a bus"},
        {"bus", 2, "two buses"},
        {"wine glass", 2, "two wine glasses"},
        {"box", 7, "seven boxes"},
        {"bench", 8, "eight benches"},
        {"dish", 9, "nine dishes"},
        {"camera lens", 2, "two camera lenses"},
        {"apple", 1, "an apple"},
        {"umbrella", 1, "an umbrella"},
        {"unicycle", 1, "a unicycle"},
        {"hourglass", 1, "an hourglass"},
        {"house", 1, "a house"},
        {"jeans", 1, "jeans"},
        {"glasses", 2, "glasses"},
        {"clothing", 3, "clothing"},
        {"office furniture", 1, "office furniture"},
        {"y", 2, "two ys"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char phrase[64];
        noun_phrase_write(phrase, sizeof phrase, rows[i].name, rows[i].count);
        assert_string_equal(phrase, rows[i].phrase);
    }
    char narrow[6];
    noun_phrase_write(narrow, sizeof narrow, "elephant", 3);
    assert_string_equal(narrow, "three");
}

static void add(struct label_list *list, const char *name, double score, unsigned count) {
    struct label *label = label_list_add(list, name, score);
    assert_non_null(label);
    label->count = count;
}

static const char *sentence(const struct label_list *list) {
    static struct cloud_answer answer;
    answer = (struct cloud_answer){0};
    return label_sentence_write(list, &answer) ? answer.caption : NULL;
}

static void a_list_holds_each_name_once(void **state) {
    (void)state;
    struct label_list list = {0};
    char name[LABEL_NAME_SIZE + 1] = "";
    memset(name, 'x', LABEL_NAME_SIZE);
    assert_null(label_list_add(&list, "", 1));
    assert_null(label_list_add(&list, " \n", 1));
    assert_null(label_list_add(&list, name, 1));
    name[LABEL_NAME_SIZE - 1] = '\0';
    assert_non_null(label_list_add(&list, name, 1));
    struct label *label = label_list_add(&list, "Dog", 0.6);
    assert_ptr_equal(label_list_add(&list, " DOG ", 0.8), label);
    assert_ptr_equal(label_list_add(&list, "dog", 0.7), label);
    assert_true(label->score == 0.8);
    assert_true(label_list_add(&list, "Cat", 1.5)->score == 1);
    assert_true(label_list_add(&list, "Cow", -1)->score == 0);
    assert_true(label_list_add(&list, "Pig", (double)NAN)->score == 0);
    while (list.count < LABELS_MAX) {
        (void)snprintf(name, sizeof name, "label %zu", list.count);
        assert_non_null(label_list_add(&list, name, 0.9));
    }
    assert_null(label_list_add(&list, "One more", 0.9));
    assert_ptr_equal(label_list_add(&list, "Dog", 0.9), label);
}

static void people_come_first(void **state) {
    (void)state;
    struct label_list list = {0};
    add(&list, "Kite", 0.99, 1);
    add(&list, "Child", 0.6, 2);
    assert_string_equal(sentence(&list), "two children and a kite");
}

static void at_most_four_objects_and_twelve_words(void **state) {
    (void)state;
    struct label_list list = {0};
    add(&list, "Traffic light", 0.9, 2);
    add(&list, "Fire hydrant", 0.8, 1);
    add(&list, "Stop sign", 0.7, 1);
    add(&list, "Parking meter", 0.65, 3);
    add(&list, "Bench", 0.64, 1);
    add(&list, "Street", 0.95, 0);
    assert_string_equal(sentence(&list), "two traffic lights, a fire hydrant and a stop sign");
    list = (struct label_list){0};
    static const char *const things[] = {"Egg", "Fig", "Jar", "Mug", "Pan"};
    for (size_t i = 0; i < sizeof things / sizeof *things; i++) add(&list, things[i], 0.9, 1);
    add(&list, "Kitchen", 0.95, 0);
    add(&list, "Meal", 0.9, 0);
    add(&list, "Steam", 0.85, 0);
    add(&list, "Indoors", 0.95, 0);
    assert_string_equal(sentence(&list), "an egg, a fig, a jar and a mug; kitchen, meal, indoors");
    list = (struct label_list){0};
    add(&list, "a b c d e f g h i j k l m", 0.9, 0);
    assert_string_equal(sentence(&list), "a b c d e f g h i j k l m");  // rather than nothing
}

static void the_unsure_is_not_said(void **state) {
    (void)state;
    struct label_list list = {0};
    add(&list, "Cat", 0.54, 1);
    add(&list, "Fog", 0.5, 0);
    assert_null(sentence(&list));
    add(&list, "Mist", 0.56, 0);
    assert_string_equal(sentence(&list), "probably mist");
    add(&list, "Bird", 0.56, 1);
    assert_string_equal(sentence(&list), "a bird");  // no label under 0.7 beside objects
    add(&list, "Sky", 0.7, 0);
    assert_string_equal(sentence(&list), "a bird; sky");
    add(&list, "Outdoors", 0.89, 0);
    assert_string_equal(sentence(&list), "a bird; sky, probably outdoors");
    add(&list, "Indoors", 0.9, 0);
    assert_string_equal(sentence(&list), "a bird; sky, indoors");  // the surer one
}

static void only_a_setting(void **state) {
    (void)state;
    struct label_list list = {0};
    add(&list, "Outdoor", 0.8, 0);
    assert_string_equal(sentence(&list), "probably outdoors");
}

static void nothing_is_said_twice(void **state) {
    (void)state;
    struct label_list list = {0};
    add(&list, "Dog", 0.9, 1);
    add(&list, "Dog breed", 0.95, 0);
    add(&list, "Hunting dogs", 0.94, 0);
    add(&list, "Mammal", 0.93, 0);
    add(&list, "Grass", 0.92, 0);
    add(&list, "Tall grass", 0.91, 0);
    struct label *poodle = label_list_add(&list, "Poodle", 0.9);
    label_add_parent(poodle, "Dog");
    struct label *park = label_list_add(&list, "Park", 0.8);
    label_add_parent(park, "Place");
    add(&list, "Place", 0.85, 0);
    assert_string_equal(sentence(&list), "a dog; grass, park");
}

// Only what is sure enough to be said stands in another one's way.
static void the_unsure_takes_nothing_away(void **state) {
    (void)state;
    struct label_list list = {0};
    add(&list, "Plant", 0.9, 0);
    label_add_parent(label_list_add(&list, "Grass", 0.3), "Plant");
    add(&list, "Cat", 0.9, 1);
    assert_string_equal(sentence(&list), "a cat; plant");
    list = (struct label_list){0};
    add(&list, "Person", 0.5, 3);
    add(&list, "Man", 0.9, 1);
    label_add_parent(label_list_add(&list, "Man", 0.9), "Person");
    assert_string_equal(sentence(&list), "a man");
}

static void short_words_may_come_again(void **state) {
    (void)state;
    struct label_list list = {0};
    add(&list, "Cup of tea", 0.9, 1);
    add(&list, "Still of life", 0.9, 0);
    assert_string_equal(sentence(&list), "a cup of tea; still of life");
}

static void confidence_is_the_mean_of_what_is_said(void **state) {
    (void)state;
    struct label_list list = {0};
    struct cloud_answer answer = {0};
    add(&list, "Dog", 0.9, 1);
    add(&list, "Grass", 0.8, 0);
    add(&list, "Outdoors", 0.7, 0);
    add(&list, "Fog", 0.6, 0);  // a tag only
    assert_true(label_sentence_write(&list, &answer));
    assert_true(fabs(answer.confidence - 0.8) < 1e-9);
    assert_string_equal(answer.tags, "dog\ngrass\noutdoors\nfog");
}

static void tags_are_the_ten_surest(void **state) {
    (void)state;
    struct label_list list = {0};
    struct cloud_answer answer = {0};
    for (int i = 0; i < 12; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "T%d", i);
        add(&list, name, 0.6 + i * 0.01, 0);
    }
    assert_true(label_sentence_write(&list, &answer));
    assert_string_equal(answer.tags, "t11\nt10\nt9\nt8\nt7\nt6\nt5\nt4\nt3\nt2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nouns_are_counted),
        cmocka_unit_test(a_list_holds_each_name_once),
        cmocka_unit_test(people_come_first),
        cmocka_unit_test(at_most_four_objects_and_twelve_words),
        cmocka_unit_test(the_unsure_is_not_said),
        cmocka_unit_test(only_a_setting),
        cmocka_unit_test(nothing_is_said_twice),
        cmocka_unit_test(the_unsure_takes_nothing_away),
        cmocka_unit_test(short_words_may_come_again),
        cmocka_unit_test(confidence_is_the_mean_of_what_is_said),
        cmocka_unit_test(tags_are_the_ten_surest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
