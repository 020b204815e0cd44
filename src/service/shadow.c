#include "service/shadow.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "service/local_models.h"
#include "service/observation.h"
#include "service/picture.h"
#include "service/service_private.h"

enum {
    NS_A_SECOND = 1000000000,
    NS_A_MS = 1000000,
    // Between the tries of an image, doubled each time: a purse is full again the next day.
    PAUSE_MS = 250,
    PAUSE_MAX_MS = 15 * 60 * 1000,
};

struct shadow {
    struct service *service;
    struct bounded_queue *waiting;  // of struct image
    pthread_t thread;
    pthread_mutex_t mutex;  // of the rest
    pthread_cond_t stops;   // on the monotonic clock
    bool is_stopping;
};

struct image {
    char id[IMAGE_ID_SIZE];
    char sha256[SHA256_HEX_SIZE];
    char caption[STORE_CAPTION_SIZE];  // as stored
    size_t size;                       // of the file
    enum route_quality quality;
    const struct experiment_variant *variant;  // that captions it too
};

static void count(const struct shadow *shadow, const char *result) {
    struct metrics *metrics = shadow->service->options.metrics;
    if (metrics != NULL) metrics_add(metrics, METRIC_SHADOW_CAPTIONS, result, NULL, 1);
}

// The variant did not go its own way: what came instead says nothing about it.
static bool is_impeded(const struct receipt *receipt) {
    static const enum route_reason reasons[] = {REASON_OVER_BUDGET, REASON_RATE_LIMITED,
                                                REASON_CLOUD_AWAY};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(receipt->reason, route_reason_code(reasons[i])) == 0) return true;
    return false;
}

static double agreement_of(struct engine *engine, const char *one, const char *other) {
    struct embedding a, b;
    return local_embed_text(engine, one, QUEUE_BULK, &a, NULL, NULL) &&
                   local_embed_text(engine, other, QUEUE_BULK, &b, NULL, NULL)
               ? embedding_cosine(&a, &b)
               : (double)NAN;
}

static bool caption(struct service *service, const struct image *image, const char *bytes,
                    size_t size, struct routed_caption *routed, struct error *err) {
    struct prepared_image prepared;
    struct image_info info;
    slot_take(&service->bulk_slots);
    bool is_done = picture_prepare(service, service->options.engine, bytes, size, IMAGE_FOR_BOTH,
                                   &prepared, &info, err);
    if (!is_done) slot_give_back(&service->bulk_slots);
    is_done = is_done && caption_route(service,
                                       &(struct caption_subject){.bytes = bytes,
                                                                 .size = size,
                                                                 .width = info.width,
                                                                 .height = info.height,
                                                                 .sha256 = image->sha256,
                                                                 .image = &prepared,
                                                                 .lane = QUEUE_BULK,
                                                                 .quality = image->quality,
                                                                 .variant = image->variant,
                                                                 .is_shadow = true},
                                       routed, err);
    prepared_image_clear(&prepared);
    return is_done;
}

// false: the variant cannot go its own way now.
static bool observe(const struct shadow *shadow, const struct image *image) {
    struct service *service = shadow->service;
    struct routed_caption routed;
    struct error problem = {0};
    size_t size;
    char *bytes =
        blob_folder_get(service->options.blobs, image->sha256, image->size, &size, &problem);
    bool is_done = bytes != NULL && caption(service, image, bytes, size, &routed, &problem);
    memory_free(bytes);
    if (!is_done) {
        // Deleted since: nothing is wrong.
        if (problem.kind != ERROR_NOT_FOUND)
            log_info("the shadow has no caption for image %s: %s", image->id, problem.text);
        count(shadow, "failed");
        return true;
    }
    if (is_impeded(&routed.receipt)) return false;
    double agreement = agreement_of(service->options.engine, image->caption, routed.text);
    observation_write(
        service, image->id,
        &(struct observed){.caption = &routed, .is_shadow = true, .agreement = agreement});
    count(shadow, "observed");
    return true;
}

