#include "api/request_log.h"

#include <stdio.h>
#include <string.h>

#include "api/request_notes.h"
#include "api/search_parameters.h"
#include "base/log_line.h"
#include "observe/trace.h"

enum { MS_DECIMALS = 3, USD_DECIMALS = 9, MESSAGE_SIZE = 256 };

// Probes and scrapes come every few seconds and say nothing while all is well.
static bool is_probe(const char *route) {
    static const char *const probes[] = {"/healthz",          "/readyz", "/metrics",
                                         "/metrics/summary",  "/ping",   "/.well-known/live",
                                         "/.well-known/ready"};
    for (size_t i = 0; route != NULL && i < sizeof probes / sizeof probes[0]; i++)
        if (strcmp(route, probes[i]) == 0) return true;
    return false;
}

static enum log_level level_of(const struct http_observation *observation) {
    // What is not done here at all is no failure.
    if (observation->status >= 500 && observation->status != 501) return LOG_WARNING;
    return is_probe(observation->route) ? LOG_DEBUG : LOG_INFO;
}

static void append(char copy[static ERROR_TEXT_SIZE], const char *from, const char *until) {
    size_t used = strlen(copy);
    (void)snprintf(copy + used, ERROR_TEXT_SIZE - used, "%.*s", (int)(until - from), from);
}

// The text without what addresses in it may hide: "https://user:password@host/a?token=1" becomes
// "https://host/a".
static void copy_without_secrets(const char *text, char copy[static ERROR_TEXT_SIZE]) {
    copy[0] = '\0';
    const char *separator;
    while ((separator = strstr(text, "://")) != NULL) {
        const char *host = separator + 3;
        append(copy, text, host);
        const char *end = host + strcspn(host, " \"<>");
        while (end > host && strchr(":.,;", end[-1]) != NULL) end--;  // the sentence's
        const char *authority_end = host + strcspn(host, "/?#");
        for (const char *c = host; c < authority_end && c < end; c++)
            if (*c == '@') host = c + 1;
        const char *shown_end = host + strcspn(host, "?#");
        append(copy, host, shown_end < end ? shown_end : end);
        text = end;
    }
    append(copy, text, text + strlen(text));
}

static void add_money(struct log_line *line, int64_t nano_usd) {
    log_line_decimal(line, "cost_usd", (double)nano_usd / 1e9, USD_DECIMALS);
}

static void add_ms(struct log_line *line, const char *name, double ms) {
    log_line_decimal(line, name, ms, MS_DECIMALS);
}

static void add_upload_timings(struct log_line *line, const struct upload_notes *upload) {
    const struct engine_timings *engine = &upload->timings.engine;
    log_line_open(line, "timings");
    add_ms(line, "decode_ms", upload->timings.decode_ms);
    add_ms(line, "queue_ms", engine->queue_ms);
    log_line_integer(line, "batch_size", (int64_t)engine->batch_size);
    add_ms(line, "preprocess_ms", engine->preprocess_ms);
    add_ms(line, "caption_vision_ms", engine->caption_vision_ms);
    add_ms(line, "caption_decode_ms", engine->caption_decode_ms);
    add_ms(line, "embedding_ms", engine->embedding_ms);
    add_ms(line, "cloud_ms", upload->cloud_ms);
    add_ms(line, "store_ms", upload->timings.store_ms);
    add_ms(line, "total_ms", upload->timings.total_ms);
    log_line_close(line);
}

static void add_upload(struct log_line *line, const struct upload_notes *upload) {
    if (upload->image_id[0] != '\0')  // else it was not stored
        log_line_text(line, "image_id", upload->image_id);
    log_line_text(line, "origin", upload->origin);
    if (upload->reason[0] != '\0') {
        log_line_text(line, "reason", upload->reason);
        log_line_text(line, "provider", upload->provider);
    }
    add_money(line, upload->cost_nano_usd);
    log_line_flag(line, "was_known", upload->was_known);
    if (line->is_json) add_upload_timings(line, upload);
}

static void add_search(struct log_line *line, const struct search_notes *search) {
    log_line_text(line, "mode", parameter_mode.choices[search->mode]);
    log_line_integer(line, "results", (int64_t)search->results);
    if (!line->is_json) return;
    log_line_open(line, "timings");
    add_ms(line, "embed_ms", search->timings.embed_ms);
    add_ms(line, "queue_ms", search->timings.engine.queue_ms);
    log_line_integer(line, "batch_size", (int64_t)search->timings.engine.batch_size);
    add_ms(line, "store_ms", search->timings.store_ms);
    add_ms(line, "total_ms", search->timings.total_ms);
    log_line_close(line);
}

static void add_notes(struct log_line *line, const struct request_notes *notes) {
    switch (notes->kind) {
        case REQUEST_PLAIN:
            break;
        case REQUEST_UPLOAD:
            add_upload(line, &notes->upload);
            break;
        case REQUEST_BATCH:
            log_line_integer(line, "stored", (int64_t)notes->batch.stored);
            log_line_integer(line, "known", (int64_t)notes->batch.known);
            log_line_integer(line, "failed", (int64_t)notes->batch.failed);
            add_money(line, notes->batch.cost_nano_usd);
            break;
        case REQUEST_SEARCH:
            add_search(line, &notes->search);
            break;
    }
}

static void add_http(struct log_line *line, const struct http_observation *observation) {
    log_line_text(line, "method", observation->method);
    if (observation->route != NULL) log_line_text(line, "route", observation->route);
    log_line_text(line, "path", observation->path);
    log_line_integer(line, "status", observation->status);
    add_ms(line, "duration_ms", observation->seconds * 1000);
    log_line_integer(line, "request_bytes", (int64_t)observation->request_bytes);
    log_line_integer(line, "response_bytes", (int64_t)observation->response_bytes);
    log_line_text(line, "client", observation->client);
    log_line_text(line, "request_id", observation->id);
}

void request_log_write(const struct http_observation *observation) {
    enum log_level level = level_of(observation);
    if (!log_is_on(level)) return;
    struct log_line line;
    char message[MESSAGE_SIZE];
    if (log_is_json()) {
        // The same for all requests of a kind, so that lines can be counted by it.
        (void)snprintf(message, sizeof message, "%s %s %d", observation->method,
                       observation->route == NULL ? "unknown" : observation->route,
                       observation->status);
        log_line_begin(&line, level, message);
        add_http(&line, observation);
    } else {
        (void)snprintf(message, sizeof message, "%s %.160s %d %.1f ms %zu bytes",
                       observation->method, observation->path, observation->status,
                       observation->seconds * 1000, observation->response_bytes);
        log_line_begin(&line, level, message);
    }
    char trace_id[TRACE_ID_TEXT_SIZE];
    if (line.is_json && trace_current_id(trace_id)) log_line_text(&line, "trace_id", trace_id);
    add_notes(&line, observation->notes);
    if (observation->problem_code != NULL) {
        char detail[ERROR_TEXT_SIZE];
        copy_without_secrets(observation->problem_detail, detail);
        log_line_text(&line, "code", observation->problem_code);
        log_line_text(&line, "detail", detail);
    }
    if (!line.is_json && level >= LOG_WARNING) log_line_text(&line, "request_id", observation->id);
    log_line_write(&line);
}
