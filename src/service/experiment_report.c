#include "service/experiment_report.h"

#include <string.h>

#include "base/memory.h"
#include "cloud/price_table.h"

static struct estimate mean_of(const struct ledger_sum *sum, double unit) {
    return statistics_mean(sum->count, sum->sum / unit, sum->sum_of_squares / (unit * unit));
}

static void fill_line(const struct ledger_summary *summary, struct experiment_line *line) {
    memcpy(line->experiment, summary->experiment, sizeof line->experiment);
    memcpy(line->variant, summary->variant, sizeof line->variant);
    line->is_shadow = summary->is_shadow;
    line->images = summary->images;
    line->cloud_images = summary->cloud_images;
    line->cloud_share = statistics_share(summary->cloud_images, summary->images);
    line->cost_usd = mean_of(&summary->cost_nano_usd, NANO_USD_PER_USD);
    line->latency_ms = mean_of(&summary->latency_ms, 1);
    line->confidence = mean_of(&summary->confidence, 1);
    line->clip_score = mean_of(&summary->clip_score, 1);
    line->agreement = mean_of(&summary->agreement, 1);
}

struct experiment_report *experiment_report_create(struct ledger *ledger, struct error *err) {
    struct experiment_report *report = memory_try_zeroed(1, sizeof *report);
    struct ledger_summary *summaries = memory_try_array(EXPERIMENT_LINES_MAX, sizeof *summaries);
    bool is_done = report != NULL && summaries != NULL;
    if (!is_done) error_set(err, ERROR_INTERNAL, "out of memory for the report of experiments");
    is_done = is_done && ledger->operations->summarize(ledger, summaries, EXPERIMENT_LINES_MAX,
                                                       &report->count, err);
    for (size_t i = 0; is_done && i < report->count; i++)
        fill_line(&summaries[i], &report->lines[i]);
    memory_free(summaries);
    if (is_done) return report;
    experiment_report_destroy(report);
    return NULL;
}

void experiment_report_destroy(struct experiment_report *report) { memory_free(report); }
