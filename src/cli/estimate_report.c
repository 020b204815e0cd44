#include "cli/estimate_report.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cloud_setup.h"
#include "cli/json_line.h"

enum { WORDS_SIZE = 64, USD_SIZE = 32, MINUTES_PER_DAY = 24 * 60 };

// How long a bulk run is held up by the limits, all pictures going to one provider.
struct duration {
    bool is_possible;
    int64_t days;     // 1: it fits into a day
    int64_t minutes;  // at least, by the requests of a minute
    const char *held_up_by;
};

static int64_t divide_up(int64_t a, int64_t b) { return a / b + (a % b != 0); }

static void need_days(struct duration *duration, int64_t amount, int64_t a_day, const char *by) {
    if (amount == 0) return;
    if (a_day == 0) {
        duration->is_possible = false;
        duration->held_up_by = by;
    } else if (duration->is_possible && divide_up(amount, a_day) > duration->days) {
        duration->days = divide_up(amount, a_day);
        duration->held_up_by = by;
    }
}

static struct duration duration_of(const struct estimate *estimate,
                                   const struct estimate_line *line,
                                   const struct settings *settings) {
    struct duration duration = {.is_possible = true, .days = 1};
    int64_t pictures = estimate->files.pictures;
    int64_t per_minute = settings->cloud_max_requests_per_minute;
    int64_t budget = cloud_setup_limits(settings).daily_nano_usd;
    // A call is let in when the most it can cost fits: with less than that in a day none ever is.
    if (line->dearest_nano_usd > budget) budget = 0;
    if (per_minute > 0) duration.minutes = divide_up(pictures, per_minute);
    need_days(&duration, pictures, per_minute * MINUTES_PER_DAY, "requests_per_minute");
    need_days(&duration, pictures, settings->cloud_max_requests_per_day, "requests_per_day");
    need_days(&duration, line->most_nano_usd == 0 ? 0 : line->expected_nano_usd, budget, "budget");
    return duration;
}

static int64_t per_thousand(const struct estimate *estimate, int64_t nano_usd) {
    int64_t pictures = estimate->files.pictures;
    if (pictures == 0) return 0;
    if (nano_usd / pictures > INT64_MAX / 1000 - 1) return INT64_MAX;
    return nano_usd / pictures * 1000 + divide_up(nano_usd % pictures * 1000, pictures);
}

// Four digits behind the point, rounded up.
static const char *usd_text(int64_t nano_usd, char text[static USD_SIZE]) {
    int64_t digits = divide_up(nano_usd, NANO_USD_PER_USD / 10000);
    (void)snprintf(text, USD_SIZE, "%lld.%04lld", (long long)(digits / 10000),
                   (long long)(digits % 10000));
    return text;
}

static const char *duration_text(const struct duration *duration, char text[static WORDS_SIZE]) {
    static const struct {
        const char *code, *words;
    } limits[] = {{"budget", "the budget"},
                  {"requests_per_day", "requests a day"},
                  {"requests_per_minute", "requests a minute"}};
    const char *words = "";
    for (size_t i = 0; i < sizeof limits / sizeof *limits && duration->held_up_by != NULL; i++)
        if (strcmp(limits[i].code, duration->held_up_by) == 0) words = limits[i].words;
    if (!duration->is_possible)
        (void)snprintf(text, WORDS_SIZE, "never, for %s", words);
    else if (duration->days > 1)
        (void)snprintf(text, WORDS_SIZE, "%lld days, for %s", (long long)duration->days, words);
    else
        (void)snprintf(text, WORDS_SIZE, "%lld h %02lld min", (long long)duration->minutes / 60,
                       (long long)duration->minutes % 60);
    return text;
}

static void print_files(const struct estimate_files *files) {
    (void)printf("Pictures: %lld\n", (long long)files->pictures);
    if (files->unsized > 0)
        (void)printf("  of which %lld do not tell their size early; counted as the largest sent\n",
                     (long long)files->unsized);
    if (files->too_large > 0) (void)printf("Too large: %lld\n", (long long)files->too_large);
    if (files->unreadable > 0) (void)printf("Cannot be read: %lld\n", (long long)files->unreadable);
    if (files->not_pictures > 0)
        (void)printf("No pictures: %lld\n", (long long)files->not_pictures);
}

