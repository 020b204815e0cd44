#include "cli/index_report.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/json_line.h"
#include "cli/terminal.h"

static const char *const state_names[STATE_COUNT] = {[STATE_NEW] = "new",
                                                     [STATE_KNOWN] = "known",
                                                     [STATE_UNCHANGED] = "unchanged",
                                                     [STATE_SKIPPED] = "skipped",
                                                     [STATE_FAILED] = "failed"};

bool index_report_init(struct index_report *report, bool is_json) {
    *report = (struct index_report){.is_json = is_json};
    (void)pthread_mutex_init(&report->mutex, NULL);
    progress_bar_init(&report->bar, "files");
    return report->bar.is_terminal;
}

void index_report_clear(struct index_report *report) {
    progress_bar_clear(&report->bar);
    (void)pthread_mutex_destroy(&report->mutex);
}

void index_report_start(struct index_report *report, int64_t total) {
    report->total = total;
    report->started_ns = clock_monotonic_ns();
}

static void print_failure(FILE *out, const struct ledger_entry *entry) {
    terminal_print(out, COLOUR_BAD, entry->path);
    (void)fputs(": ", out);
    terminal_print(out, COLOUR_PLAIN, entry->reason);
    (void)fputc('\n', out);
}

static void print_json(enum index_state state, const struct ledger_entry *entry,
                       const char *caption) {
    json_t *json =
        json_pack("{s:o, s:s}", "file", json_line_text(entry->path), "state", state_names[state]);
    if (entry->image_id[0] != '\0') json_object_set_new(json, "id", json_string(entry->image_id));
    if (caption != NULL) json_object_set_new(json, "caption", json_line_text(caption));
    if (entry->reason[0] != '\0')
        json_object_set_new(json, "reason", json_line_text(entry->reason));
    json_line_print(json);
}

void index_report_file(struct index_report *report, enum index_state state,
                       const struct ledger_entry *entry, const char *caption) {
    int64_t done = 0;
    (void)pthread_mutex_lock(&report->mutex);
    report->counts[state]++;
    for (int i = 0; i < STATE_COUNT; i++) done += report->counts[i];
    if (report->is_json) {
        print_json(state, entry, caption);
    } else if (state == STATE_FAILED) {
        progress_bar_clear(&report->bar);
        print_failure(stderr, entry);
    }
    if (report->total > 0)
        (void)progress_bar_show(&report->bar, "indexing", done,
                                done > report->total ? done : report->total);
    (void)pthread_mutex_unlock(&report->mutex);
}

void index_report_summary(struct index_report *report) {
    const int64_t *counts = report->counts;
    double seconds = clock_ms_since(report->started_ns) / 1000;
    int64_t pictures = counts[STATE_NEW] + counts[STATE_KNOWN];
    double rate = seconds > 0 ? (double)pictures / seconds : 0;
    progress_bar_clear(&report->bar);
    if (report->is_json) {
        json_t *json = json_object();
        for (int i = 0; i < STATE_COUNT; i++)
            json_object_set_new(json, state_names[i], json_integer(counts[i]));
        json_object_set_new(json, "seconds", json_real(seconds));
        json_object_set_new(json, "pictures_per_second", json_real(rate));
        json_line_print(json_pack("{s:o}", "summary", json));
    } else {
        char failed[32];
        (void)snprintf(failed, sizeof failed, "%lld failed", (long long)counts[STATE_FAILED]);
        (void)printf("%lld new, %lld known, %lld unchanged, ", (long long)counts[STATE_NEW],
                     (long long)counts[STATE_KNOWN], (long long)counts[STATE_UNCHANGED]);
        terminal_print(stdout, counts[STATE_FAILED] > 0 ? COLOUR_BAD : COLOUR_PLAIN, failed);
        (void)printf(", %lld skipped (not pictures); %.1f s, %.1f pictures/s\n",
                     (long long)counts[STATE_SKIPPED], seconds, rate);
        (void)fflush(stdout);
    }
}

void index_report_failure(const struct ledger_entry *entry, bool is_json) {
    if (is_json)
        print_json(STATE_FAILED, entry, NULL);
    else
        print_failure(stdout, entry);
}
