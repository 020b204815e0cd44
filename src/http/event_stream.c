#include "http/event_stream.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "http/event_stream_private.h"
#include "http/response.h"

enum {
    RING_EVENTS = 1024,
    RING_BYTES = 2 * 1024 * 1024,
    EVENT_ID_SIZE = 40,
    BLOCK_BYTES = 4096,  // what libmicrohttpd asks for at once
    // Proxies close what is silent for a minute, our server after 30 s of it.
    HEARTBEAT_MS = 15000,
};

static const char reset_text[] = "event: reset\ndata: {}\n\n";
static const char heartbeat_text[] = ":\n\n";
// How long a client waits before it comes back.
static const char preface_text[] = "retry: 2000\n\n";

struct event {
    char *text;  // whole, as it is sent
    size_t size;
};

struct event_stream {
    struct event_hub *hub;
    struct MHD_Connection *connection;
    const char *notice;    // sent before all else; "" when through
    uint64_t next;         // the number of the event to send
    size_t sent;           // bytes of it that are
    bool has_missed;       // is to be told
    bool wants_heartbeat;  // is to get one
    bool is_waiting;       // suspended, for something to send
    struct event_stream *previous, *following;
};

struct event_hub {
    pthread_mutex_t mutex;  // guards all that follows
    pthread_cond_t changed;
    pthread_t keeper;
    uint32_t epoch;  // tells ids of this run from those of earlier ones
    struct event ring[RING_EVENTS];
    uint64_t first, end;  // numbers of the events that are kept; `end` comes next
    size_t bytes;
    struct event_stream *streams;
    size_t stream_count, streams_max;
    bool is_closed;
    bool is_stopping;
};

static void wake_locked(struct event_stream *stream) {
    if (!stream->is_waiting) return;
    stream->is_waiting = false;
    MHD_resume_connection(stream->connection);
}

static void wake_all_locked(struct event_hub *hub) {
    for (struct event_stream *stream = hub->streams; stream != NULL; stream = stream->following)
        wake_locked(stream);
}

static void *keep_alive(void *context) {
    struct event_hub *hub = context;
    (void)pthread_mutex_lock(&hub->mutex);
    while (!hub->is_stopping) {
        int64_t next_ns = clock_monotonic_ns() + (int64_t)HEARTBEAT_MS * 1000000;
        struct timespec next = {.tv_sec = (time_t)(next_ns / 1000000000),
                                .tv_nsec = (long)(next_ns % 1000000000)};
        if (pthread_cond_timedwait(&hub->changed, &hub->mutex, &next) == 0) continue;
        for (struct event_stream *stream = hub->streams; stream != NULL; stream = stream->following)
            stream->wants_heartbeat = true;
        wake_all_locked(hub);
    }
    (void)pthread_mutex_unlock(&hub->mutex);
    return NULL;
}

struct event_hub *event_hub_create(size_t streams_max, struct error *err) {
    struct event_hub *hub = memory_alloc(sizeof *hub);
    hub->streams_max = streams_max;
    if (getrandom(&hub->epoch, sizeof hub->epoch, GRND_NONBLOCK) < 0)
        hub->epoch = (uint32_t)clock_utc_ms();
    (void)pthread_mutex_init(&hub->mutex, NULL);
    clock_condition_init(&hub->changed);
    if (pthread_create(&hub->keeper, NULL, keep_alive, hub) == 0) return hub;
    error_set(err, ERROR_UNAVAILABLE, "cannot start the thread that keeps event streams alive");
    (void)pthread_cond_destroy(&hub->changed);
    (void)pthread_mutex_destroy(&hub->mutex);
    memory_free(hub);
    return NULL;
}

static void drop_first_locked(struct event_hub *hub) {
    struct event *event = &hub->ring[hub->first++ % RING_EVENTS];
    hub->bytes -= event->size;
    memory_free(event->text);
    *event = (struct event){0};
}

void event_hub_destroy(struct event_hub *hub) {
    if (hub == NULL) return;
    (void)pthread_mutex_lock(&hub->mutex);
    hub->is_stopping = true;
    (void)pthread_cond_signal(&hub->changed);
    (void)pthread_mutex_unlock(&hub->mutex);
    (void)pthread_join(hub->keeper, NULL);
    while (hub->first < hub->end) drop_first_locked(hub);
    (void)pthread_cond_destroy(&hub->changed);
    (void)pthread_mutex_destroy(&hub->mutex);
    memory_free(hub);
}

static struct event write_event(const struct event_hub *hub, const char *type, const char *data,
                                size_t size) {
    struct event event = {0};
    char head[128];
    int length =
        snprintf(head, sizeof head, "id: %08" PRIx32 "-%" PRIu64 "\nevent: %s\ndata: ", hub->epoch,
                 hub->end, type);
    size_t head_size = (size_t)length;
    if (head_size >= sizeof head || size > RING_BYTES / 2) return event;
    event.text = memory_try(head_size + size + 2);
    if (event.text == NULL) return event;
    memcpy(event.text, head, head_size);
    memcpy(event.text + head_size, data, size);
    memcpy(event.text + head_size + size, "\n\n", 2);
    event.size = head_size + size + 2;
    return event;
}

void event_hub_publish(struct event_hub *hub, const char *type, const char *data, size_t size) {
    (void)pthread_mutex_lock(&hub->mutex);
    struct event event = write_event(hub, type, data, size);
    if (event.text == NULL) {
        while (hub->first < hub->end) drop_first_locked(hub);
        hub->first = ++hub->end;
    } else {
        while (hub->first < hub->end &&
               (hub->end - hub->first == RING_EVENTS || hub->bytes + event.size > RING_BYTES))
            drop_first_locked(hub);
        hub->ring[hub->end++ % RING_EVENTS] = event;
        hub->bytes += event.size;
    }
    wake_all_locked(hub);
    (void)pthread_mutex_unlock(&hub->mutex);
}

