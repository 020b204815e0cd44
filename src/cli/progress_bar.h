// A line on standard error that tells how far long work is; nothing when that is no terminal.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress_bar {
    const char *things;  // what is counted: "files"; NULL: bytes, shown as megabytes
    bool is_terminal;
    bool is_shown;
    char name[128];  // of what it shows now
    int64_t started_ns;
    int64_t first_done;  // where it began, so that resumed work does not look fast
    int64_t drawn_ns;
};

void progress_bar_init(struct progress_bar *bar, const char *things);
// Of the type hub_progress; the context is the bar. Always true.
bool progress_bar_show(void *context, const char *name, int64_t done, int64_t total);
void progress_bar_clear(struct progress_bar *bar);  // wipes the line
