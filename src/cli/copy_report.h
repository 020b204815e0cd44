// What a copy into a store came to, on standard output, and what went wrong on standard error.
#pragma once

#include <jansson.h>

#include "cli/progress_bar.h"
#include "store/store_copy.h"

struct copy_outcome {
    const char *from, *to;  // as people name them
    bool has_pictures;      // they were to be copied
    struct store_copy_report copied;
    struct store_verification verified;
};

// The context of store_copy's progress.
struct copy_progress {
    struct progress_bar bar;
    const char *name;  // "copying"
};
void copy_progress_show(void *context, size_t done, size_t total);

// Returns the exit code: 1 when an image or picture did not arrive.
int copy_report_print(const struct copy_outcome *outcome, const struct image_pages *pages,
                      bool is_json);
// For "vectors" in JSON.
json_t *copy_report_vectors(const struct image_pages *pages, const size_t *counts);