size_t event_hub_stream_count(struct event_hub *hub) {
    (void)pthread_mutex_lock(&hub->mutex);
    size_t count = hub->stream_count;
    (void)pthread_mutex_unlock(&hub->mutex);
    return count;
}

void event_hub_close(struct event_hub *hub) {
    (void)pthread_mutex_lock(&hub->mutex);
    hub->is_closed = true;
    wake_all_locked(hub);
    (void)pthread_mutex_unlock(&hub->mutex);
}

// Copies what there is of a text from *sent on; true once it is through.
static bool copy(const char *text, size_t size, size_t *sent, char **to, char *end) {
    size_t count = size - *sent;
    if (count > (size_t)(end - *to)) count = (size_t)(end - *to);
    memcpy(*to, text + *sent, count);
    *to += count;
    *sent += count;
    return *sent == size;
}

static bool copy_notice(struct event_stream *stream, char **to, char *end) {
    size_t sent = 0;
    bool is_through = copy(stream->notice, strlen(stream->notice), &sent, to, end);
    stream->notice += sent;
    return is_through;
}

// Returns how many bytes were copied; -1: the stream must end, because the event that it is in the
// middle of is gone.
static ssize_t fill_locked(struct event_stream *stream, char *buffer, size_t room) {
    struct event_hub *hub = stream->hub;
    char *to = buffer, *end = buffer + room;
    if (!copy_notice(stream, &to, end)) return to - buffer;
    if (stream->next < hub->first) {
        if (stream->sent > 0) return -1;
        stream->has_missed = true;
    }
    if (stream->has_missed) {
        stream->has_missed = false;
        stream->notice = reset_text;
        stream->next = hub->end;
        if (!copy_notice(stream, &to, end)) return to - buffer;
    }
    while (stream->next < hub->end) {
        const struct event *event = &hub->ring[stream->next % RING_EVENTS];
        if (!copy(event->text, event->size, &stream->sent, &to, end)) return to - buffer;
        stream->next++;
        stream->sent = 0;
    }
    if (stream->wants_heartbeat && to == buffer) {
        stream->notice = heartbeat_text;
        (void)copy_notice(stream, &to, end);
    }
    stream->wants_heartbeat = false;
    return to - buffer;
}

static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t room) {
    (void)position;
    struct event_stream *stream = context;
    struct event_hub *hub = stream->hub;
    (void)pthread_mutex_lock(&hub->mutex);
    ssize_t size = hub->is_closed ? -1 : fill_locked(stream, buffer, room);
    if (size == 0) {
        stream->is_waiting = true;
        MHD_suspend_connection(stream->connection);
    }
    (void)pthread_mutex_unlock(&hub->mutex);
    return size < 0 ? MHD_CONTENT_READER_END_OF_STREAM : size;
}

void event_stream_free(void *context) {
    struct event_stream *stream = context;
    struct event_hub *hub = stream->hub;
    (void)pthread_mutex_lock(&hub->mutex);
    if (stream->following != NULL) stream->following->previous = stream->previous;
    if (stream->previous != NULL)
        stream->previous->following = stream->following;
    else
        hub->streams = stream->following;
    hub->stream_count--;
    (void)pthread_mutex_unlock(&hub->mutex);
    memory_free(stream);
}

struct MHD_Response *event_stream_reply(struct event_stream *stream,
                                        struct MHD_Connection *connection) {
    stream->connection = connection;
    struct MHD_Response *reply = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, stream, event_stream_free);
    return reply;
}

// Where a client goes on. An id of an earlier run, or one that was never given, tells that it has
// missed something.
static void find_place_locked(struct event_stream *stream, const char *last_id) {
    const struct event_hub *hub = stream->hub;
    stream->next = hub->end;
    if (last_id == NULL || last_id[0] == '\0') return;
    char *rest;
    unsigned long epoch = strtoul(last_id, &rest, 16);
    unsigned long long number = *rest == '-' ? strtoull(rest + 1, &rest, 10) : 0;
    stream->has_missed = epoch != hub->epoch || *rest != '\0' || number >= hub->end ||
                         strlen(last_id) >= EVENT_ID_SIZE;
    if (!stream->has_missed) stream->next = number + 1;
}

bool http_response_set_events(struct http_response *response, struct event_hub *hub,
                              const char *last_id, struct error *err) {
    struct event_stream *stream = memory_try_zeroed(1, sizeof *stream);
    if (stream == NULL)
        return error_set(err, ERROR_OVERLOADED, "out of memory for one more stream; try again");
    (void)pthread_mutex_lock(&hub->mutex);
    bool is_full = hub->stream_count == hub->streams_max, is_closed = hub->is_closed;
    if (!is_full && !is_closed) {
        stream->hub = hub;
        stream->notice = preface_text;
        find_place_locked(stream, last_id);
        stream->following = hub->streams;
        if (hub->streams != NULL) hub->streams->previous = stream;
        hub->streams = stream;
        hub->stream_count++;
    }
    (void)pthread_mutex_unlock(&hub->mutex);
    if (is_full || is_closed) {
        memory_free(stream);
        return is_closed
                   ? error_set(err, ERROR_UNAVAILABLE, "the server is shutting down")
                   : error_set(err, ERROR_OVERLOADED,
                               "%zu clients follow the events already; come back when one has left",
                               hub->streams_max);
    }
    response->content_type = "text/event-stream";
    response->stream = stream;
    response->is_stream = true;
    http_response_add_header(response, "Cache-Control", "no-store");
    // Proxies such as nginx would otherwise hold events back until they have a block of them.
    http_response_add_header(response, "X-Accel-Buffering", "no");
    return true;
}
