// How many processors we may use: the affinity mask of the process, and quotas as cgroups of both
// versions show them, in folders made for the test.
#define _GNU_SOURCE
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/processors.h"

enum { PATH_SIZE = 512, MOST_FILES = 6 };

static char root[] = "/tmp/imgrouter-cgroup-XXXXXX";

static void write_below_root(const char *name, const char *text) {
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    assert_true(file_write_atomic(path, text, strlen(text), NULL));
}

struct group_file {
    const char *name;  // below the mounted folder
    const char *text;
};

struct quota_case {
    const char *what;
    const char *membership;
    struct group_file files[MOST_FILES];
    size_t wanted;
};

static const struct quota_case cases[] = {
    {"no quota", "0::/\n", {{"cpu.max", "max 100000\n"}}, 0},
    {"a container of its own", "0::/\n", {{"cpu.max", "200000 100000\n"}}, 2},
    {"rounded to the nearest", "0::/\n", {{"cpu.max", "160000 100000\n"}}, 2},
    {"rounded down", "0::/\n", {{"cpu.max", "340000 100000\n"}}, 3},
    {"less than one", "0::/\n", {{"cpu.max", "20000 100000\n"}}, 1},
    {"a service",
     "0::/system.slice/a.service\n",
     {{"system.slice/a.service/cpu.max", "300000 100000\n"}},
     3},
    {"the slice around it is smaller",
     "0::/system.slice/a.service\n",
     {{"system.slice/a.service/cpu.max", "300000 100000\n"},
      {"system.slice/cpu.max", "100000 50000\n"}},
     2},
    {"the slice around it is larger",
     "0::/system.slice/a.service\n",
     {{"system.slice/a.service/cpu.max", "300000 100000\n"},
      {"system.slice/cpu.max", "900000 100000\n"}},
     3},
    {"a path of the host that is not mounted",
     "0::/docker/0123abcd\n",
     {{"cpu.max", "400000 100000\n"}},
     4},
    {"version 1",
     "4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n",
     {{"cpu/x/cpu.cfs_quota_us", "250000\n"}, {"cpu/x/cpu.cfs_period_us", "50000\n"}},
     5},
    {"version 1 without a quota",
     "3:cpuacct,cpu:/\n",
     {{"cpu/cpu.cfs_quota_us", "-1\n"}, {"cpu/cpu.cfs_period_us", "100000\n"}},
     0},
    {"another controller's group says nothing",
     "3:cpuset:/x\n",
     {{"cpu/x/cpu.cfs_quota_us", "100000\n"}, {"cpu/x/cpu.cfs_period_us", "100000\n"}},
     0},
    {"nonsense", "0::/\n", {{"cpu.max", "lots of it\n"}}, 0},
    {"nonsense for a membership", "hello\n:\n0:\n0::x\n", {{"cpu.max", "100000 100000\n"}}, 0},
};

static void test_quotas(void **state) {
    (void)state;
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64], membership[PATH_SIZE], folder[PATH_SIZE];
        (void)snprintf(name, sizeof name, "%zu/membership", i);
        (void)snprintf(membership, sizeof membership, "%s/%s", root, name);
        (void)snprintf(folder, sizeof folder, "%s/%zu/mounted", root, i);
        write_below_root(name, cases[i].membership);
        for (size_t j = 0; j < MOST_FILES && cases[i].files[j].name != NULL; j++) {
            char file[PATH_SIZE];
            (void)snprintf(file, sizeof file, "%zu/mounted/%s", i, cases[i].files[j].name);
            write_below_root(file, cases[i].files[j].text);
        }
        size_t quota = processor_quota(membership, folder);
        if (quota != cases[i].wanted)
            fail_msg("%s: %zu processors, wanted %zu", cases[i].what, quota, cases[i].wanted);
    }
    assert_int_equal(processor_quota("/nowhere/membership", "/nowhere"), 0);
    char command[PATH_SIZE];
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

static void test_affinity_is_honoured(void **state) {
    (void)state;
    cpu_set_t allowed, one;
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    assert_in_range(processor_count(), 1, CPU_COUNT(&allowed));
    int first = 0;
    while (!CPU_ISSET(first, &allowed)) first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(sched_setaffinity(0, sizeof one, &one) == 0 ? (int)processor_count() : 100);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotas),
        cmocka_unit_test(test_affinity_is_honoured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
