// What `imgrouter estimate` found, for people and as JSON.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/settings.h"
#include "cloud/price_table.h"

struct estimate_files {
    int64_t pictures;  // that index would take
    int64_t unsized;   // of which the header does not tell the size: counted as the largest sent
    int64_t too_large;
    int64_t unreadable;    // files that cannot be opened, and folders
    int64_t not_pictures;  // or of a format that this build cannot read
};

// One provider and model, and what sending it every picture costs.
struct estimate_line {
    enum provider_kind kind;
    const char *model;  // "*": any
    const struct price *price;
    uint32_t max_side;  // pictures are shrunk to this before they are sent
    int64_t expected_nano_usd;
    int64_t most_nano_usd;
    int64_t dearest_nano_usd;  // the most that a single picture can cost
};

struct estimate {
    struct estimate_files files;
    struct estimate_line *lines;  // owned by who fills it in
    size_t line_count;
    bool is_configured;  // the lines are the providers set; else what the table has
    const char *prices;  // the table's file
};

void estimate_report_print(const struct estimate *estimate, const struct settings *settings);
