// The server's side: start the child, read its answer under a deadline, end it, reap it.
#define _GNU_SOURCE  // pipe2, posix_spawn_file_actions_addclosefrom_np
#include "image/heif_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "image/heif_protocol.h"

// Well above what the processor time of heif_sandbox.h takes on a busy machine.
enum { WALL_LIMIT_S = 40 };

static const char *child_executable;

void heif_child_enable(const char *executable) {
    // Whoever started us may have left it ignored: then the kernel would reap the child by itself,
    // and its number could be another's when we use it.
    (void)signal(SIGCHLD, SIG_DFL);
    child_executable = executable;
}
bool heif_child_is_enabled(void) { return child_executable != NULL; }

static pid_t child_start(int request, int reply, struct error *err) {
    static char name[] = "imgrouter", command[] = "decode-heif";
    char *const arguments[] = {name, command, NULL};
    char *const environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    (void)sigemptyset(&none);
    pid_t pid = -1;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0) goto out;
    code = posix_spawnattr_init(&attributes);
    if (code != 0) goto out_actions;
    // A group of its own: Ctrl-C at the server's terminal lets running requests finish.
    if ((code = posix_spawnattr_setflags(&attributes,
                                         POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP)) == 0 &&
        (code = posix_spawnattr_setsigmask(&attributes, &none)) == 0 &&
        (code = posix_spawn_file_actions_adddup2(&actions, request, 0)) == 0 &&
        (code = posix_spawn_file_actions_adddup2(&actions, reply, 1)) == 0 &&
        (code = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)) == 0 &&
        (code = posix_spawn_file_actions_addclosefrom_np(&actions, 3)) == 0)
        code = posix_spawn(&pid, child_executable, &actions, &attributes, arguments, environment);
    (void)posix_spawnattr_destroy(&attributes);
out_actions:
    (void)posix_spawn_file_actions_destroy(&actions);
out:
    if (code == 0) return pid;
    error_set(err, ERROR_UNAVAILABLE,
              "cannot start the decoder of the picture: %s; try again later", strerror(code));
    return -1;
}

// Returns the signal that ended the child by its own doing, or 0. Nobody else waits for it, so the
// number is its own until here.
static int child_end(pid_t pid) {
    (void)kill(pid, SIGKILL);
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return 0;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static bool reply_judge(enum heif_reply reply, int signal_number, struct error *err) {
    static const char advice[] = "send it as JPEG or PNG";
    switch (reply) {
        case HEIF_REPLY_PIXELS:
            return true;
        case HEIF_REPLY_ERROR:
            return false;  // *err has it
        case HEIF_REPLY_LATE:
            return error_set(err, ERROR_INVALID,
                             "the picture cannot be decoded within the limits: it took longer than "
                             "%d s; %s",
                             (int)WALL_LIMIT_S, advice);
        case HEIF_REPLY_FALSE:
            return error_set(err, ERROR_INVALID,
                             "the picture cannot be decoded within the limits: its decoder gave "
                             "something else than a picture; %s",
                             advice);
        case HEIF_REPLY_CUT:
            break;
    }
    return error_set(err, ERROR_INVALID,
                     "the picture cannot be decoded within the limits: its decoder ended early "
                     "(signal %d); %s",
                     signal_number, advice);
}

bool heif_child_decode(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                       struct pixels *pixels, struct error *err) {
    *pixels = (struct pixels){0};
    int64_t deadline = clock_monotonic_ns() + (int64_t)WALL_LIMIT_S * 1000000000;
    int ends[2];
    int request = heif_request_create(bytes, size, limits, err);
    if (request < 0) return false;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        error_set(err, ERROR_UNAVAILABLE, "cannot reach the picture's decoder: %s; try again later",
                  strerror(errno));
        (void)close(request);
        return false;
    }
    pid_t pid = child_start(request, ends[1], err);
    (void)close(request);
    (void)close(ends[1]);
    bool is_ok = false;
    if (pid > 0) {
        enum heif_reply reply = heif_reply_read(ends[0], deadline, limits, pixels, err);
        is_ok = reply_judge(reply, child_end(pid), err);
    }
    (void)close(ends[0]);
    return is_ok;
}
