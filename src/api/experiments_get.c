// GET /experiments: what each variant of each experiment has shown so far.
#include "api/api.h"
#include "api/experiments_json.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/problem.h"

// What runs now, null without one.
static json_t *running_json(const struct experiment *experiment) {
    if (experiment == NULL) return json_null();
    json_t *variants = json_array();
    for (size_t i = 0; i < experiment->variant_count; i++)
        json_array_append_new(
            variants, json_pack("{s:s, s:I}", "name", experiment->variants[i].name, "share_percent",
                                (json_int_t)experiment->variants[i].share_percent));
    bool has_shadow = experiment->shadow_percent > 0;
    json_t *shadow =
        !has_shadow ? json_null()
                    : json_pack("{s:s, s:I, s:o}",                                         //
                                "variant", experiment->variants[experiment->shadow].name,  //
                                "percent", (json_int_t)experiment->shadow_percent,         //
                                "daily_budget_usd", json_usd(experiment->shadow_daily_nano_usd));
    return json_pack("{s:s, s:o, s:o}", "name", experiment->name, "variants", variants, "shadow",
                     shadow);
}

void experiments_get(struct http_request *request, struct http_response *response, void *context) {
    (void)request;
    struct api *api = context;
    struct problem problem = {0};
    struct experiment_report *report = experiment_report_create(api->ledger, &problem.error);
    if (report == NULL) {
        problem_answer(&problem, response);
        return;
    }
    json_t *results = json_array();
    for (size_t i = 0; i < report->count; i++)
        json_array_append_new(results, experiment_line_json(&report->lines[i]));
    experiment_report_destroy(report);
    answer_json(
        response, 200,
        json_pack("{s:o, s:o}", "running", running_json(api->experiment), "results", results));
}
