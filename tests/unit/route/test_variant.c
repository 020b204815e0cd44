#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "route/variant.h"

enum { IMAGES = 100000, ID_SIZE = 17 };

// As ids are: 16 hex digits.
static const char *image_id(int number, char id[static ID_SIZE]) {
    snprintf(id, ID_SIZE, "%016" PRIx64, (uint64_t)number * 0x9e3779b97f4a7c15);
    return id;
}

// Five standard deviations: wrong by chance once in two million.
static void assert_share(int hits, int count, double share) {
    double slack = 5 * sqrt(share * (1 - share) / count);
    assert_float_equal((double)hits / count, share, slack);
}

// The numbers 0 to 9999 as Python's hashlib gives them: sha256(draw + sha256(name) + sha256(id)),
// the first 8 bytes, big end first, modulo 10000; draw is one byte, 0 or 1 for the shadow.
//
//   name      id                variant  shadow
//   prompts   00000000000000ab     1246    7329
//   prompts   deadbeefdeadbeef     4367    8739
//   prompts   0123456789abcdef     7707    1872
//   (empty)   (empty)              2694    1457
//   café      ffffffffffffffff     4400    9777
static void test_is_the_same_everywhere(void **state) {
    (void)state;
    static const struct {
        const char *experiment, *image_id;
        unsigned variant, shadow;
    } drawn[] = {
        {"prompts", "00000000000000ab", 1246, 7329},
        {"prompts", "deadbeefdeadbeef", 4367, 8739},
        {"prompts", "0123456789abcdef", 7707, 1872},
        {"", "", 2694, 1457},
        {"caf\xc3\xa9", "ffffffffffffffff", 4400, 9777},
    };
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
        const char *experiment = drawn[i].experiment;
        const char *id = drawn[i].image_id;
        for (unsigned share = 0; share <= 100; share++) {
            bool is_in = drawn[i].variant < share * 100;
            assert_int_equal(variant_choose(experiment, id, &share, 1), is_in ? 0 : 1);
            const unsigned second[] = {0, share};  // counted from the other end
            is_in = drawn[i].variant >= 10000 - share * 100;
            assert_int_equal(variant_choose(experiment, id, second, 2), is_in ? 1 : 2);
            bool is_shadowed = drawn[i].shadow < share * 100;
            assert_int_equal(variant_is_shadowed(experiment, id, share), is_shadowed);
        }
    }
}

static void test_shares_come_out_right(void **state) {
    (void)state;
    static const unsigned shares[] = {10, 25, 1, 0, 14};
    enum { VARIANTS = sizeof shares / sizeof *shares };
    int seen[VARIANTS + 1] = {0};
    int shadowed = 0;
    char id[ID_SIZE];
    for (int i = 0; i < IMAGES; i++) {
        size_t variant = variant_choose("thresholds", image_id(i, id), shares, VARIANTS);
        assert_in_range(variant, 0, VARIANTS);
        seen[variant]++;
        shadowed += variant_is_shadowed("thresholds", id, 5);
    }
    for (size_t i = 0; i < VARIANTS; i++) assert_share(seen[i], IMAGES, shares[i] / 100.0);
    assert_share(seen[VARIANTS], IMAGES, 0.5);
    assert_int_equal(seen[3], 0);
    assert_share(shadowed, IMAGES, 0.05);
}

static void test_nobody_and_everybody(void **state) {
    (void)state;
    static const unsigned none[] = {0, 0};
    static const unsigned all[] = {100};
    static const unsigned halves[] = {50, 50};
    static const unsigned three[] = {30, 50, 20};
    char id[ID_SIZE];
    for (int i = 0; i < IMAGES / 10; i++) {
        image_id(i, id);
        assert_int_equal(variant_choose("e", id, NULL, 0), 0);
        assert_int_equal(variant_choose("e", id, none, 2), 2);
        assert_int_equal(variant_choose("e", id, all, 1), 0);
        assert_in_range(variant_choose("e", id, halves, 2), 0, 1);
        assert_in_range(variant_choose("e", id, three, 3), 0, 2);
        assert_false(variant_is_shadowed("e", id, 0));
        assert_true(variant_is_shadowed("e", id, 100));
    }
}

// Counts the images that go from one place to another when the shares change.
static void moves_count(const unsigned *before, size_t count_before, const unsigned *after,
                        size_t count_after, int moves[static 5][5]) {
    char id[ID_SIZE];
    for (int i = 0; i < IMAGES / 5; i++) {
        image_id(i, id);
        size_t from = variant_choose("prompts", id, before, count_before);
        size_t to = variant_choose("prompts", id, after, count_after);
        // The control is 4 here, however many variants there are.
        moves[from == count_before ? 4 : from][to == count_after ? 4 : to]++;
    }
}

