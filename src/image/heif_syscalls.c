#define _GNU_SOURCE  // CLONE_THREAD
#include "image/heif_syscalls.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

// Sanitizers look into /proc and stop threads.
#if defined(NATIVE_ARCHITECTURE) && !defined(IMGROUTER_SANITIZED)

// clone is judged by its flags below; clone3 hides them in memory, so it is absent.
static const uint32_t allowed[] = {
    SYS_read,
    SYS_write,
    SYS_close,
    SYS_brk,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_futex,
    SYS_sched_yield,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sched_getaffinity,
    SYS_getrandom,
    SYS_clock_gettime,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_exit,
    SYS_exit_group,
    SYS_getpid,
    SYS_gettid,
    SYS_restart_syscall,
};
enum {
    ALLOWED_COUNT = sizeof allowed / sizeof *allowed,
    PROGRAM_MAX = 16 + 2 * ALLOWED_COUNT,
};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, action)
#define NEXT_IF_EQUAL(number, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, otherwise)
#define NEXT_IF_SET(bits, otherwise) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, otherwise)

void heif_syscalls_restrict(void) {
    // Both architectures are little-endian: args[0] begins with its low half.
    const struct sock_filter head[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCHITECTURE, 1, 0),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        // Threads, but no processes.
        NEXT_IF_EQUAL(SYS_clone, 3),
        LOAD(args[0]),
        NEXT_IF_SET(CLONE_THREAD, 5),
        ANSWER(SECCOMP_RET_ALLOW),
        // Its own limits only: heif_sandbox_allow.
        NEXT_IF_EQUAL(SYS_prlimit64, 4),
        LOAD(args[0]),
        NEXT_IF_EQUAL(0, 1),
        ANSWER(SECCOMP_RET_ALLOW),
        ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
    };
    struct sock_filter program[PROGRAM_MAX];
    size_t size = sizeof head / sizeof *head;
    memcpy(program, head, sizeof head);
    for (size_t i = 0; i < ALLOWED_COUNT; i++) {
        program[size++] = (struct sock_filter)NEXT_IF_EQUAL(allowed[i], 1);
        program[size++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
    }
    program[size++] = (struct sock_filter)ANSWER(SECCOMP_RET_ERRNO | ENOSYS);
    const struct sock_fprog filter = {.len = (unsigned short)size, .filter = program};
    (void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

#else
void heif_syscalls_restrict(void) {}
#endif
