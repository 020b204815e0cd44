// The system calls that decoding needs, threads included: a list of what may be done (seccomp).
#pragma once

// For good, for the whole process. Every other call answers ENOSYS afterwards, as on a kernel that
// does not have it: the C library then takes its older way or gives up. Does nothing where the
// kernel or the processor has no such filter: the limits of heif_sandbox.h hold without it.
void heif_syscalls_restrict(void);
