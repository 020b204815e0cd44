#include "cli/experiment_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 8, CELL_SIZE = 80 };

struct row {
    char cells[COLUMNS][CELL_SIZE];
};

static const struct row heading = {{"variant", "images", "to the cloud, %", "cost, USD",
                                    "latency, ms", "confidence", "clip score", "agreement"}};

// "0.52 (0.48 to 0.56)"
static void write_estimate(char cell[static CELL_SIZE], const struct estimate *estimate,
                           double scale, int decimals) {
    double low = estimate->low * scale, high = estimate->high * scale;
    if (isnan(estimate->value))
        (void)snprintf(cell, CELL_SIZE, "-");
    else if (isnan(low) || isnan(high))
        (void)snprintf(cell, CELL_SIZE, "%.*f", decimals, estimate->value * scale);
    else
        (void)snprintf(cell, CELL_SIZE, "%.*f (%.*f to %.*f)", decimals, estimate->value * scale,
                       decimals, low, decimals, high);
}

static void fill_row(const struct experiment_line *line, struct row *row) {
    (void)snprintf(row->cells[0], CELL_SIZE, "%s%s", line->variant,
                   line->is_shadow ? ", as shadow" : "");
    (void)snprintf(row->cells[1], CELL_SIZE, "%" PRId64, line->images);
    write_estimate(row->cells[2], &line->cloud_share, 100, 1);
    write_estimate(row->cells[3], &line->cost_usd, 1, 6);
    write_estimate(row->cells[4], &line->latency_ms, 1, 0);
    write_estimate(row->cells[5], &line->confidence, 1, 3);
    write_estimate(row->cells[6], &line->clip_score, 1, 3);
    write_estimate(row->cells[7], &line->agreement, 1, 3);
}

static void print_row(const struct row *row, const size_t widths[static COLUMNS]) {
    for (int i = 0; i < COLUMNS; i++)
        (void)printf("%s%-*s", i == 0 ? "" : "  ", i == COLUMNS - 1 ? 0 : (int)widths[i],
                     row->cells[i]);
    (void)printf("\n");
}

static void widen(size_t widths[static COLUMNS], const struct row *row) {
    for (int i = 0; i < COLUMNS; i++) {
        size_t length = strlen(row->cells[i]);
        if (length > widths[i]) widths[i] = length;
    }
}

void experiment_table_print(const struct experiment_report *report) {
    struct row row;
    for (size_t i = 0; i < report->count;) {
        const char *name = report->lines[i].experiment;
        size_t widths[COLUMNS] = {0}, end = i;
        widen(widths, &heading);
        for (; end < report->count && strcmp(report->lines[end].experiment, name) == 0; end++) {
            fill_row(&report->lines[end], &row);
            widen(widths, &row);
        }
        (void)printf("%s%s\n", i == 0 ? "" : "\n", name);
        print_row(&heading, widths);
        for (; i < end; i++) {
            fill_row(&report->lines[i], &row);
            print_row(&row, widths);
        }
    }
    (void)printf(report->count == 0 ? "no experiment has run yet\n"
                                    : "\nmeans of one picture, with their intervals of 95 %%\n");
}
