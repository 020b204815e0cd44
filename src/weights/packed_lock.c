#include "weights/packed_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { TRIES_A_SECOND = 20 };

bool packed_lock_take(const char *path, unsigned patience_s, int *lock) {
    char name[PATH_MAX];
    int length = snprintf(name, sizeof name, "%s.lock", path);
    if (length < 0 || (size_t)length >= sizeof name) return false;
    *lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (*lock < 0) return false;
    const struct timespec pause = {.tv_nsec = 1000000000 / TRIES_A_SECOND};
    for (unsigned tries = 0; flock(*lock, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK && errno != EINTR) return true;
        if (tries == 0) log_info("waiting for another process that packs the same model");
        if (tries >= patience_s * TRIES_A_SECOND) {
            (void)close(*lock);
            return false;
        }
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

void packed_lock_release(int lock) { (void)close(lock); }
