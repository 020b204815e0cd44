// Health, readiness, metrics, the OpenAPI document and the page that shows it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "api/routes.h"
#include "fake_service.h"
#include "loopback.h"

static void health_tells_what_runs(void **state) {
    (void)state;
    struct answer answer = loopback_get("/healthz");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_text(&answer, "status"), "ok");
    assert_string_equal(answer_text(&answer, "version"), "1.2.3");
    assert_string_equal(answer_text(&answer, "kernel_tier"), "scalar");
    assert_non_null(strstr(answer.body, "\"failed_kernel_tier\":null"));
    assert_string_equal(answer_text(&answer, "precision"), "f32");
    assert_non_null(strstr(answer.body, "\"queue\":{\"depth\":3,\"capacity\":32}"));
    assert_non_null(strstr(answer.body, "\"store\":{\"name\":\"fake\",\"images\":7}"));
    assert_string_equal(answer_text(&answer, "notice"), "");
    answer_clear(&answer);
    fake.engine.failed_kernel_tier = "avx2";
    answer = loopback_get("/healthz");
    assert_string_equal(answer_text(&answer, "failed_kernel_tier"), "avx2");
    answer_clear(&answer);
}

static void health_tells_each_models_source(void **state) {
    (void)state;
    static const struct {
        const char *caption, *embedding, *models, *notice;
    } cases[] = {
        {"caption-model", "vectors@12345678",
         "{\"caption\":{\"name\":\"caption-model\",\"source\":\"full\",\"precision\":\"f32\"},"
         "\"embedding\":{\"name\":\"vectors@12345678\",\"source\":\"full\",\"precision\":\"f32\"}}",
         ""},
        {"imgrouter-demo-blip", "imgrouter-demo-clip@12345678",
         "{\"caption\":{\"name\":\"imgrouter-demo-blip\",\"source\":\"demo\",\"precision\":\"f32\"}"
         ","
         "\"embedding\":{\"name\":\"imgrouter-demo-clip@12345678\",\"source\":\"demo\","
         "\"precision\":\"f32\"}}",
         "DEMO MODELS answered"},
        {"caption-model", "imgrouter-demo-clip@12345678", "\"source\":\"full\"",
         "DEMO MODELS made the search vectors"},
        {"imgrouter-demo-blip", "vectors@12345678", "\"source\":\"full\"",
         "DEMO MODELS wrote the captions"},
        {"mock", "mock",
         "\"embedding\":{\"name\":\"mock\",\"source\":\"mock\",\"precision\":\"f32\"}",
         "MOCK MODELS answered"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(fake.engine.caption_model, MODEL_NAME_SIZE, "%s", cases[i].caption);
        (void)snprintf(fake.engine.embedding_model, MODEL_NAME_SIZE, "%s", cases[i].embedding);
        struct answer answer = loopback_get("/healthz");
        const char *notice = answer_text(&answer, "notice");
        if (strstr(answer.body, cases[i].models) == NULL) fail_msg("%zu: %s", i, answer.body);
        if (strncmp(notice, cases[i].notice, strlen(cases[i].notice)) != 0 ||
            (cases[i].notice[0] == '\0') != (notice[0] == '\0'))
            fail_msg("%zu: %s", i, notice);
        if (notice[0] != '\0') assert_non_null(strstr(notice, "imgrouter models pull"));
        answer_clear(&answer);
    }
}

static void health_tells_of_a_change_of_model(void **state) {
    (void)state;
    struct answer answer = loopback_get("/healthz");
    assert_non_null(strstr(answer.body, "\"reindex\":{\"state\":\"idle\",\"from\":null,"));
    answer_clear(&answer);
    fake.progress = (struct reindex_progress){.state = REINDEX_RUNNING,
                                              .from = "former@1",
                                              .to = "own@2",
                                              .is_from_searched = true,
                                              .done = 3,
                                              .total = 10,
                                              .failed = 1};
    answer = loopback_get("/healthz");
    assert_non_null(
        strstr(answer.body,
               "\"reindex\":{\"state\":\"running\",\"from\":\"former@1\",\"to\":\"own@2\","
               "\"searched\":\"former@1\",\"done\":3,\"total\":10,\"failed\":1}"));
    assert_string_equal(answer_text(&answer, "notice"), "");  // searches find them all
    answer_clear(&answer);
    answer = loopback_get("/metrics");
    assert_non_null(strstr(answer.body, "imgrouter_reindex_images{state=\"done\"} 3\n"));
    assert_non_null(strstr(answer.body, "imgrouter_reindex_images{state=\"missing\"} 6\n"));
    assert_non_null(strstr(answer.body, "imgrouter_reindex_images{state=\"failed\"} 1\n"));
    answer_clear(&answer);
    answer = loopback_get("/search?q=x");
    assert_string_equal(answer_text(&answer, "model"), "former@1");
    assert_string_equal(answer_text(&answer, "notice"), "");
    answer_clear(&answer);
}

static void what_searches_miss_is_told(void **state) {
    (void)state;
    static const struct {
        enum reindex_state state;
        const char *notice;
    } cases[] = {
        {REINDEX_IDLE, ""},
        {REINDEX_RUNNING, "7 of 10 pictures cannot be found by vector yet"},
        {REINDEX_WAITING, "7 of 10 pictures cannot be found by vector yet"},
        {REINDEX_COMPLETE, ""},
        {REINDEX_HELD,
         "7 of 10 pictures cannot be found by vector: theirs are of the better "
         "model former@1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake.progress = (struct reindex_progress){
            .state = cases[i].state, .from = "former@1", .to = "own@2", .done = 3, .total = 10};
        for (int j = 0; j < 2; j++) {
            struct answer answer = loopback_get(j == 0 ? "/healthz" : "/search?q=x");
            const char *notice = answer_text(&answer, "notice");
            if (strncmp(notice, cases[i].notice, strlen(cases[i].notice)) != 0 ||
                (cases[i].notice[0] == '\0') != (notice[0] == '\0'))
                fail_msg("%zu: %s", i, notice);
            answer_clear(&answer);
        }
    }
}

static void a_failing_store_does_not_kill_the_process(void **state) {
    (void)state;
    error_set(&fake.failure, ERROR_STORAGE, "The disk is full.");
    struct answer answer = loopback_get("/healthz");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"images\":null,\"detail\":\"The disk is full.\""));
    answer_clear(&answer);
    answer = loopback_get("/readyz");
    assert_problem(&answer, 503);
    assert_string_equal(answer_text(&answer, "detail"), "The disk is full.");
    assert_string_equal(answer_text(&answer, "failing"), "store");
    answer_clear(&answer);
}

