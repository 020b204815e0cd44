#include "cli/spelling.h"

#include <string.h>

enum { LENGTH_MAX = 40 };  // no command or option is longer

void spelling_begin_part(struct spelling *spelling, const char *word, size_t length) {
    // A third of the letters may be wrong, and one of a short word.
    *spelling = (struct spelling){.word = word, .length = length, .distance = length / 3 + 2};
    if (length < 3) spelling->distance = 2;
}

void spelling_begin(struct spelling *spelling, const char *word) {
    spelling_begin_part(spelling, word, strlen(word));
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

// Optimal string alignment: rows of the last three letters of `a`.
static size_t distance_of(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t rows[3][LENGTH_MAX + 1];
    for (size_t j = 0; j <= b_length; j++) rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

void spelling_try(struct spelling *spelling, const char *candidate) {
    size_t length = strlen(candidate);
    if (spelling->length > LENGTH_MAX || length > LENGTH_MAX) return;
    size_t distance = distance_of(spelling->word, spelling->length, candidate, length);
    if (distance >= spelling->distance) return;
    spelling->distance = distance;
    spelling->best = candidate;
}
