#include "tokenize/code_points.h"

#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"

enum {
    CAPITAL_I_WITH_DOT = 0x130,
    COMBINING_DOT_ABOVE = 0x307,
    CAPITAL_SIGMA = 0x3A3,
    FINAL_SIGMA = 0x3C2,
    SMALL_SIGMA = 0x3C3
};

int32_t *code_points_create(const char *text, size_t *count, struct error *err) {
    size_t size = strlen(text);
    if (size > TEXT_MAX_BYTES) {
        error_set(err, ERROR_TOO_LARGE, "the text has %zu bytes; the limit is %d", size,
                  TEXT_MAX_BYTES);
        return NULL;
    }
    int32_t *points = memory_try_array(size, sizeof *points);
    if (points == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for a text of %zu bytes", size);
        return NULL;
    }
    *count = 0;
    for (size_t i = 0; i < size;) {
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text + i,
                                                 (utf8proc_ssize_t)(size - i), &points[*count]);
        if (used <= 0) {
            error_set(err, ERROR_INVALID, "the text is not UTF-8: byte %zu is wrong", i + 1);
            memory_free(points);
            return NULL;
        }
        i += (size_t)used;
        (*count)++;
    }
    return points;
}

// Unicode's property Cased, near enough: utf8proc has the categories only, so the Roman numerals
// and the circled letters are named.
static bool is_cased(int32_t point) {
    if ((point >= 0x2160 && point <= 0x217F) || (point >= 0x24B6 && point <= 0x24E9)) return true;
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
           category == UTF8PROC_CATEGORY_LT;
}

// Unicode's property Case_Ignorable: some categories, and the marks that stand inside words.
static bool is_case_ignorable(int32_t point) {
    static const int32_t inside_words[] = {0x27,   0x2E,   0x3A,   0xB7,   0x387,  0x55F,
                                           0x5F4,  0x2018, 0x2019, 0x2024, 0x2027, 0xFE13,
                                           0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};
    for (size_t i = 0; i < sizeof inside_words / sizeof *inside_words; i++) {
        if (point == inside_words[i]) return true;
    }
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
           category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
           category == UTF8PROC_CATEGORY_SK;
}

// Unicode's Final_Sigma: a cased letter before, none after, ignorable ones skipped.
static bool is_final_sigma(const int32_t *points, size_t count, size_t at) {
    size_t before = at, after = at + 1;
    while (before > 0 && is_case_ignorable(points[before - 1])) before--;
    if (before == 0 || !is_cased(points[before - 1])) return false;
    while (after < count && is_case_ignorable(points[after])) after++;
    return after == count || !is_cased(points[after]);
}

size_t code_points_lower(const int32_t *points, size_t count, int32_t *lower) {
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        if (points[i] == CAPITAL_I_WITH_DOT) {
            lower[written++] = 'i';
            lower[written++] = COMBINING_DOT_ABOVE;
        } else if (points[i] == CAPITAL_SIGMA) {
            lower[written++] = is_final_sigma(points, count, i) ? FINAL_SIGMA : SMALL_SIGMA;
        } else {
            lower[written++] = utf8proc_tolower(points[i]);
        }
    }
    return written;
}

size_t code_points_collapse_spaces(int32_t *points, size_t count) {
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        if (!code_point_is_space(points[i])) {
            points[written++] = points[i];
        } else if (written > 0 && points[written - 1] != ' ') {
            points[written++] = ' ';
        }
    }
    return written > 0 && points[written - 1] == ' ' ? written - 1 : written;
}

bool code_point_is_space(int32_t point) {
    if (point < 0x80)
        return point == ' ' || (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x1F);
    if (point == 0x85) return true;
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

bool code_point_is_letter(int32_t point) {
    utf8proc_category_t category = utf8proc_category(point);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool code_point_is_number(int32_t point) {
    utf8proc_category_t category = utf8proc_category(point);
    return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

size_t code_point_encode(int32_t point, char bytes[static 4]) {
    return (size_t)utf8proc_encode_char(point, (utf8proc_uint8_t *)bytes);
}