static void a_stopping_server_is_not_ready_but_alive(void **state) {
    (void)state;
    loopback_stop_work(true);
    struct answer answer = loopback_get("/readyz");
    assert_problem(&answer, 503);
    assert_string_equal(answer_text(&answer, "failing"), "stopping");
    answer_clear(&answer);
    answer = loopback_get("/healthz");
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
    loopback_stop_work(false);
}

static void health_tells_the_precision_of_each_model(void **state) {
    (void)state;
    fake.engine.caption_precision = "int8";
    struct answer answer = loopback_get("/healthz");
    assert_non_null(strstr(answer.body, "\"source\":\"full\",\"precision\":\"int8\"}"));
    assert_non_null(strstr(answer.body, "\"source\":\"full\",\"precision\":\"f32\"}"));
    answer_clear(&answer);
}

// In every problem and in the header, the client's own id where it sent a good one.
static void problems_have_the_request_id(void **state) {
    (void)state;
    static const char *const targets[] = {"/images/0011223344556677x", "/search?k=none",
                                          "/nowhere"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct answer answer = loopback_send("GET", targets[i], "X-Request-Id: mine-1\r\n", "", 0);
        assert_string_equal(answer_text(&answer, "request_id"), "mine-1");
        assert_string_equal(answer_header(&answer, "X-Request-Id"), "mine-1");
        answer_clear(&answer);
    }
}

static void readiness(void **state) {
    (void)state;
    struct answer answer = loopback_get("/readyz");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"status\":\"ready\"}");
    answer_clear(&answer);
}

static void metrics_count_requests_and_show_gauges(void **state) {
    (void)state;
    struct answer answer = loopback_get("/images/0011223344556677");
    answer_clear(&answer);
    answer = loopback_get("/nowhere");
    assert_int_equal(answer.status, 404);
    answer_clear(&answer);
    answer = loopback_get("/metrics");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Type"),
                        "text/plain; version=0.0.4; charset=utf-8");
    assert_non_null(strstr(answer.body, "# TYPE imgrouter_http_requests_total counter"));
    assert_non_null(strstr(answer.body, "imgrouter_images 7\n"));
    assert_non_null(strstr(answer.body, "imgrouter_queue_depth 3\n"));
    assert_non_null(strstr(answer.body, "imgrouter_store_up 1\n"));
    assert_non_null(strstr(answer.body, "imgrouter_ready 1\n"));
    assert_non_null(strstr(answer.body, "imgrouter_store_connections{state=\"in_use\"} 1\n"));
    assert_non_null(strstr(answer.body, "imgrouter_store_connections{state=\"idle\"} 3\n"));
    assert_non_null(strstr(answer.body, "imgrouter_store_connections_max 4\n"));
    assert_non_null(strstr(answer.body, "imgrouter_index_vectors 6\n"));
    assert_non_null(strstr(answer.body, "imgrouter_index_bytes 5000\n"));
    assert_non_null(strstr(answer.body, "imgrouter_kernel_self_test_failed{tier=\"avx2\"} 0\n"));
    assert_non_null(
        strstr(answer.body, "imgrouter_model_source{model=\"caption\",source=\"full\"} 1\n"));
    assert_null(
        strstr(answer.body, "imgrouter_stage_duration_seconds_count{stage=\"accept\"} 0\n"));
    answer_clear(&answer);
}

