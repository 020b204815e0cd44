#include "cli/trace_setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/trace_list.h"
#include "cli/trace_sender.h"
#include "cli/version.h"
#include "observe/trace.h"

enum {
    // The drain has 25 s by default, and those who stop a server mostly kill it after 30.
    FLUSH_MS = 3000,
    QUEUE_MAX = 1000000,  // spans; 2 KB each
    BATCH_MAX = 4096,     // 12 KB each at the very most, of the 64 MB that a body may have
    TIME_MAX_MS = 3600000,
    HEADER_SIZE = 2048,
};

struct trace_setup {
    struct trace_sender sender;
    struct trace_list headers, resource;
    char *header_lines[TRACE_LIST_MAX];
};

static bool is_set(const char *text) { return text != NULL && text[0] != '\0'; }

static const char *first_set(const char *first, const char *second) {
    return is_set(first) ? first : second;
}

static int64_t number_of(const char *text, const char *name, int64_t most, int64_t otherwise) {
    if (!is_set(text)) return otherwise;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno == 0 && *end == '\0' && number >= 1 && number <= most) return number;
    log_warning("%s must be a whole number from 1 to %lld, not \"%s\"; %lld is taken", name,
                (long long)most, text, (long long)otherwise);
    return otherwise;
}

static bool is_wanted(const struct settings *settings) {
    if (!is_set(settings->otel_endpoint) && !is_set(settings->otel_traces_endpoint)) return false;
    if (settings->otel_sdk_disabled != NULL && strcasecmp(settings->otel_sdk_disabled, "true") == 0)
        return false;
    const char *exporter = settings->otel_traces_exporter;
    if (strcmp(exporter, "otlp") == 0) return true;
    if (strcmp(exporter, "none") != 0)
        log_warning(
            "OTEL_TRACES_EXPORTER is \"%s\"; otlp and none are known, and nothing is traced",
            exporter);
    return false;
}

static bool set_url(struct trace_sender *sender, const struct settings *settings,
                    struct error *err) {
    bool is_whole = is_set(settings->otel_traces_endpoint);
    const char *url = first_set(settings->otel_traces_endpoint, settings->otel_endpoint);
    if (!url_check_server(
            url, is_whole ? "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" : "OTEL_EXPORTER_OTLP_ENDPOINT",
            err))
        return false;
    bool has_slash = url[strlen(url) - 1] == '/';
    int size = snprintf(sender->url, sizeof sender->url, "%s%s%s", url,
                        is_whole || has_slash ? "" : "/", is_whole ? "" : "v1/traces");
    return size < TRACE_URL_SIZE || error_set(err, ERROR_USAGE,
                                              "the address of the collector is longer than %d "
                                              "bytes",
                                              TRACE_URL_SIZE - 16);
}

// What is not understood may be a secret, so it is not repeated.
static void set_headers(struct trace_setup *setup, const struct settings *settings) {
    const char *text = first_set(settings->otel_traces_headers, settings->otel_headers);
    if (!trace_list_parse(&setup->headers, text))
        log_warning(
            "OTEL_EXPORTER_OTLP_HEADERS is not name=value,name=value with the values "
            "percent-encoded; no headers are sent");
    struct trace_sender *sender = &setup->sender;
    for (size_t i = 0; i < setup->headers.count; i++) {
        char line[HEADER_SIZE];
        int size = snprintf(line, sizeof line, "%s: %s", setup->headers.names[i],
                            setup->headers.values[i]);
        if (size >= HEADER_SIZE) {
            log_warning(
                "a header of OTEL_EXPORTER_OTLP_HEADERS is longer than %d bytes and not "
                "sent",
                HEADER_SIZE - 1);
            continue;
        }
        setup->header_lines[i] = memory_copy_text(line);
        sender->headers[sender->header_count++] = setup->header_lines[i];
    }
}

// What was added first stays.
static void add_resource(struct tracer_options *options, const char *key, const char *text) {
    for (size_t i = 0; i < options->resource_count; i++)
        if (strcmp(options->resource[i].key, key) == 0) return;
    options->resource[options->resource_count++] =
        (struct trace_attribute){.key = key, .text = text};
}

