// A quota may stand at any level above the process, as systemd's do: at its service, at the slice
// around it. In a container the mounted folder usually begins at the container's own group, while
// the membership names it either as "/" or, without a namespace of its own, by its path on the
// host, which is not there. So every level of the path is tried, from the deepest to the root.
#define _GNU_SOURCE
#include "base/processors.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The two numbers at the start of a small file; what is absent is 0, and so is the word "max".
static void read_numbers(const char *folder, const char *group, const char *name, double *first,
                         double *second) {
    char path[PATH_MAX], line[128];
    *first = *second = 0;
    int size = snprintf(path, sizeof path, "%s%s/%s", folder, group, name);
    if (size < 0 || (size_t)size >= sizeof path) return;
    FILE *file = fopen(path, "re");
    if (file == NULL) return;
    if (fgets(line, sizeof line, file) != NULL) {
        char *end;
        *first = strtod(line, &end);
        *second = strtod(end, NULL);
    }
    (void)fclose(file);
}

// Processors that one group is granted; 0: as many as there are.
static double group_quota(const char *folder, const char *group, bool is_version_2) {
    double quota, period, unused;
    if (is_version_2) {
        read_numbers(folder, group, "cpu.max", &quota, &period);
    } else {
        read_numbers(folder, group, "cpu.cfs_quota_us", &quota, &unused);  // -1: none
        read_numbers(folder, group, "cpu.cfs_period_us", &period, &unused);
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

// The smallest quota from the group up to the root. `group` is "/a/b"; it is cut short.
static double path_quota(const char *folder, char *group, bool is_version_2) {
    double smallest = 0;
    for (;;) {
        double quota = group_quota(folder, strcmp(group, "/") == 0 ? "" : group, is_version_2);
        if (quota > 0 && (smallest == 0 || quota < smallest)) smallest = quota;
        char *slash = strrchr(group, '/');
        if (slash == NULL || group[1] == '\0') return smallest;
        slash[slash == group ? 1 : 0] = '\0';
    }
}

// Whether "cpu" is among the controllers between the first two colons of a line.
static bool has_cpu_controller(const char *controllers) {
    for (const char *word = controllers; *word != '\0';) {
        size_t size = strcspn(word, ",");
        if (size == 3 && strncmp(word, "cpu", 3) == 0) return true;
        word += size + (word[size] == ',' ? 1 : 0);
    }
    return false;
}

size_t processor_quota(const char *membership, const char *folder) {
    char line[PATH_MAX], version_1[PATH_MAX];
    double smallest = 0;
    (void)snprintf(version_1, sizeof version_1, "%s/cpu", folder);
    FILE *file = fopen(membership, "re");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        // "<number>:<controllers>:<path>"; version 2 has no controllers.
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (group == NULL || group[1] != '/') continue;
        *group++ = '\0';
        bool is_version_2 = controllers[1] == '\0';
        if (!is_version_2 && !has_cpu_controller(controllers + 1)) continue;
        double quota = path_quota(is_version_2 ? folder : version_1, group, is_version_2);
        if (quota > 0 && (smallest == 0 || quota < smallest)) smallest = quota;
    }
    (void)fclose(file);
    if (smallest == 0) return 0;
    return smallest < 1 ? 1 : (size_t)(smallest + 0.5);
}

static size_t allowed_processors(void) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return (size_t)CPU_COUNT(&allowed);
    // More processors than a cpu_set_t has bits.
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : (size_t)online;
}

size_t processor_count(void) {
    size_t count = allowed_processors();
    size_t quota = processor_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    return quota > 0 && quota < count ? quota : count;
}
