// The line of one request, read back from a pipe in standard error's place.
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>

#include "api/request_log.h"
#include "api/request_notes.h"
#include "base/log.h"
#include "base/log_line.h"

static char text[LOG_LINE_SIZE + 1];

// What is written for it; "" when nothing is.
static const char *line_of(const struct http_observation *observation, enum log_level level,
                           enum log_format format) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int real = dup(STDERR_FILENO);
    log_configure(level, format);
    (void)dup2(ends[1], STDERR_FILENO);
    request_log_write(observation);
    (void)dup2(real, STDERR_FILENO);
    (void)close(real);
    (void)close(ends[1]);
    ssize_t size = read(ends[0], text, LOG_LINE_SIZE);
    (void)close(ends[0]);
    assert_true(size >= 0);
    text[size] = '\0';
    return text;
}

static json_t *json_of(const struct http_observation *observation) {
    json_t *json =
        json_loads(line_of(observation, LOG_DEBUG, LOG_FORMAT_JSON), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void assert_text(const json_t *json, const char *name, const char *wanted) {
    const char *found = json_string_value(json_object_get(json, name));
    assert_non_null(found);
    assert_string_equal(found, wanted);
}

static const struct request_notes no_notes;

static struct http_observation observation_of(const char *route, int status) {
    return (struct http_observation){.method = "GET",
                                     .route = route,
                                     .path = route != NULL ? route : "/nothing",
                                     .status = status,
                                     .seconds = 0.0123456,
                                     .id = "request-7",
                                     .client = "192.0.2.1",
                                     .request_bytes = 12,
                                     .response_bytes = 345,
                                     .notes = &no_notes};
}

static const char *level_of(const char *route, int status) {
    static char level[16];
    struct http_observation observation = observation_of(route, status);
    json_t *json = json_of(&observation);
    (void)snprintf(level, sizeof level, "%s", json_string_value(json_object_get(json, "level")));
    json_decref(json);
    return level;
}

static void levels(void **state) {
    (void)state;
    assert_string_equal(level_of("/images", 200), "info");
    assert_string_equal(level_of("/images", 404), "info");
    assert_string_equal(level_of(NULL, 404), "info");
    assert_string_equal(level_of("/images", 499), "info");
    assert_string_equal(level_of("/images", 500), "warning");
    assert_string_equal(level_of("/images", 503), "warning");
    assert_string_equal(level_of("/predict", 501), "info");
    assert_string_equal(level_of("/ping", 200), "debug");
    assert_string_equal(level_of("/.well-known/ready", 204), "debug");
    assert_string_equal(level_of("/healthz", 200), "debug");
    assert_string_equal(level_of("/readyz", 200), "debug");
    assert_string_equal(level_of("/metrics", 200), "debug");
    assert_string_equal(level_of("/metrics/summary", 200), "debug");
    assert_string_equal(level_of("/readyz", 503), "warning");
    struct http_observation observation = observation_of("/healthz", 200);
    assert_string_equal(line_of(&observation, LOG_INFO, LOG_FORMAT_JSON), "");
    observation = observation_of("/images", 500);
    assert_string_equal(line_of(&observation, LOG_ERROR, LOG_FORMAT_JSON), "");
}

static void plain_requests(void **state) {
    (void)state;
    struct http_observation observation = observation_of("/images/{id}", 200);
    observation.path = "/images/0011223344556677";
    json_t *json = json_of(&observation);
    assert_text(json, "message", "GET /images/{id} 200");
    assert_text(json, "method", "GET");
    assert_text(json, "route", "/images/{id}");
    assert_text(json, "path", "/images/0011223344556677");
    assert_text(json, "client", "192.0.2.1");
    assert_text(json, "request_id", "request-7");
    assert_int_equal(json_integer_value(json_object_get(json, "status")), 200);
    assert_true(json_real_value(json_object_get(json, "duration_ms")) == 12.346);
    assert_int_equal(json_integer_value(json_object_get(json, "request_bytes")), 12);
    assert_int_equal(json_integer_value(json_object_get(json, "response_bytes")), 345);
    assert_int_equal(json_object_size(json), 12);
    json_decref(json);
    assert_string_equal(strchr(line_of(&observation, LOG_INFO, LOG_FORMAT_TEXT), ' '),
                        " info    GET /images/0011223344556677 200 12.3 ms 345 bytes\n");

    observation = observation_of(NULL, 404);
    json = json_of(&observation);
    assert_text(json, "message", "GET unknown 404");
    assert_null(json_object_get(json, "route"));
    json_decref(json);
}

static void uploads(void **state) {
    (void)state;
    struct request_notes notes = {
        .kind = REQUEST_UPLOAD,
        .upload = {.image_id = "0011223344556677",
                   .origin = "cloud",
                   .reason = "low_confidence",
                   .provider = "openrouter",
                   .cost_nano_usd = 432150,
                   .cloud_ms = 900,
                   .timings = {.decode_ms = 1.5, .engine = {.batch_size = 2}}}};
    struct http_observation observation = observation_of("/images", 200);
    observation.notes = &notes;
    json_t *json = json_of(&observation);
    assert_text(json, "image_id", "0011223344556677");
    assert_text(json, "origin", "cloud");
    assert_text(json, "reason", "low_confidence");
    assert_text(json, "provider", "openrouter");
    assert_true(json_real_value(json_object_get(json, "cost_usd")) == 0.00043215);
    assert_true(json_is_false(json_object_get(json, "was_known")));
    const json_t *timings = json_object_get(json, "timings");
    assert_int_equal(json_object_size(timings), 10);
    assert_int_equal(json_integer_value(json_object_get(timings, "cloud_ms")), 900);
    json_decref(json);
    assert_non_null(strstr(line_of(&observation, LOG_INFO, LOG_FORMAT_TEXT),
                           " image_id=0011223344556677 origin=cloud reason=low_confidence "
                           "provider=openrouter cost_usd=0.00043215 was_known=false\n"));

    notes.upload.reason[0] = '\0';  // an image of an older version
    json = json_of(&observation);
    assert_null(json_object_get(json, "reason"));
    assert_null(json_object_get(json, "provider"));
    json_decref(json);
}

static void batches(void **state) {
    (void)state;
    struct request_notes notes = {
        .kind = REQUEST_BATCH,
        .batch = {.stored = 3, .known = 2, .failed = 1, .cost_nano_usd = 1500000000}};
    struct http_observation observation = observation_of("/images/batch", 200);
    observation.notes = &notes;
    assert_non_null(strstr(line_of(&observation, LOG_INFO, LOG_FORMAT_JSON),
                           ",\"stored\":3,\"known\":2,\"failed\":1,\"cost_usd\":1.5}\n"));
}

static const char *shown(const char *detail) {
    static char found[LOG_LINE_SIZE];
    struct http_observation observation = observation_of("/images", 422);
    observation.problem_code = "invalid";
    observation.problem_detail = detail;
    json_t *json = json_of(&observation);
    assert_text(json, "code", "invalid");
    (void)snprintf(found, sizeof found, "%s", json_string_value(json_object_get(json, "detail")));
    json_decref(json);
    return found;
}

static void addresses_tell_no_secrets(void **state) {
    (void)state;
    assert_string_equal(shown("No image."), "No image.");
    assert_string_equal(shown("cannot fetch https://a.example/p.png?token=s3: it is slow?"),
                        "cannot fetch https://a.example/p.png: it is slow?");
    assert_string_equal(shown("postgres://me:pass@word@db:5432/x?password=p is down."),
                        "postgres://db:5432/x is down.");
    assert_string_equal(shown("see http://u:p@h#t, and http://h?q, and http://"),
                        "see http://h, and http://h, and http://");
    assert_string_equal(shown("\"http://h/a?b\" and \"http://h?c@d\""),
                        "\"http://h/a\" and \"http://h\"");
    assert_string_equal(shown("http://h/a@b/c"), "http://h/a@b/c");
    assert_string_equal(shown("http://...."), "http://....");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels),
        cmocka_unit_test(plain_requests),
        cmocka_unit_test(uploads),
        cmocka_unit_test(batches),
        cmocka_unit_test(addresses_tell_no_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
