// Pictures go through the service into the data folder, as uploads do, in the bulk lane.
#include <stdio.h>

#include "base/memory.h"
#include "base/processors.h"
#include "cli/engine_setup.h"
#include "cli/index_target.h"
#include "cli/service_setup.h"

// Threads beyond the processors, which decode: some wait for the models, one or two for the disk.
enum { EXTRA_THREADS = 6 };

struct index_local {
    struct index_target target;  // first, so that the one is found from the other
    struct service_parts parts;
};

static enum index_outcome outcome_of(enum error_kind kind) {
    switch (kind) {
        case ERROR_OVERLOADED:
            return INDEX_AGAIN;
        case ERROR_STORAGE:
        case ERROR_UNAVAILABLE:
            return INDEX_STOP;
        default:
            return INDEX_FAILED;
    }
}

static void ingest(struct index_target *target, struct index_picture *pictures, size_t count) {
    struct index_local *local = (struct index_local *)target;
    for (size_t i = 0; i < count; i++) {
        struct index_picture *picture = &pictures[i];
        struct ingest_result result;
        error_clear(&picture->reason);
        if (!service_ingest_image(
                local->parts.service, picture->bytes, picture->size,
                &(struct ingest_options){
                    .file_name = picture->name, .lane = QUEUE_BULK, .quality = target->quality},
                &result, &picture->reason)) {
            picture->outcome = outcome_of(picture->reason.kind);
            continue;
        }
        picture->outcome = result.was_known ? INDEX_KNOWN : INDEX_NEW;
        (void)snprintf(picture->id, sizeof picture->id, "%s", result.record.id);
        (void)snprintf(picture->caption, sizeof picture->caption, "%s", result.record.caption);
    }
}

static void destroy(struct index_target *target) {
    struct index_local *local = (struct index_local *)target;
    service_parts_close(&local->parts);
    memory_free(local);
}

struct index_target *index_local_create(const struct settings *settings, struct error *err) {
    struct index_local *local = memory_alloc(sizeof *local);
    local->target = (struct index_target){.threads = processor_count() + EXTRA_THREADS,
                                          .pictures_max = 1,
                                          .ingest = ingest,
                                          .destroy = destroy};
    struct service_parts *parts = &local->parts;
    bool is_open = service_parts_open_storage(parts, settings, err) &&
                   (parts->engine = engine_setup_create(settings, true, true, err)) != NULL &&
                   service_parts_open_service(parts, settings, err);
    if (is_open) {
        local->target.name = parts->store->operations->name;
        return &local->target;
    }
    destroy(&local->target);
    return NULL;
}
