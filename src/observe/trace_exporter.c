// One thread takes spans from a ring in batches and sends them. Whoever pushes holds the mutex only
// to put a pointer into the ring; the collector, however slow or gone, is waited for on the thread
// alone, and what does not fit meanwhile is dropped.
#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <zlib.h>

#include "base/byte_buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "observe/otlp_json.h"
#include "observe/trace_private.h"

enum {
    BODY_MAX = 64 * 1024 * 1024,  // what OTLP lets a client send
    BACKOFF_BASE_MS = 500,        // the longest pause before the first retry, then doubled
    BACKOFF_MAX_MS = 8000,
    GZIP_WINDOW = 15 + 16,  // zlib's number for the largest window, in gzip's format
    GZIP_MEMORY = 8,        // zlib's default
    OPEN_MAX = 16384,       // spans that are neither queued nor being sent; 40 MB
};

struct trace_exporter {
    struct tracer_options options;
    pthread_t thread;
    struct span **batch;  // [batch_size] the thread's own
    bool is_failing;      // the thread's own, as is what follows
    size_t dropped_while_failing;
    _Atomic int64_t give_up_ns;  // of what is being sent

    pthread_mutex_t mutex;  // guards what follows
    pthread_cond_t changed;
    struct span **ring;  // [queue_capacity]
    size_t first, count;
    struct span *free;  // a list
    size_t made;        // spans, free or not
    bool is_stopping;
    int64_t stop_ns;  // when even flushing ends
};

static void note_dropped(struct trace_exporter *exporter, size_t count) {
    if (exporter->options.note_dropped != NULL)
        exporter->options.note_dropped(exporter->options.note_context, count);
}

struct span *trace_exporter_take(struct trace_exporter *exporter) {
    const struct tracer_options *options = &exporter->options;
    (void)pthread_mutex_lock(&exporter->mutex);
    struct span *span = exporter->free;
    bool may_grow =
        span == NULL && exporter->made < options->queue_capacity + options->batch_size + OPEN_MAX;
    if (span != NULL) exporter->free = span->former;
    exporter->made += may_grow;
    (void)pthread_mutex_unlock(&exporter->mutex);
    if (may_grow) span = memory_try(sizeof *span);
    if (span != NULL) return span;
    (void)pthread_mutex_lock(&exporter->mutex);
    exporter->made -= may_grow;
    (void)pthread_mutex_unlock(&exporter->mutex);
    note_dropped(exporter, 1);
    return NULL;
}

void trace_exporter_return(struct trace_exporter *exporter, struct span *span) {
    (void)pthread_mutex_lock(&exporter->mutex);
    span->former = exporter->free;
    exporter->free = span;
    (void)pthread_mutex_unlock(&exporter->mutex);
}

void trace_exporter_push(struct trace_exporter *exporter, struct span *span) {
    (void)pthread_mutex_lock(&exporter->mutex);
    size_t capacity = exporter->options.queue_capacity;
    bool has_room = exporter->count < capacity;
    if (has_room) {
        exporter->ring[(exporter->first + exporter->count++) % capacity] = span;
        // The first one starts the delay, a full batch ends it.
        if (exporter->count == 1 || exporter->count == exporter->options.batch_size)
            (void)pthread_cond_signal(&exporter->changed);
    } else {
        span->former = exporter->free;
        exporter->free = span;
    }
    (void)pthread_mutex_unlock(&exporter->mutex);
    if (!has_room) note_dropped(exporter, 1);
}

static void wait_until_locked(struct trace_exporter *exporter, int64_t deadline_ns) {
    struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                                .tv_nsec = (long)(deadline_ns % 1000000000)};
    (void)pthread_cond_timedwait(&exporter->changed, &exporter->mutex, &deadline);
}