static void print_what_follows(const struct estimate *estimate, const char *quality) {
    if (!estimate->is_configured)
        (void)printf(
            "\nNo cloud provider is set (--cloud-provider), so nothing is sent and it costs "
            "nothing.\nWhat it would cost with each:\n");
    else if (strcmp(quality, "fast") == 0)
        (void)printf(
            "\nWith --quality fast no picture is sent, and it costs nothing. If all were sent:\n");
    else if (strcmp(quality, "high") == 0)
        (void)printf(
            "\nWith --quality high every picture is sent, to the first provider that can be "
            "asked:\n");
    else
        (void)printf(
            "\nWith --quality auto only those are sent whose local caption is unsure, too slow or "
            "unfit.\nHow many that is, the pictures decide. Count with the column for 1000, or "
            "with all:\n");
}

static void print_lines(const struct estimate *estimate, const struct settings *settings) {
    (void)printf("\n%-17s  %-28s  %12s  %12s  %12s  %s\n", "provider", "model", "for 1000",
                 "for all", "at the most", "all take at least");
    for (size_t i = 0; i < estimate->line_count; i++) {
        const struct estimate_line *line = &estimate->lines[i];
        char thousand[USD_SIZE], expected[USD_SIZE], most[USD_SIZE], words[WORDS_SIZE];
        struct duration duration = duration_of(estimate, line, settings);
        (void)printf("%-17s  %-28s  %12s  %12s  %12s  %s\n", provider_kind_name(line->kind),
                     line->model,
                     usd_text(per_thousand(estimate, line->expected_nano_usd), thousand),
                     usd_text(line->expected_nano_usd, expected),
                     usd_text(line->most_nano_usd, most), duration_text(&duration, words));
    }
    char budget[USD_SIZE];
    (void)printf(
        "\nUS dollars without taxes, by the prices of %s.\nLimits: %lld requests a minute, %lld "
        "requests and %s USD a day.\n",
        estimate->prices, (long long)settings->cloud_max_requests_per_minute,
        (long long)settings->cloud_max_requests_per_day,
        usd_text(cloud_setup_limits(settings).daily_nano_usd, budget));
}

static void print_json(const struct estimate *estimate, const struct settings *settings) {
    const struct estimate_files *files = &estimate->files;
    json_t *lines = json_array();
    for (size_t i = 0; i < estimate->line_count; i++) {
        const struct estimate_line *line = &estimate->lines[i];
        struct duration duration = duration_of(estimate, line, settings);
        (void)json_array_append_new(
            lines,
            json_pack(
                "{s:s, s:s, s:f, s:f, s:f, s:f, s:o, s:o, s:s?, s:s, s:s}", "provider",
                provider_kind_name(line->kind), "model", line->model, "expected_usd",
                price_usd(line->expected_nano_usd), "most_usd", price_usd(line->most_nano_usd),
                "expected_usd_per_1000", price_usd(per_thousand(estimate, line->expected_nano_usd)),
                "most_usd_per_1000", price_usd(per_thousand(estimate, line->most_nano_usd)), "days",
                duration.is_possible ? json_integer(duration.days) : json_null(), "minutes",
                duration.is_possible ? json_integer(duration.minutes) : json_null(), "held_up_by",
                duration.held_up_by, "price_date", line->price->date, "price_source",
                line->price->source));
    }
    json_line_print(json_pack(
        "{s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "quality", settings->quality,
        "is_configured", estimate->is_configured, "prices", json_line_text(estimate->prices),
        "pictures", (json_int_t)files->pictures, "unsized", (json_int_t)files->unsized, "too_large",
        (json_int_t)files->too_large, "unreadable", (json_int_t)files->unreadable, "not_pictures",
        (json_int_t)files->not_pictures, "providers", lines));
}

void estimate_report_print(const struct estimate *estimate, const struct settings *settings) {
    if (settings->is_json) {
        print_json(estimate, settings);
        return;
    }
    print_files(&estimate->files);
    print_what_follows(estimate, settings->quality);
    print_lines(estimate, settings);
}
