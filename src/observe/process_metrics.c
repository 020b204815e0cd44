#include "observe/process_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "observe/metrics_text.h"

enum {
    // proc(5) numbers the fields of /proc/self/stat from 1; the name, 2, ends in ")".
    FIELD_STATE = 3,
    FIELD_USER_TICKS = 14,
    FIELD_SYSTEM_TICKS = 15,
    FIELD_START_TICKS = 22,
    FIELD_VIRTUAL_BYTES = 23,
    FIELD_RESIDENT_PAGES = 24,
    STAT_MAX = 1024 * 1024,  // /proc/stat grows with processors and interrupts
};

// A whole file of /proc, whose size is not known before; the caller frees it. NULL: unreadable.
static char *proc_read_create(const char *path) {
    FILE *file = fopen(path, "re");
    if (file == NULL) return NULL;
    struct byte_buffer text;
    byte_buffer_init(&text, STAT_MAX);
    char piece[4096];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        if (!byte_buffer_append(&text, piece, got)) break;
    (void)fclose(file);
    size_t size;
    return byte_buffer_take(&text, &size);
}

// Field `number` of /proc/self/stat. The name may hold blanks and brackets: count from its end.
static double stat_field(const char *stat, int number) {
    const char *at = strrchr(stat, ')');
    for (int field = FIELD_STATE - 1; at != NULL && field < number; field++) {
        at = strchr(at, ' ');
        if (at != NULL) at++;
    }
    return at == NULL ? 0 : strtod(at, NULL);
}

// Seconds since 1970 of the machine's start; 0: unknown.
static double boot_time_s(void) {
    char *stat = proc_read_create("/proc/stat");
    const char *line = stat == NULL ? NULL : strstr(stat, "\nbtime ");
    double seconds = line == NULL ? 0 : strtod(line + strlen("\nbtime "), NULL);
    memory_free(stat);
    return seconds;
}

static double open_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) return 0;
    double count = -1;  // the folder's own
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.') count++;
    (void)closedir(folder);
    return count;
}

static void append(struct metrics_text *text, const char *name, const char *type, const char *help,
                   double value) {
    metrics_text_append_head(text, name, type, help);
    byte_buffer_append_text(&text->bytes, name);
    metrics_text_append_number(text, value);
    byte_buffer_append_text(&text->bytes, "\n");
}

void process_metrics_append(struct metrics_text *text) {
    char *stat = proc_read_create("/proc/self/stat");
    if (stat == NULL) return;
    double ticks = (double)sysconf(_SC_CLK_TCK);
    double page_bytes = (double)sysconf(_SC_PAGESIZE);
    append(text, "process_cpu_seconds_total", "counter", "Processor seconds used.",
           (stat_field(stat, FIELD_USER_TICKS) + stat_field(stat, FIELD_SYSTEM_TICKS)) / ticks);
    append(text, "process_resident_memory_bytes", "gauge", "Memory in use.",
           stat_field(stat, FIELD_RESIDENT_PAGES) * page_bytes);
    append(text, "process_virtual_memory_bytes", "gauge", "Address space in use.",
           stat_field(stat, FIELD_VIRTUAL_BYTES));
    double boot_s = boot_time_s();
    if (boot_s > 0)
        append(text, "process_start_time_seconds", "gauge", "Start, in seconds since 1970.",
               boot_s + stat_field(stat, FIELD_START_TICKS) / ticks);
    memory_free(stat);
    append(text, "process_open_fds", "gauge", "Open file descriptors.", open_descriptors());
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        append(text, "process_max_fds", "gauge", "Limit of open file descriptors.",
               (double)limit.rlim_cur);
}