static void set_resource(struct trace_setup *setup, const struct settings *settings,
                         struct tracer_options *options) {
    _Static_assert((int)TRACE_LIST_MAX + 8 <= (int)TRACE_RESOURCE_MAX, "all find room");
    if (!trace_list_parse(&setup->resource, settings->otel_resource_attributes))
        log_warning(
            "OTEL_RESOURCE_ATTRIBUTES is not name=value,name=value with the values "
            "percent-encoded; it is left out");
    if (is_set(settings->otel_service_name))
        add_resource(options, "service.name", settings->otel_service_name);
    for (size_t i = 0; i < setup->resource.count; i++)
        add_resource(options, setup->resource.names[i], setup->resource.values[i]);
    add_resource(options, "service.name", "imgrouter");
    add_resource(options, "service.version", IMGROUTER_VERSION);
    add_resource(options, "telemetry.sdk.name", "imgrouter");
    add_resource(options, "telemetry.sdk.language", "c");
    add_resource(options, "telemetry.sdk.version", IMGROUTER_VERSION);
}

static void warn_of_names(const struct settings *settings, struct tracer_options *options) {
    const char *protocol = first_set(settings->otel_traces_protocol, settings->otel_protocol);
    const char *compression =
        first_set(settings->otel_traces_compression, settings->otel_compression);
    options->is_gzip = strcmp(compression, "gzip") == 0;
    if (strcmp(protocol, "http/json") != 0)
        log_warning(
            "OTEL_EXPORTER_OTLP_PROTOCOL is %s; traces are sent as http/json, which every "
            "collector takes at its port for OTLP/HTTP (4318)",
            protocol);
    if (!options->is_gzip && strcmp(compression, "none") != 0)
        log_warning("OTEL_EXPORTER_OTLP_COMPRESSION is %s; gzip and none are known, none is taken",
                    compression);
    if (!trace_sampler_parse(settings->otel_sampler, settings->otel_sampler_argument,
                             &options->sampler))
        log_warning(
            "OTEL_TRACES_SAMPLER %s with OTEL_TRACES_SAMPLER_ARG %s is no sampler; "
            "parentbased_always_on is taken",
            settings->otel_sampler, settings->otel_sampler_argument);
}

static void count_dropped(void *metrics, size_t count) {
    metrics_add(metrics, METRIC_DROPPED, "spans", NULL, (double)count);
}

static void setup_free(struct trace_setup *setup) {
    fetch_client_destroy(setup->sender.client);
    trace_list_clear(&setup->headers);
    trace_list_clear(&setup->resource);
    for (size_t i = 0; i < TRACE_LIST_MAX; i++) memory_free(setup->header_lines[i]);
    memory_free(setup);
}

bool trace_setup_start(const struct settings *settings, struct metrics *metrics,
                       struct trace_setup **setup, struct error *err) {
    *setup = NULL;
    if (!is_wanted(settings)) return true;
    struct trace_setup *made = memory_alloc(sizeof *made);
    const char *timeout = first_set(settings->otel_traces_timeout, settings->otel_timeout);
    made->sender.timeout_ms =
        (long)number_of(timeout, "OTEL_EXPORTER_OTLP_TIMEOUT", TIME_MAX_MS, 10000);
    struct tracer_options options = {
        .service_version = IMGROUTER_VERSION,
        .queue_capacity = (size_t)number_of(settings->otel_queue_size, "OTEL_BSP_MAX_QUEUE_SIZE",
                                            QUEUE_MAX, 2048),
        .batch_size = (size_t)number_of(settings->otel_batch_size, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
                                        BATCH_MAX, 512),
        .delay_ms = number_of(settings->otel_delay, "OTEL_BSP_SCHEDULE_DELAY", TIME_MAX_MS, 5000),
        .export_timeout_ms =
            number_of(settings->otel_export_timeout, "OTEL_BSP_EXPORT_TIMEOUT", TIME_MAX_MS, 30000),
        .send = trace_sender_send,
        .send_context = &made->sender,
        .note_dropped = count_dropped,
        .note_context = metrics,
    };
    warn_of_names(settings, &options);
    set_headers(made, settings);
    set_resource(made, settings, &options);
    if (!set_url(&made->sender, settings, err) ||
        (made->sender.client = fetch_client_create(err)) == NULL || !tracer_start(&options, err)) {
        setup_free(made);
        return false;
    }
    metrics_set_trace_source(metrics, trace_current_id);
    char host[URL_HOST_SIZE] = "";
    int port = 0;
    (void)url_server(made->sender.url, host, &port);
    log_info("traces go to %s, port %d", host, port);
    *setup = made;
    return true;
}

void trace_setup_stop(struct trace_setup *setup) {
    if (setup == NULL) return;
    tracer_stop(FLUSH_MS);
    setup_free(setup);
}
