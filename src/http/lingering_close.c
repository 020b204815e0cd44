#include "http/lingering_close.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
    SOCKETS_MAX = 64,  // at once; the 65th is closed the hard way
    LINGER_MS = 5000,  // 25 MB at 40 Mbit/s
    PIECE_BYTES = 256 * 1024,
};

struct lingering_socket {
    int socket;
    int64_t until_monotonic_ns;
};

struct lingering_close {
    pthread_t thread;
    int wake;  // eventfd
    pthread_mutex_t mutex;
    struct lingering_socket sockets[SOCKETS_MAX];  // added by anyone, removed by the thread
    size_t count;
    bool is_stopping;
};

// True when the other side has closed, or the socket has failed.
static bool discard_is_done(int socket) {
    // Linux throws the bytes away unread when asked for truncation (tcp(7)).
    ssize_t got = recv(socket, NULL, PIECE_BYTES, MSG_TRUNC | MSG_DONTWAIT);
    return got == 0;
}

static void *linger_thread(void *context) {
    struct lingering_close *lingering = context;
    struct pollfd waits[SOCKETS_MAX + 1];
    for (;;) {
        pthread_mutex_lock(&lingering->mutex);
        size_t count = lingering->count;
        bool is_stopping = lingering->is_stopping;
        for (size_t i = 0; i < count; i++)
            waits[i + 1] = (struct pollfd){.fd = lingering->sockets[i].socket, .events = POLLIN};
        pthread_mutex_unlock(&lingering->mutex);
        if (is_stopping) return NULL;
        waits[0] = (struct pollfd){.fd = lingering->wake, .events = POLLIN};
        (void)poll(waits, (nfds_t)count + 1, count == 0 ? -1 : LINGER_MS);
        uint64_t wakes;
        if (waits[0].revents != 0 && read(lingering->wake, &wakes, sizeof wakes) < 0) continue;

        int64_t now = clock_monotonic_ns();
        pthread_mutex_lock(&lingering->mutex);
        for (size_t i = count; i-- > 0;) {  // from the end: the last one fills a gap
            struct lingering_socket *one = &lingering->sockets[i];
            bool is_failed = (waits[i + 1].revents & (POLLERR | POLLNVAL)) != 0;
            bool is_done = waits[i + 1].revents != 0 && discard_is_done(one->socket);
            if (!is_failed && !is_done && now < one->until_monotonic_ns) continue;
            (void)close(one->socket);
            *one = lingering->sockets[--lingering->count];
        }
        pthread_mutex_unlock(&lingering->mutex);
    }
}

struct lingering_close *lingering_close_create(struct error *err) {
    struct lingering_close *lingering = memory_alloc(sizeof *lingering);
    pthread_mutex_init(&lingering->mutex, NULL);
    lingering->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lingering->wake >= 0 &&
        pthread_create(&lingering->thread, NULL, linger_thread, lingering) == 0)
        return lingering;
    error_set(err, ERROR_UNAVAILABLE, "cannot start the thread that closes refused connections");
    if (lingering->wake >= 0) (void)close(lingering->wake);
    pthread_mutex_destroy(&lingering->mutex);
    memory_free(lingering);
    return NULL;
}

static void wake_thread(struct lingering_close *lingering) {
    const uint64_t one = 1;
    ssize_t written = write(lingering->wake, &one, sizeof one);
    (void)written;  // a full counter wakes as well
}

void lingering_close_destroy(struct lingering_close *lingering) {
    if (lingering == NULL) return;
    pthread_mutex_lock(&lingering->mutex);
    lingering->is_stopping = true;
    pthread_mutex_unlock(&lingering->mutex);
    wake_thread(lingering);
    pthread_join(lingering->thread, NULL);
    for (size_t i = 0; i < lingering->count; i++) (void)close(lingering->sockets[i].socket);
    (void)close(lingering->wake);
    pthread_mutex_destroy(&lingering->mutex);
    memory_free(lingering);
}

void lingering_close_add(struct lingering_close *lingering, int socket) {
    int kept = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (kept < 0) return;
    pthread_mutex_lock(&lingering->mutex);
    bool has_room = lingering->count < SOCKETS_MAX && !lingering->is_stopping;
    if (has_room)
        lingering->sockets[lingering->count++] =
            (struct lingering_socket){kept, clock_monotonic_ns() + (int64_t)LINGER_MS * 1000000};
    pthread_mutex_unlock(&lingering->mutex);
    if (has_room)
        wake_thread(lingering);
    else
        (void)close(kept);
}
