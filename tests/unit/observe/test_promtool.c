// `promtool check metrics` on the exposition. Skipped (77) where promtool is not installed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "observe/metrics.h"

enum { EXIT_SKIPPED = 77 };

static bool write_exposition(const char *path) {
    struct metrics *metrics = metrics_create(NULL);
    if (metrics == NULL) return false;
    metrics_set_info(metrics, METRIC_BUILD_INFO, "0.0.0 \"quoted\"\\", "scalar\nline");
    metrics_set_info(metrics, METRIC_MODEL_INFO, "caption \xe2\x82\xac", "vector");
    metrics_observe(metrics, METRIC_STAGE_DURATION, "decode", NULL, 0.1 + 0.2);
    size_t size;
    char *text = metrics_text_create(metrics, METRICS_PROMETHEUS, &size);
    metrics_destroy(metrics);
    FILE *file = fopen(path, "w");
    bool is_written = text != NULL && file != NULL && fwrite(text, 1, size, file) == size;
    if (file != NULL) is_written = fclose(file) == 0 && is_written;
    memory_free(text);
    return is_written;
}

int main(void) {
    if (system("command -v promtool >/dev/null 2>&1") != 0) {
        (void)puts("promtool is not installed (Debian package prometheus): not checked");
        return EXIT_SKIPPED;
    }
    char path[] = "/tmp/imgrouter_metrics_XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) return 1;
    (void)close(fd);
    if (!write_exposition(path)) return 1;
    char command[128];
    (void)snprintf(command, sizeof command, "promtool check metrics <%s 2>&1", path);
    FILE *output = popen(command, "r");
    if (output == NULL) return 1;
    char complaint[512];
    int complaints = 0;
    while (fgets(complaint, sizeof complaint, output) != NULL) {
        // Kept for the dashboards of the service this one replaces; its unit is what it is.
        if (strncmp(complaint, "request_latency_ms ", strlen("request_latency_ms ")) == 0) continue;
        (void)printf("promtool: %s", complaint);
        complaints++;
    }
    (void)pclose(output);
    (void)unlink(path);
    return complaints == 0 ? 0 : 1;
}
