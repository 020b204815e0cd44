#include "store/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int folder_lock_take(const char *path, struct error *err) {
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) {
        error_set(err, ERROR_STORAGE,
                  "cannot create %s: %s; make the folder writable for this user or choose "
                  "another data folder",
                  path, strerror(errno));
        return -1;
    }
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno == EWOULDBLOCK)
        error_set(err, ERROR_CONFLICT,
                  "%s is locked: another imgrouter uses this data folder; stop it, or choose "
                  "another data folder",
                  path);
    else
        error_set(err, ERROR_STORAGE, "cannot lock %s: %s; choose a folder on a local disk", path,
                  strerror(errno));
    (void)close(lock);
    return -1;
}

void folder_lock_release(int lock) {
    if (lock >= 0) (void)close(lock);
}
