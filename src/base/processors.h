// How many processors this process may use: what its affinity mask allows, cut to the CPU quota of
// its container or service (cgroups of both versions), at least 1.
#pragma once

#include <stddef.h>

size_t processor_count(void);

// The smallest quota of the groups this process is in, in processors, rounded to the nearest but at
// least 1; 0: none. `membership` is the file that names the groups, "/proc/self/cgroup"; `folder`
// is where they are mounted, "/sys/fs/cgroup".
size_t processor_quota(const char *membership, const char *folder);