// false: it stops.
static bool wait(struct shadow *shadow, int64_t ms) {
    int64_t end_ns = clock_monotonic_ns() + ms * NS_A_MS;
    const struct timespec end = {.tv_sec = end_ns / NS_A_SECOND, .tv_nsec = end_ns % NS_A_SECOND};
    int result = 0;
    (void)pthread_mutex_lock(&shadow->mutex);
    while (!shadow->is_stopping && result == 0)
        result = pthread_cond_timedwait(&shadow->stops, &shadow->mutex, &end);
    bool goes_on = !shadow->is_stopping;
    (void)pthread_mutex_unlock(&shadow->mutex);
    return goes_on;
}

// An image that no provider can be asked about now holds up those behind it. Were it passed over,
// images that need no provider would be observed and those that do would not, and the report would
// tell of an easier lot of pictures than the variant is for.
static void work(struct shadow *shadow, const struct image *image) {
    if (!wait(shadow, 0) || observe(shadow, image)) return;
    count(shadow, "impeded");
    for (int64_t pause_ms = PAUSE_MS; wait(shadow, pause_ms) && !observe(shadow, image);)
        pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
}

static void *run(void *context) {
    struct shadow *shadow = context;
    struct image *image;
    while ((image = bounded_queue_pop(shadow->waiting)) != NULL) {
        work(shadow, image);
        memory_free(image);
    }
    return NULL;
}

static void free_shadow(struct shadow *shadow) {
    bounded_queue_destroy(shadow->waiting);
    (void)pthread_cond_destroy(&shadow->stops);
    (void)pthread_mutex_destroy(&shadow->mutex);
    memory_free(shadow);
}

struct shadow *shadow_create(struct service *service, struct error *err) {
    struct bounded_queue *waiting = bounded_queue_create(SHADOW_WAITING_MAX, err);
    if (waiting == NULL) return NULL;
    struct shadow *shadow = memory_alloc(sizeof *shadow);
    shadow->service = service;
    shadow->waiting = waiting;
    clock_condition_init(&shadow->stops);
    (void)pthread_mutex_init(&shadow->mutex, NULL);
    if (pthread_create(&shadow->thread, NULL, run, shadow) == 0) return shadow;
    error_set(err, ERROR_INTERNAL, "no thread could be started for the experiment's shadow");
    free_shadow(shadow);
    return NULL;
}

void shadow_stop(struct shadow *shadow) {
    (void)pthread_mutex_lock(&shadow->mutex);
    shadow->is_stopping = true;
    (void)pthread_cond_broadcast(&shadow->stops);
    (void)pthread_mutex_unlock(&shadow->mutex);
    bounded_queue_close(shadow->waiting);
}

void shadow_destroy(struct shadow *shadow) {
    if (shadow == NULL) return;
    shadow_stop(shadow);
    (void)pthread_join(shadow->thread, NULL);
    free_shadow(shadow);
}

void shadow_offer(struct shadow *shadow, const struct image_record *record,
                  enum route_quality quality) {
    const struct experiment *experiment = shadow->service->options.experiment;
    const struct experiment_variant *variant = experiment_choose_shadow(experiment, record->id);
    if (variant == NULL || quality == QUALITY_FAST) return;
    struct image *image = memory_alloc(sizeof *image);
    *image =
        (struct image){.size = (size_t)record->size_bytes, .quality = quality, .variant = variant};
    memcpy(image->id, record->id, sizeof image->id);
    memcpy(image->sha256, record->sha256, sizeof image->sha256);
    memcpy(image->caption, record->caption, sizeof image->caption);
    struct error problem = {0};
    if (bounded_queue_push(shadow->waiting, QUEUE_BULK, image, &problem)) return;
    memory_free(image);
    if (problem.kind == ERROR_OVERLOADED) count(shadow, "dropped");
}
