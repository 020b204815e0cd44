#include "base/time_text.h"

#include <string.h>

// Takes `digits` decimal digits off *text.
static bool number_read(const char **text, int digits, int least, int most, int *number) {
    *number = 0;
    for (int i = 0; i < digits; i++, (*text)++) {
        if (**text < '0' || **text > '9') return false;
        *number = *number * 10 + (**text - '0');
    }
    return *number >= least && *number <= most;
}

static bool character_read(const char **text, const char *accepted) {
    if (**text == '\0' || strchr(accepted, **text) == NULL) return false;
    (*text)++;
    return true;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

static int64_t days_since_1970(int year, int month, int day) {
    int64_t before = year - 1;
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400;
    for (int i = 1; i < month; i++) days += days_in_month(year, i);
    return days + day - 1 - 719162;  // the days before 1970-01-01 in the same count
}

static bool date_read(const char **text, int64_t *days) {
    int year, month, day;
    if (!number_read(text, 4, 1970, 9999, &year) || !character_read(text, "-") ||
        !number_read(text, 2, 1, 12, &month) || !character_read(text, "-") ||
        !number_read(text, 2, 1, days_in_month(year, month), &day))
        return false;
    *days = days_since_1970(year, month, day);
    return true;
}

// ".123" and the like; digits after the third are read and dropped.
static bool decimals_read(const char **text, int64_t *ms) {
    int digit, count = 0, worth = 100;
    while (**text >= '0' && **text <= '9') {
        if (++count > 9 || !number_read(text, 1, 0, 9, &digit)) return false;
        *ms += (int64_t)digit * worth;
        worth /= 10;
    }
    return count > 0;
}

static bool offset_read(const char **text, int64_t *minutes) {
    int hours, rest;
    *minutes = 0;
    if (character_read(text, "Zz")) return true;
    bool is_behind = **text == '-';
    // A "+" that was not encoded arrives as a blank.
    if (!character_read(text, "+- ") || !number_read(text, 2, 0, 23, &hours) ||
        !character_read(text, ":") || !number_read(text, 2, 0, 59, &rest))
        return false;
    *minutes = (is_behind ? -1 : 1) * (hours * 60 + rest);
    return true;
}

bool time_text_read(const char *text, int64_t *ms) {
    int64_t days, minutes, decimals = 0;
    int hour, minute, second;
    if (!date_read(&text, &days)) return false;
    *ms = days * 86400000;
    if (*text == '\0') return true;
    if (!character_read(&text, "Tt ") || !number_read(&text, 2, 0, 23, &hour) ||
        !character_read(&text, ":") || !number_read(&text, 2, 0, 59, &minute) ||
        !character_read(&text, ":") || !number_read(&text, 2, 0, 60, &second))
        return false;
    if (character_read(&text, ".") && !decimals_read(&text, &decimals)) return false;
    if (!offset_read(&text, &minutes) || *text != '\0') return false;
    *ms += ((hour * 60 + minute - minutes) * 60 + second) * 1000 + decimals;
    return *ms >= 0;
}
