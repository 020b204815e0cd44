#include "fake_book.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct fake_book fake_book;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static bool observe(struct ledger *ledger, const struct ledger_observation *observation,
                    struct error *err) {
    (void)ledger;
    atomic_fetch_add(&fake_book.attempts, 1);
    if (atomic_load(&fake_book.fails)) return error_set(err, ERROR_STORAGE, "the disk is full");
    (void)pthread_mutex_lock(&mutex);
    size_t count = atomic_load(&fake_book.count);
    struct fake_observation *kept = &fake_book.observations[count % FAKE_BOOK_MAX];
    kept->figures = *observation;
    (void)snprintf(kept->experiment, sizeof kept->experiment, "%s", observation->experiment);
    (void)snprintf(kept->variant, sizeof kept->variant, "%s", observation->variant);
    (void)snprintf(kept->image_id, sizeof kept->image_id, "%s", observation->image_id);
    (void)snprintf(kept->provider, sizeof kept->provider, "%s", observation->provider);
    (void)snprintf(kept->model, sizeof kept->model, "%s", observation->model);
    (void)snprintf(kept->caption, sizeof kept->caption, "%s", observation->caption);
    atomic_store(&fake_book.count, count + 1);
    (void)pthread_mutex_unlock(&mutex);
    return true;
}

static const struct ledger_operations operations = {.observe = observe};

struct ledger *fake_book_reset(void) {
    memset(&fake_book, 0, sizeof fake_book);
    fake_book.base.operations = &operations;
    return &fake_book.base;
}

void fake_book_await(size_t count) {
    while (atomic_load(&fake_book.count) < count)
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}
