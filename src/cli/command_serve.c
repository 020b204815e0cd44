// The server's life: open everything, say where it listens, wait for a signal, drain, close in
// the opposite order. All work is done by the rooms' own threads; this one only waits.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "api/events.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/processors.h"
#include "cli/cloud_setup.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/engine_setup.h"
#include "cli/service_setup.h"
#include "cli/trace_setup.h"
#include "cli/version.h"
#include "fetch/fetch.h"
#include "http/event_stream.h"
#include "http/server.h"
#include "service/jobs.h"
#include "store/job_store.h"

enum {
    EVENT_THREADS = 2,
    // A batch's threads beyond the processors: some wait for the models, one or two for the disk.
    EXTRA_BATCH_THREADS = 6,
    EXTRA_HANDLERS = 16,  // handlers for requests that need no model, beside those that wait for it
    CONNECTION_LIMIT = 1024,
    IDLE_TIMEOUT_S = 30,
    REQUEST_TIMEOUT_S = 60,
    EVENT_STREAMS_MAX = 64,  // browsers' tabs and programs that follow the events
    PENDING_BODIES = 16,     // uploads of the largest size held at once
};

struct server {
    struct service_parts parts;
    struct api api;
    struct http_server *http;
    struct trace_setup *traces;  // NULL: nothing is traced
    struct event_hub *events;
    struct job_store *job_store;  // NULL: another server has it
    struct jobs *jobs;
};

static bool open_http(struct server *server, const struct settings *settings, struct error *err) {
    size_t max_upload_bytes = (size_t)settings->max_upload_bytes;
    server->api = (struct api){.service = server->parts.service,
                               .engine = server->parts.engine,
                               .store = server->parts.store,
                               .metrics = server->parts.metrics,
                               .cloud = server->parts.cloud,
                               .relevance = server->parts.relevance,
                               .jobs = server->jobs,
                               .events = server->events,
                               .ledger = server->parts.ledger,
                               .limits = cloud_setup_limits(settings),
                               .experiment = server->parts.experiment,
                               .version = IMGROUTER_VERSION,
                               .max_upload_bytes = max_upload_bytes,
                               .batch_threads = processor_count() + EXTRA_BATCH_THREADS};
    if (!api_init(&server->api, err)) return false;
    // A handler waits while its job is in the model queue, so there are as many as the queue has
    // places and some more: the queue, not the number of threads, decides when it is full.
    size_t handlers = (size_t)settings->queue_capacity + EXTRA_HANDLERS;
    server->http = http_server_create(
        &(struct http_server_options){.host = settings->host,
                                      .port = (uint16_t)settings->port,
                                      .routes = server->api.routes,
                                      .route_count = server->api.route_count,
                                      .context = &server->api,
                                      .observer = api_observe,
                                      .notes_size = API_NOTES_SIZE,
                                      .events = server->events,
                                      .event_threads = EVENT_THREADS,
                                      .handler_threads = handlers,
                                      .queue_capacity = handlers,
                                      .connection_limit = CONNECTION_LIMIT,
                                      .idle_timeout_s = IDLE_TIMEOUT_S,
                                      .request_timeout_s = REQUEST_TIMEOUT_S,
                                      .max_pending_body_bytes = PENDING_BODIES * max_upload_bytes},
        err);
    atomic_store(&server->api.http, server->http);
    return server->http != NULL;
}

// Where several servers share a data folder, on one PostgreSQL, the first has the jobs.
static bool open_jobs(struct server *server, const struct settings *settings, struct error *err) {
    char data[DATA_PATH_SIZE];
    struct error problem = {0};
    server->events = event_hub_create(EVENT_STREAMS_MAX, err);
    if (server->events == NULL || !data_folder_path(settings, data, err)) return false;
    service_observe_images(server->parts.service, events_tell_image, server->events);
    server->job_store = job_store_open(data, &problem);
    if (server->job_store == NULL && problem.kind == ERROR_CONFLICT) {
        log_warning("uploads with async=true are refused here: %s", problem.text);
        return true;
    }
    if (server->job_store == NULL) return error_set(err, problem.kind, "%s", problem.text);
    server->jobs =
        jobs_create(&(struct jobs_options){.service = server->parts.service,
                                           .store = server->job_store,
                                           .metrics = server->parts.metrics,
                                           .threads = processor_count() + EXTRA_BATCH_THREADS,
                                           .waiting_max = (size_t)settings->jobs_waiting_max,
                                           .observer = events_tell_job,
                                           .observer_context = server->events},
                    err);
    return server->jobs != NULL;
}

static void close_all(struct server *server, int drain_timeout_ms) {
    api_stop(&server->api);
    jobs_stop(server->jobs);
    if (server->parts.service != NULL) {
        service_stop_shadow(server->parts.service);
        service_reindex_stop(server->parts.service);
    }
    if (server->http != NULL) http_server_destroy(server->http, drain_timeout_ms);
    jobs_destroy(server->jobs);
    job_store_close(server->job_store);
    event_hub_destroy(server->events);
    api_clear(&server->api);
    trace_setup_stop(server->traces);
    service_parts_close(&server->parts);
    fetch_global_cleanup();
}

static void say_what_runs(const struct engine_info *info) {
    log_info("imgrouter %s: captions by %s, vectors by %s; %s, %s kernels, %zu threads",
             IMGROUTER_VERSION, info->caption_model, info->embedding_model, info->precision,
             info->kernel_tier, info->threads);
}

// A second signal means: now.
static void *watch_second_signal(void *argument) {
    int signal_number;
    if (sigwait(argument, &signal_number) == 0) {
        log_warning("second signal: stopping without waiting");
        _exit(1);
    }
    return NULL;
}

static void wait_for_signal(struct server *server, const struct settings *settings,
                            sigset_t *signals) {
    const char *open = settings->host[0] != '\0' && strchr(settings->host, ':') != NULL ? "[" : "";
    (void)printf("listening on http://%s%s%s:%u\n", open, settings->host, open[0] == '[' ? "]" : "",
                 (unsigned)http_server_port(server->http));
    (void)fflush(stdout);
    int signal_number = 0;
    while (sigwait(signals, &signal_number) != 0) {
    }
    log_info("signal %d: finishing %zu running requests, then stopping", signal_number,
             http_server_active_requests(server->http));
    pthread_t watcher;
    if (pthread_create(&watcher, NULL, watch_second_signal, signals) == 0)
        (void)pthread_detach(watcher);
}

int command_serve(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    if (input->word_count > 0) {
        error_set(&err, ERROR_USAGE, "serve takes options only, not \"%s\"", input->words[0]);
        return command_fail(&err);
    }
    // Blocked before any thread starts, so that only sigwait sees them.
    static sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);

    struct server server = {0};
    struct service_parts *parts = &server.parts;
    bool is_open = fetch_global_init(&err) && service_parts_open_storage(parts, settings, &err) &&
                   (parts->engine = engine_setup_create(settings, true, true, &err)) != NULL &&
                   engine_warm_up(parts->engine, &err) &&
                   (parts->relevance = relevance_create(parts->engine, &err)) != NULL &&
                   service_parts_open_service(parts, settings, &err) &&
                   service_reindex_start(parts->service, &err) &&
                   trace_setup_start(settings, parts->metrics, &server.traces, &err) &&
                   open_jobs(&server, settings, &err) && open_http(&server, settings, &err);
    if (is_open) say_what_runs(engine_info(parts->engine));
    if (is_open) wait_for_signal(&server, settings, &signals);
    close_all(&server, (int)settings->drain_timeout_ms);
    if (!is_open) return command_fail(&err);
    log_info("stopped");
    return 0;
}