// Waits for a batch; 0: stopping, and nothing is left.
static size_t take_batch(struct trace_exporter *exporter) {
    const struct tracer_options *options = &exporter->options;
    (void)pthread_mutex_lock(&exporter->mutex);
    while (exporter->count == 0 && !exporter->is_stopping)
        (void)pthread_cond_wait(&exporter->changed, &exporter->mutex);
    int64_t deadline_ns = clock_monotonic_ns() + options->delay_ms * 1000000;
    while (exporter->count < options->batch_size && !exporter->is_stopping &&
           clock_monotonic_ns() < deadline_ns)
        wait_until_locked(exporter, deadline_ns);
    size_t taken = exporter->count < options->batch_size ? exporter->count : options->batch_size;
    for (size_t i = 0; i < taken; i++) {
        exporter->batch[i] = exporter->ring[exporter->first];
        exporter->first = (exporter->first + 1) % options->queue_capacity;
    }
    exporter->count -= taken;
    int64_t give_up_ns = clock_monotonic_ns() + options->export_timeout_ms * 1000000;
    if (exporter->is_stopping && give_up_ns > exporter->stop_ns) give_up_ns = exporter->stop_ns;
    atomic_store(&exporter->give_up_ns, give_up_ns);
    (void)pthread_mutex_unlock(&exporter->mutex);
    return taken;
}

// The body compressed, in its place; false: it stays as it is.
static bool compress_body(struct byte_buffer *body) {
    struct byte_buffer packed;
    z_stream stream = {0};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    byte_buffer_init(&packed, BODY_MAX);
    stream.next_in = (unsigned char *)body->bytes;
    stream.avail_in = (unsigned)body->size;
    int result = Z_OK;
    while (result == Z_OK && !packed.has_failed) {
        unsigned char piece[16384];
        stream.next_out = piece;
        stream.avail_out = sizeof piece;
        result = deflate(&stream, Z_FINISH);
        (void)byte_buffer_append(&packed, piece, sizeof piece - stream.avail_out);
    }
    (void)deflateEnd(&stream);
    bool is_done = result == Z_STREAM_END && !packed.has_failed;
    if (is_done) {
        byte_buffer_clear(body);
        *body = packed;
    } else {
        byte_buffer_clear(&packed);
    }
    return is_done;
}

// With full jitter on top of what the collector asks for, so that those who failed together do not
// come back together.
static int64_t pause_ms(const struct trace_answer *answer, unsigned retry) {
    int64_t most_ms = BACKOFF_BASE_MS << (retry < 8 ? retry : 8);
    if (most_ms > BACKOFF_MAX_MS) most_ms = BACKOFF_MAX_MS;
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0)
        number = (uint32_t)(clock_monotonic_ns() >> 10);
    int64_t asked_ms = answer->retry_after_ms > 0 ? answer->retry_after_ms : 0;
    return asked_ms + (int64_t)(number % (uint64_t)most_ms);
}

// Waits before a retry; false: there is no time for one. Who stops the exporter ends the wait.
static bool wait_for_retry(struct trace_exporter *exporter, int64_t ms) {
    int64_t until_ns = clock_monotonic_ns() + ms * 1000000;
    (void)pthread_mutex_lock(&exporter->mutex);
    bool was_stopping = exporter->is_stopping;
    bool has_time = until_ns < atomic_load(&exporter->give_up_ns);
    while (has_time && exporter->is_stopping == was_stopping && clock_monotonic_ns() < until_ns)
        wait_until_locked(exporter, until_ns);
    (void)pthread_mutex_unlock(&exporter->mutex);
    return has_time;
}

// Tells once that spans are dropped, and once that they are taken again.
static void note_outcome(struct trace_exporter *exporter, size_t dropped, const char *words) {
    if (dropped > 0) {
        note_dropped(exporter, dropped);
        exporter->dropped_while_failing += dropped;
        if (!exporter->is_failing)
            log_warning(
                "the collector does not take traces: %s; requests go on, and spans are "
                "dropped until it does",
                words);
    } else if (exporter->is_failing) {
        log_info("the collector takes traces again, after %zu spans that it did not take",
                 exporter->dropped_while_failing);
        exporter->dropped_while_failing = 0;
    }
    exporter->is_failing = dropped > 0;
}

