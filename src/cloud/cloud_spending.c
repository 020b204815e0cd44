// What is spent is remembered, so that neither a decision nor a scrape of the metrics waits for the
// book: decisions ask it at most once a second, or when this process has written into it, and a
// thread of its own asks every few seconds, for other servers on the same store and for midnight.
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cloud/cloud_private.h"

enum { PERIOD_S = 5 };
static const int64_t kept_ns = 1000000000;

struct cloud_spending {
    struct ledger *ledger;
    atomic_uint_fast64_t changes;
    pthread_t keeper;
    bool has_keeper;
    pthread_mutex_t reading;  // held while the book is asked
    pthread_mutex_t mutex;    // guards what follows; nobody waits while holding it
    pthread_cond_t is_stopping_now;
    bool is_stopping;
    struct ledger_status status;
    uint64_t changes_read;
    int64_t read_at_ns;  // 0: never
};

static bool is_fresh(struct cloud_spending *spending, struct ledger_status *status) {
    (void)pthread_mutex_lock(&spending->mutex);
    bool is_fresh = spending->read_at_ns > 0 &&
                    spending->changes_read == atomic_load(&spending->changes) &&
                    clock_monotonic_ns() - spending->read_at_ns < kept_ns;
    *status = spending->status;
    (void)pthread_mutex_unlock(&spending->mutex);
    return is_fresh;
}

static void ask(struct cloud_spending *spending) {
    struct ledger_status status = {0};
    uint64_t changes = atomic_load(&spending->changes);
    // A book that does not answer lets nothing be spent; what is left is not the reason to tell.
    if (!spending->ledger->operations->status(spending->ledger, &status, NULL))
        status = (struct ledger_status){0};
    (void)pthread_mutex_lock(&spending->mutex);
    spending->status = status;
    spending->changes_read = changes;
    spending->read_at_ns = clock_monotonic_ns();
    (void)pthread_mutex_unlock(&spending->mutex);
}

static void *keep(void *argument) {
    struct cloud_spending *spending = argument;
    (void)pthread_mutex_lock(&spending->mutex);
    while (!spending->is_stopping) {
        struct timespec until;
        (void)pthread_mutex_unlock(&spending->mutex);
        (void)pthread_mutex_lock(&spending->reading);
        ask(spending);
        (void)pthread_mutex_unlock(&spending->reading);
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += PERIOD_S;
        (void)pthread_mutex_lock(&spending->mutex);
        if (!spending->is_stopping)
            (void)pthread_cond_timedwait(&spending->is_stopping_now, &spending->mutex, &until);
    }
    (void)pthread_mutex_unlock(&spending->mutex);
    return NULL;
}

struct cloud_spending *cloud_spending_create(struct ledger *ledger) {
    struct cloud_spending *spending = memory_alloc(sizeof *spending);
    spending->ledger = ledger;
    (void)pthread_mutex_init(&spending->reading, NULL);
    (void)pthread_mutex_init(&spending->mutex, NULL);
    clock_condition_init(&spending->is_stopping_now);
    // Without it the figures are as old as the last decision: no reason not to start.
    spending->has_keeper = pthread_create(&spending->keeper, NULL, keep, spending) == 0;
    return spending;
}

void cloud_spending_destroy(struct cloud_spending *spending) {
    (void)pthread_mutex_lock(&spending->mutex);
    spending->is_stopping = true;
    (void)pthread_cond_signal(&spending->is_stopping_now);
    (void)pthread_mutex_unlock(&spending->mutex);
    if (spending->has_keeper) (void)pthread_join(spending->keeper, NULL);
    (void)pthread_cond_destroy(&spending->is_stopping_now);
    (void)pthread_mutex_destroy(&spending->mutex);
    (void)pthread_mutex_destroy(&spending->reading);
    memory_free(spending);
}

void cloud_spending_note_change(struct cloud_spending *spending) {
    atomic_fetch_add(&spending->changes, 1);
}

void cloud_spending_read(struct cloud_spending *spending, struct ledger_status *status) {
    (void)is_fresh(spending, status);
}

void cloud_spending_refresh(struct cloud_spending *spending, struct ledger_status *status) {
    if (is_fresh(spending, status)) return;
    // Whoever comes while the book is read waits for what it says, instead of asking as well.
    (void)pthread_mutex_lock(&spending->reading);
    if (!is_fresh(spending, status)) {
        ask(spending);
        (void)is_fresh(spending, status);
    }
    (void)pthread_mutex_unlock(&spending->reading);
}
