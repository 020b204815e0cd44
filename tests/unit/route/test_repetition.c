#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "route/repetition.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const stuck[] = {
    "dai dai dai", "a dai dai dai of a dog", "the the the", "a dog with a Dog dOG DOG",
    "a red, red, red rose", "! ! ! ! ! ! !", "a woman . . . . .", "a cat and a cat and a cat",
    "a close up of a close up of a close up of a flower", "a close up of a close up of a flower",
    "a picture of a picture of a picture", "a man in a man in a man in a",
    "the cat the cat the cat", "a cat sitting on a chair with a chair with a chair with a chair",
    "a cat sitting on a chair with a chair with a chair with",
    "there is a dog that is sitting on the on the on the",
    "there is a man in a boat there is a man in a boat", "a dog on the beach a dog on the beach",
    "a dog on the beach, A DOG ON THE BEACH",
    "a dog running on the beach at sunset a dog running on the beach at sunset a dog running on",
    "a small white bird on a branch a small white bird on a branch",
    "black and white, black and white",
    // Might be meant, but nothing in the words tells that.
    "a man and a man and a woman", "a book on top of a book on top of a table",
    "a\tman\nin a  man in a man in", "katze katze KATZE", "caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9",
    "\xe7\x8c\xab \xe7\x8c\xab \xe7\x8c\xab",
    "\xff \xff \xff",  // not UTF-8, but said three times
};

// What models say of ordinary pictures, with the repetitions that are in ordinary language.
static const char *const ordinary[] = {
    "",
    " ",
    "...",
    "dai",
    "dai dai",
    "a",
    "cat",
    "a cat",
    "bye bye",
    "new york, new york",
    "times square, new york, new york",
    "a statue in new york new york",
    "three people standing side by side by side",
    "two chairs back to back to back",
    "a very, very old car",
    "a sign that says no no",
    "a plate of mahi mahi with rice",
    "a tree with red red leaves",
    "a bird on a branch with a bird on a branch",
    "a man in a suit and a man in a hat",
    "a man and a woman and a man and a child",
    "a man and a woman standing next to a man and a woman",
    "a cup of coffee and a cup of tea",
    "a plate with a sandwich and a plate with a salad",
    "a black cat and a white cat",
    "a black and white photo of a black and white cat",
    "a dog and a dog",
    "a dog, a cat and a dog",
    "a red circle and a red circle",
    "a red circle above a blue square",
    "a red circle above a red circle",
    "three red circles and three red squares",
    "a boat on the water with a boat in the background",
    "a house with a house behind it",
    "a picture of a man holding a picture of a woman",
    "a painting of a painting",
    "a photo of a photo",
    "a person on a bike and a person on a horse",
    "a woman in a red dress and a woman in a blue dress",
    "a boy with a ball and a girl with a ball",
    "a table with two cups and two plates",
    "a tall building with a lot of windows next to a tall building",
    "a train on the tracks near a train station",
    "a bus on a city street next to a bus stop",
    "a stop sign with a stop sign under it",
    "a row of houses on the side of a street",
    "a close up of a flower with a blurry background",
    "a close up of a bee on a close up of a flower",
    "there is a cat that is sitting on a couch",
    "there is a man that is sitting on a bench in the park",
    "there are many people that are standing in the street",
    "araffe sitting on a bench in a park with a dog",
    "arafed view of a city from a hill with a cloudy sky",
    "a group of people standing in front of a building",
    "a group of people sitting at a table with a group of people behind them",
    "a view of a mountain range from the top of a mountain",
    "a view of the ocean from the top of a hill by the ocean",
    "a man riding a wave on top of a surfboard",
    "a man on a skateboard and a man on a scooter on the street",
    "a kitchen with a stove, a sink and a refrigerator",
    "a bathroom with a toilet and a sink and a shower",
    "a cat laying on top of a bed next to a cat laying on a chair",
    "a bowl of soup and a bowl of rice and a glass of water",
    "a glass of wine and a glass of beer and a bottle of water",
    "a man with a beard and a man with glasses and a woman with a hat",
    "a vase with flowers in it and a vase with nothing in it",
    "a teddy bear sitting next to a teddy bear",
    "a herd of sheep grazing on a field of grass",
    "a giraffe standing next to a giraffe in a field",
    "two giraffes and two zebras in a field",
    "one big dog and one small dog on one couch",
    "a snow - covered mountain with a snow - covered tree",
    "a man ' s hand and a woman ' s hand",
    "a clock tower with a clock on the tower",
    "a cross inside a circle inside a square",
    "a circle inside a square inside a circle",
    "five brown diamonds on a yellow background",
    "a sign that reads route 66",
    "a man asking why ? ! ... with a sign",
    "a cell phone sitting on top of a table next to another cell phone",
    "the word love is written on the wall with the word peace",
    "a dog looking at a dog in a mirror",
    "an old man and an old woman on an old bench",
    "day and night, day by day",
    "step by step instructions for how to tie a tie",
    "a house on a hill on a sunny day",
    "a bridge over a river under a bridge",
    "cars parked on the street and cars driving on the street",
    "a tv on a tv stand in front of a tv",
    "a toy car on a toy road in a toy town",
    "a boat at sea at night",
    "caf\xc3\xa9 tables outside a caf\xc3\xa9",
    "\xe7\x8c\xab \xe7\x8a\xac \xe7\x8c\xab",
    // Letters apart from one byte are different words.
    "caf\xc3\xa9 caf\xc3\xa8 caf\xc3\xa9",
};