static void send_body(struct trace_exporter *exporter, const struct byte_buffer *body, bool is_gzip,
                      size_t spans) {
    const struct tracer_options *options = &exporter->options;
    struct trace_answer answer = {.words = "there was no time left"};
    size_t dropped = spans;
    for (unsigned retry = 0; clock_monotonic_ns() < atomic_load(&exporter->give_up_ns); retry++) {
        answer = (struct trace_answer){.retry_after_ms = -1};
        options->send(options->send_context, body->bytes, body->size, is_gzip,
                      &exporter->give_up_ns, &answer);
        if (answer.delivery == TRACE_DELIVERED)
            dropped =
                answer.rejected_spans < (int64_t)spans ? (size_t)answer.rejected_spans : spans;
        if (answer.delivery != TRACE_NOT_TAKEN ||
            !wait_for_retry(exporter, pause_ms(&answer, retry)))
            break;
    }
    note_outcome(exporter, dropped, answer.words);
}

static void send_batch(struct trace_exporter *exporter, size_t count) {
    const struct tracer_options *options = &exporter->options;
    struct byte_buffer body;
    byte_buffer_init(&body, BODY_MAX);
    if (otlp_json_write(&body, options, exporter->batch, count))
        send_body(exporter, &body, options->is_gzip && compress_body(&body), count);
    else
        note_outcome(exporter, count, "there is no memory to write them");
    byte_buffer_clear(&body);
    for (size_t i = 0; i < count; i++) trace_exporter_return(exporter, exporter->batch[i]);
}

static void *export_spans(void *context) {
    struct trace_exporter *exporter = context;
    size_t count;
    while ((count = take_batch(exporter)) > 0) send_batch(exporter, count);
    return NULL;
}

static void exporter_free(struct trace_exporter *exporter) {
    (void)pthread_cond_destroy(&exporter->changed);
    (void)pthread_mutex_destroy(&exporter->mutex);
    while (exporter->free != NULL) {
        struct span *span = exporter->free;
        exporter->free = span->former;
        memory_free(span);
    }
    memory_free(exporter->batch);
    memory_free(exporter->ring);
    memory_free(exporter);
}

struct trace_exporter *trace_exporter_create(const struct tracer_options *options,
                                             struct error *err) {
    struct trace_exporter *exporter = memory_alloc(sizeof *exporter);
    exporter->options = *options;
    if (exporter->options.batch_size > options->queue_capacity)
        exporter->options.batch_size = options->queue_capacity;
    (void)pthread_mutex_init(&exporter->mutex, NULL);
    clock_condition_init(&exporter->changed);
    exporter->ring = memory_try_array(options->queue_capacity, sizeof(struct span *));
    exporter->batch = memory_try_array(exporter->options.batch_size, sizeof(struct span *));
    if (exporter->ring != NULL && exporter->batch != NULL &&
        pthread_create(&exporter->thread, NULL, export_spans, exporter) == 0)
        return exporter;
    exporter_free(exporter);
    error_set(err, ERROR_INTERNAL,
              "there is no memory or no thread for traces; set OTEL_SDK_DISABLED=true to do "
              "without them");
    return NULL;
}

void trace_exporter_destroy(struct trace_exporter *exporter, int64_t flush_ms) {
    (void)pthread_mutex_lock(&exporter->mutex);
    exporter->is_stopping = true;
    exporter->stop_ns = clock_monotonic_ns() + flush_ms * 1000000;
    if (atomic_load(&exporter->give_up_ns) > exporter->stop_ns)
        atomic_store(&exporter->give_up_ns, exporter->stop_ns);
    (void)pthread_cond_broadcast(&exporter->changed);
    (void)pthread_mutex_unlock(&exporter->mutex);
    (void)pthread_join(exporter->thread, NULL);
    exporter_free(exporter);
}