// Asserts that nothing moves but as `allowed` tells: pairs of from and to.
static void assert_moves(const unsigned *before, size_t count_before, const unsigned *after,
                         size_t count_after, const char *allowed) {
    int moves[5][5] = {0};
    moves_count(before, count_before, after, count_after, moves);
    for (int from = 0; from < 5; from++)
        for (int to = 0; to < 5; to++) {
            if (from == to) continue;
            bool is_allowed = false;
            for (const char *pair = allowed; *pair != '\0'; pair += 2)
                if (pair[0] - '0' == from && pair[1] - '0' == to) is_allowed = true;
            if ((moves[from][to] > 0) != is_allowed)
                fail_msg("%d images move from %d to %d", moves[from][to], from, to);
        }
}

static void test_a_share_grows_out_of_the_control(void **state) {
    (void)state;
    static const unsigned before[] = {20, 30};
    static const unsigned first[] = {35, 30};
    static const unsigned second[] = {20, 45};
    static const unsigned one_more[] = {20, 30, 15};
    static const unsigned two_more[] = {20, 30, 15, 10};
    assert_moves(before, 2, first, 2, "40");
    assert_moves(first, 2, before, 2, "04");
    assert_moves(before, 2, second, 2, "41");
    assert_moves(second, 2, before, 2, "14");
    assert_moves(before, 1, before, 2, "41");
    assert_moves(before, 2, one_more, 3, "42");
    assert_moves(one_more, 3, two_more, 4, "43");
}

// Three or more variants: the second next makes way and is made up for by the control.
static void test_of_more_variants_only_the_second_next_makes_way(void **state) {
    (void)state;
    static const unsigned before[] = {10, 20, 15, 20};
    static const unsigned first[] = {20, 20, 15, 20};
    static const unsigned second[] = {10, 30, 15, 20};
    static const unsigned third[] = {10, 20, 25, 20};
    static const unsigned fourth[] = {10, 20, 15, 30};
    assert_moves(before, 4, first, 4, "2042");
    assert_moves(before, 4, second, 4, "3143");
    assert_moves(before, 4, third, 4, "42");
    assert_moves(before, 4, fourth, 4, "43");
}

static void test_a_shadow_grows(void **state) {
    (void)state;
    char id[ID_SIZE];
    for (int i = 0; i < IMAGES / 10; i++) {
        image_id(i, id);
        if (variant_is_shadowed("prompts", id, 5))
            assert_true(variant_is_shadowed("prompts", id, 6));
    }
}

// Two experiments, and an experiment's variant and its shadow: of each half, half are in the other.
static void test_draws_are_independent(void **state) {
    (void)state;
    static const unsigned half[] = {50};
    int both = 0;
    int same = 0;
    int shadowed = 0;
    int near = 0;
    char id[ID_SIZE];
    for (int i = 0; i < IMAGES; i++) {
        image_id(i, id);
        size_t prompts = variant_choose("prompts", id, half, 1);
        size_t models = variant_choose("models", id, half, 1);
        both += prompts == 0 && models == 0;
        same += prompts == models;
        shadowed += prompts == 0 && variant_is_shadowed("prompts", id, 50);
        near += prompts == 0 && variant_choose("prompts2", id, half, 1) == 0;
    }
    assert_share(both, IMAGES, 0.25);
    assert_share(same, IMAGES, 0.5);
    assert_share(shadowed, IMAGES, 0.25);
    assert_share(near, IMAGES, 0.25);
}

// What belongs to the name and what to the id is told apart.
static void test_names_do_not_run_together(void **state) {
    (void)state;
    int differ = 0;
    for (unsigned share = 1; share < 100; share++)
        differ += variant_choose("ab", "c", &share, 1) != variant_choose("a", "bc", &share, 1);
    assert_true(differ > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_the_same_everywhere),
        cmocka_unit_test(test_shares_come_out_right),
        cmocka_unit_test(test_nobody_and_everybody),
        cmocka_unit_test(test_a_share_grows_out_of_the_control),
        cmocka_unit_test(test_of_more_variants_only_the_second_next_makes_way),
        cmocka_unit_test(test_a_shadow_grows),
        cmocka_unit_test(test_draws_are_independent),
        cmocka_unit_test(test_names_do_not_run_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