static void metrics_tell_what_is_wrong(void **state) {
    (void)state;
    fake.figures = (struct store_figures){0};
    fake.engine.failed_kernel_tier = "avx2";
    struct answer answer = loopback_get("/metrics");
    assert_non_null(strstr(answer.body, "imgrouter_store_up 0\n"));
    assert_non_null(strstr(answer.body, "imgrouter_ready 0\n"));
    assert_non_null(strstr(answer.body, "imgrouter_images 7\n"));  // the last that is known
    assert_non_null(strstr(answer.body, "imgrouter_kernel_self_test_failed{tier=\"avx2\"} 1\n"));
    answer_clear(&answer);
}

static void check_metrics_type(const char *accept, const char *type) {
    char header[512] = "";
    if (accept != NULL) (void)snprintf(header, sizeof header, "Accept: %s\r\n", accept);
    struct answer answer = loopback_send("GET", "/metrics", header, NULL, 0);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Type"), type);
    assert_string_equal(answer_header(&answer, "Vary"), "Accept");
    assert_int_equal(strstr(answer.body, "\n# EOF\n") != NULL, type[0] == 'a');
    answer_clear(&answer);
}

static void metrics_come_in_the_format_that_is_accepted(void **state) {
    (void)state;
    const char *plain = "text/plain; version=0.0.4; charset=utf-8";
    const char *open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    check_metrics_type(NULL, plain);
    check_metrics_type("*/*", plain);
    check_metrics_type("application/*", plain);
    check_metrics_type("text/html, image/png", plain);
    check_metrics_type("application/openmetrics-text;q=x", plain);
    check_metrics_type("application/openmetrics-text;version=2.0.0", plain);
    check_metrics_type("application/openmetrics-text;q=0", plain);
    check_metrics_type("application/openmetrics-text;q=0.5,text/plain", plain);
    check_metrics_type("application/openmetrics-text", open);
    check_metrics_type("application/openmetrics-text;q=0.5,text/plain;q=0.25", open);
    check_metrics_type("text/plain, application/openmetrics-text", open);
}

static void document_lists_every_route_and_only_those(void **state) {
    (void)state;
    struct answer answer = loopback_get("/openapi.json");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Type"), "application/json");
    assert_string_equal(answer_text(&answer, "openapi"), "3.1.0");
    const json_t *paths = json_object_get(answer.json, "paths");
    for (size_t i = 0; i < api_route_count; i++) {
        const char *method = strcmp(api_routes[i].method, "GET") == 0      ? "get"
                             : strcmp(api_routes[i].method, "POST") == 0   ? "post"
                             : strcmp(api_routes[i].method, "DELETE") == 0 ? "delete"
                             : strcmp(api_routes[i].method, "PATCH") == 0  ? "patch"
                                                                           : "?";
        const json_t *path = json_object_get(paths, api_routes[i].path);
        assert_non_null(json_object_get(path, method));
    }
    size_t count = 0;
    const char *key;
    json_t *operations;
    json_object_foreach((json_t *)paths, key, operations) count += json_object_size(operations);
    assert_int_equal(count, api_route_count);
    const json_t *schemas = json_object_get(json_object_get(answer.json, "components"), "schemas");
    for (size_t i = 0; i < api_route_count; i++) {
        if (api_routes[i].answer.schema != NULL)
            assert_non_null(json_object_get(schemas, api_routes[i].answer.schema));
    }
    answer_clear(&answer);
}

