#include "observe/exemplars.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"

bool exemplars_init(struct exemplars *exemplars, size_t slot_count, struct error *err) {
    exemplars->slots = memory_try_zeroed(slot_count, sizeof *exemplars->slots);
    if (exemplars->slots == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for %zu exemplars", slot_count);
    (void)pthread_mutex_init(&exemplars->mutex, NULL);
    return true;
}

void exemplars_clear(struct exemplars *exemplars) {
    (void)pthread_mutex_destroy(&exemplars->mutex);
    memory_free(exemplars->slots);
}

void exemplars_keep(struct exemplars *exemplars, size_t slot, const char *trace_id, double value) {
    if (pthread_mutex_trylock(&exemplars->mutex) != 0) return;
    struct exemplar *exemplar = &exemplars->slots[slot];
    (void)snprintf(exemplar->trace_id, sizeof exemplar->trace_id, "%s", trace_id);
    exemplar->value = value;
    exemplar->time_ms = clock_utc_ms();
    (void)pthread_mutex_unlock(&exemplars->mutex);
}

void exemplars_lock(struct exemplars *exemplars) { (void)pthread_mutex_lock(&exemplars->mutex); }

void exemplars_unlock(struct exemplars *exemplars) {
    (void)pthread_mutex_unlock(&exemplars->mutex);
}
