#include "cli/progress_bar.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    BAR_WIDTH = 24,                 // characters
    REDRAW_INTERVAL_NS = 100000000  // ten times a second is as fast as one reads
};

void progress_bar_init(struct progress_bar *bar, const char *things) {
    *bar = (struct progress_bar){.things = things, .is_terminal = isatty(STDERR_FILENO) == 1};
}

static void draw(struct progress_bar *bar, int64_t done, int64_t total, int64_t now_ns) {
    char filled[BAR_WIDTH + 1];
    double part = total > 0 ? (double)done / (double)total : 0;
    double seconds = (double)(now_ns - bar->started_ns) / 1e9;
    double rate = seconds > 0.5 ? (double)(done - bar->first_done) / seconds : 0;
    for (int i = 0; i < BAR_WIDTH; i++) filled[i] = i < (int)(part * BAR_WIDTH) ? '#' : '.';
    filled[BAR_WIDTH] = '\0';
    const char *things = bar->things != NULL ? bar->things : "MB";
    double unit = bar->things != NULL ? 1 : 1e6;
    int decimals = bar->things != NULL ? 0 : 1;
    (void)fprintf(stderr, "\r\033[K%s [%s] %3d%%  %.*f of %.*f %s", bar->name, filled,
                  (int)(part * 100), decimals, (double)done / unit, decimals, (double)total / unit,
                  things);
    if (rate > 0)
        (void)fprintf(stderr, "  %.1f %s/s  %.0f s left", rate / unit, things,
                      (double)(total - done) / rate);
    (void)fflush(stderr);
    bar->is_shown = true;
    bar->drawn_ns = now_ns;
}

bool progress_bar_show(void *context, const char *name, int64_t done, int64_t total) {
    struct progress_bar *bar = context;
    if (!bar->is_terminal) return true;
    int64_t now_ns = clock_monotonic_ns();
    if (strcmp(bar->name, name) != 0) {
        (void)snprintf(bar->name, sizeof bar->name, "%s", name);
        bar->started_ns = now_ns;
        bar->first_done = done;
        bar->drawn_ns = 0;
    }
    if (now_ns - bar->drawn_ns >= REDRAW_INTERVAL_NS || done == total)
        draw(bar, done, total, now_ns);
    return true;
}

void progress_bar_clear(struct progress_bar *bar) {
    if (bar->is_shown) (void)fputs("\r\033[K", stderr);
    bar->is_shown = false;
    bar->name[0] = '\0';
}