static void test_stuck_captions(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(stuck); i++)
        if (!caption_is_repetitive(stuck[i])) fail_msg("not told: %s", stuck[i]);
}

static void test_ordinary_captions(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ordinary); i++)
        if (caption_is_repetitive(ordinary[i])) fail_msg("taken for stuck: %s", ordinary[i]);
}

// A loop is told wherever it stands and however long its phrase is, up to eight words.
static void test_phrases_of_any_length(void **state) {
    (void)state;
    static const char *const words[] = {"one", "two",   "three", "four", "five",
                                        "six", "seven", "eight", "nine"};
    for (size_t phrase = 1; phrase <= COUNT(words); phrase++) {
        char text[512] = "before it there was";
        for (size_t i = 0; i < 3 * phrase; i++) {
            strcat(text, " ");
            strcat(text, words[i % phrase]);
            bool is_third = i + 1 == 3 * phrase;
            if (phrase < 3) assert_int_equal(caption_is_repetitive(text), is_third);
            if (phrase > 8) assert_false(caption_is_repetitive(text));
            if (is_third && phrase <= 8) assert_true(caption_is_repetitive(text));
        }
    }
}

// Twice counts once it is more than half: 6 of 12 words are not, 6 of 11 are.
static void test_twice_must_be_most_of_it(void **state) {
    (void)state;
    assert_false(caption_is_repetitive("a b c d e f x y z x y z"));
    assert_true(caption_is_repetitive("a b c d e x y z x y z"));
    // With the beginning of a third time it is 7 of 12.
    assert_true(caption_is_repetitive("a b c d e x y z x y z x"));
}

static void test_only_the_first_128_words_are_looked_at(void **state) {
    (void)state;
    char text[2048] = "";
    for (int i = 0; i < 126; i++) {
        char word[] = {' ', (char)('a' + i % 26), (char)('a' + i / 26), '\0'};
        strcat(text, word);
    }
    size_t size = strlen(text);
    strcat(text, " no no");
    assert_false(caption_is_repetitive(text));
    strcat(text, " no");
    assert_false(caption_is_repetitive(text));
    text[size - 3] = '\0';  // one word less before it
    strcat(text, " no no no");
    assert_true(caption_is_repetitive(text));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stuck_captions),
        cmocka_unit_test(test_ordinary_captions),
        cmocka_unit_test(test_phrases_of_any_length),
        cmocka_unit_test(test_twice_must_be_most_of_it),
        cmocka_unit_test(test_only_the_first_128_words_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
