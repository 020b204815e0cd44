// Two rankings become one.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "service/rank_fusion.h"

static size_t ranking(const char *ids, struct store_match *matches) {
    size_t count = 0;
    for (; ids[count] != '\0'; count++) {
        matches[count] = (struct store_match){.score = (float)(10 - (int)count)};
        (void)snprintf(matches[count].record.id, IMAGE_ID_SIZE, "%c", ids[count]);
    }
    return count;
}

static void rankings_are_joined(void **state) {
    (void)state;
    static const struct {
        const char *first, *second, *fused;
    } cases[] = {
        {"abc", "abc", "abc"},   {"abc", "", "abc"},       {"", "abc", "abc"}, {"", "", ""},
        {"ab", "cd", "acbd"},  // equals: the first ranking's before
        {"abc", "cxy", "cabxy"}, {"abcd", "dcba", "adbc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_match first[8], second[8], fused[16];
        char ids[17] = "";
        size_t count;
        struct error err = {0};
        size_t first_count = ranking(cases[i].first, first);
        size_t second_count = ranking(cases[i].second, second);
        assert_true(rank_fusion(first, first_count, second, second_count, fused, &count, &err));
        for (size_t j = 0; j < count; j++) {
            strcat(ids, fused[j].record.id);
            bool is_in_first = strstr(cases[i].first, fused[j].record.id) != NULL;
            assert_int_equal(isnan(fused[j].score), !is_in_first);
        }
        assert_string_equal(ids, cases[i].fused);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rankings_are_joined)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
