// What experiments have shown so far, from the book of costs: for each variant, and apart for each
// shadow, means with their confidence intervals of 95 %.
#pragma once

#include "cloud/ledger.h"
#include "route/statistics.h"

enum { EXPERIMENT_LINES_MAX = 1000 };

struct experiment_line {
    char experiment[LEDGER_NAME_SIZE];
    char variant[LEDGER_NAME_SIZE];
    bool is_shadow;
    int64_t images;
    int64_t cloud_images;         // captioned by a provider
    struct estimate cloud_share;  // of the images, 0 to 1
    // Means of one image; NAN where no image had such a figure.
    struct estimate cost_usd, latency_ms, confidence, clip_score;
    struct estimate agreement;  // of a shadow: cosine of its caption and the one that was stored
};

struct experiment_report {
    size_t count;
    struct experiment_line lines[EXPERIMENT_LINES_MAX];  // by experiment, variant, then is_shadow
};

// Errors: the ledger's; ERROR_INTERNAL when memory is out.
struct experiment_report *experiment_report_create(struct ledger *ledger, struct error *err);
void experiment_report_destroy(struct experiment_report *report);  // takes NULL