static void check_page_answer(const struct answer *answer, const char *type) {
    assert_string_equal(answer_header(answer, "Content-Type"), type);
    assert_string_equal(answer_header(answer, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(answer_header(answer, "Referrer-Policy"), "no-referrer");
    assert_string_equal(answer_header(answer, "Cache-Control"), "no-cache");
    const char *policy = answer_header(answer, "Content-Security-Policy");
    assert_non_null(strstr(policy, "default-src 'none'"));
    assert_non_null(strstr(policy, "frame-ancestors 'none'"));
    assert_null(strstr(policy, "unsafe"));
    assert_null(strstr(answer->body, "https://"));
    assert_null(strstr(answer->body, "style=\""));
    assert_null(strstr(answer->body, "onclick="));
    assert_null(strstr(answer->body, "innerHTML"));
}

static void pages_need_nothing_from_elsewhere(void **state) {
    (void)state;
    static const struct {
        const char *target;
        const char *type;
        const char *content;
    } files[] = {
        {"/", "text/html; charset=utf-8", "<!doctype html>"},
        {"/docs", "text/html; charset=utf-8", "<!doctype html>"},
        {"/docs/docs.css", "text/css; charset=utf-8", ":root"},
        {"/docs/docs.js", "text/javascript; charset=utf-8", "/openapi.json"},
#define WEB_FILE(symbol, name, media_type) {"/ui/" name, media_type, ""},
#include "api/web_asset_list.h"
#undef WEB_FILE
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct answer answer = loopback_get(files[i].target);
        assert_int_equal(answer.status, 200);
        check_page_answer(&answer, files[i].type);
        assert_non_null(strstr(answer.body, files[i].content));
        assert_true(answer.size > 0);
        answer_clear(&answer);
    }
}

static void a_page_that_is_known_is_not_sent_again(void **state) {
    (void)state;
    char tag[128], fields[160];
    struct answer answer = loopback_get("/ui/app.js");
    (void)snprintf(tag, sizeof tag, "%s", answer_header(&answer, "ETag"));
    assert_int_equal(strlen(tag), 66);
    answer_clear(&answer);
    (void)snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", tag);
    answer = loopback_send("GET", "/ui/app.js", fields, "", 0);
    assert_int_equal(answer.status, 304);
    assert_string_equal(answer_header(&answer, "ETag"), tag);
    assert_int_equal(answer.size, 0);
    answer_clear(&answer);
    answer = loopback_send("GET", "/ui/api.js", fields, "", 0);
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
}

static void what_is_no_file_of_the_page_is_not_found(void **state) {
    (void)state;
    static const char *const targets[] = {"/ui/schemas.json", "/ui/none.js", "/ui/..%2fapp.js"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct answer answer = loopback_get(targets[i]);
        assert_int_equal(answer.status, 404);
        assert_string_equal(answer_header(&answer, "Content-Type"), "application/problem+json");
        answer_clear(&answer);
    }
}

static void only_the_listed_methods_are_allowed(void **state) {
    (void)state;
    struct answer answer = loopback_send("PUT", "/images", "", "", 0);
    assert_int_equal(answer.status, 405);
    const char *allowed = answer_header(&answer, "Allow");
    assert_non_null(strstr(allowed, "GET"));
    assert_non_null(strstr(allowed, "POST"));
    answer_clear(&answer);
}

static double figure(const struct answer *answer, const char *part, const char *name,
                     const char *figure) {
    json_t *json = json_object_get(json_object_get(answer->json, part), name);
    if (figure != NULL) json = json_object_get(json, figure);
    if (!json_is_number(json)) fail_msg("no %s.%s.%s", part, name, figure == NULL ? "" : figure);
    return json_number_value(json);
}

static void summary_tells_what_is_counted(void **state) {
    (void)state;
    struct metrics *metrics = loopback_metrics();
    struct answer before = loopback_get("/metrics/summary");
    assert_int_equal(before.status, 200);
    metrics_add(metrics, METRIC_HTTP_REQUESTS, "POST /images/batch", "200", 1);
    metrics_add(metrics, METRIC_HTTP_REQUESTS, "POST /images", "429", 2);
    metrics_add(metrics, METRIC_HTTP_REQUESTS, "GET /search", "503", 4);
    metrics_add(metrics, METRIC_HTTP_REQUESTS, "GET /images/{id}", "other", 8);
    metrics_add(metrics, METRIC_UPLOAD_RESULTS, "new", "url", 1);
    metrics_add(metrics, METRIC_UPLOAD_RESULTS, "new", "upload", 2);
    metrics_add(metrics, METRIC_CAPTIONS, "low_confidence", NULL, 3);
    metrics_observe(metrics, METRIC_BATCH_SIZE, NULL, NULL, 2);
    for (int i = 1; i <= 199; i++)
        metrics_observe(metrics, METRIC_STAGE_DURATION, "decode", NULL, i / 100.0);
    struct answer answer = loopback_get("/metrics/summary");
    assert_true(figure(&answer, "requests", "uploads", "answered") -
                    figure(&before, "requests", "uploads", "answered") ==
                3);
    assert_true(figure(&answer, "requests", "uploads", "refused") == 2);
    assert_true(figure(&answer, "requests", "searches", "failed") == 4);
    assert_true(figure(&answer, "requests", "images", "answered") -
                    figure(&before, "requests", "images", "answered") ==
                8);
    assert_true(figure(&answer, "uploads", "new", NULL) == 3);
    assert_true(figure(&answer, "captions", "reasons", "low_confidence") == 3);
    assert_true(figure(&answer, "queue", "depth", NULL) == 3);
    assert_true(figure(&answer, "queue", "batch_size", NULL) == 2);
    assert_true(figure(&answer, "store", "images", NULL) == 7);
    assert_true(figure(&answer, "store", "index_bytes", NULL) == 5000);
    // Nearest rank: the 100th, 190th and 198th of 199.
    assert_true(figure(&answer, "stages", "decode", "count") == 199);
    assert_true(figure(&answer, "stages", "decode", "recent") == 199);
    assert_true(figure(&answer, "stages", "decode", "p50_s") == 1.0);
    assert_true(figure(&answer, "stages", "decode", "p95_s") == 1.9);
    assert_true(figure(&answer, "stages", "decode", "p99_s") == 1.98);
    json_t *stages = json_object_get(answer.json, "stages");
    assert_true(json_is_null(json_object_get(json_object_get(stages, "cloud"), "p50_s")));
    assert_true(json_is_null(json_object_get(answer.json, "cost")));  // there is no cloud
    assert_true(json_is_true(json_object_get(answer.json, "is_ready")));
    answer_clear(&before);
    answer_clear(&answer);
}

static void check_summary_type(const char *target, const char *accept, const char *type) {
    char header[256];
    (void)snprintf(header, sizeof header, "Accept: %s\r\n", accept);
    struct answer answer = loopback_send("GET", target, header, NULL, 0);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Type"), type);
    assert_string_equal(answer_header(&answer, "Vary"), "Accept");
    answer_clear(&answer);
}

static void summary_comes_as_json_or_text(void **state) {
    (void)state;
    const char *json = "application/json", *text = "text/plain; charset=utf-8";
    check_summary_type("/metrics/summary", "*/*", json);
    check_summary_type("/metrics/summary", "text/html,application/xml;q=0.9,*/*;q=0.8", json);
    check_summary_type("/metrics/summary", "text/plain", text);
    check_summary_type("/metrics/summary", "application/json;q=0.5, text/plain", text);
    check_summary_type("/metrics/summary?format=text", "application/json", text);
    check_summary_type("/metrics/summary?format=json", "text/plain", json);
    struct answer answer = loopback_get("/metrics/summary?format=xml");
    assert_problem(&answer, 422);
    answer_clear(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(health_tells_what_runs, loopback_reset),
        cmocka_unit_test_setup(health_tells_each_models_source, loopback_reset),
        cmocka_unit_test_setup(health_tells_of_a_change_of_model, loopback_reset),
        cmocka_unit_test_setup(what_searches_miss_is_told, loopback_reset),
        cmocka_unit_test_setup(a_failing_store_does_not_kill_the_process, loopback_reset),
        cmocka_unit_test_setup(a_stopping_server_is_not_ready_but_alive, loopback_reset),
        cmocka_unit_test_setup(health_tells_the_precision_of_each_model, loopback_reset),
        cmocka_unit_test_setup(problems_have_the_request_id, loopback_reset),
        cmocka_unit_test_setup(readiness, loopback_reset),
        cmocka_unit_test_setup(metrics_count_requests_and_show_gauges, loopback_reset),
        cmocka_unit_test_setup(metrics_tell_what_is_wrong, loopback_reset),
        cmocka_unit_test_setup(summary_tells_what_is_counted, loopback_reset),
        cmocka_unit_test_setup(summary_comes_as_json_or_text, loopback_reset),
        cmocka_unit_test_setup(metrics_come_in_the_format_that_is_accepted, loopback_reset),
        cmocka_unit_test_setup(document_lists_every_route_and_only_those, loopback_reset),
        cmocka_unit_test_setup(pages_need_nothing_from_elsewhere, loopback_reset),
        cmocka_unit_test_setup(a_page_that_is_known_is_not_sent_again, loopback_reset),
        cmocka_unit_test_setup(what_is_no_file_of_the_page_is_not_found, loopback_reset),
        cmocka_unit_test_setup(only_the_listed_methods_are_allowed, loopback_reset),
    };
    return cmocka_run_group_tests(tests, loopback_setup, loopback_teardown);
}
