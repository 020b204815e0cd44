// GET /costs: today's figures beside their limits, and the sums of days from the book of costs.
#include "api/api.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/parameter.h"
#include "base/clock.h"
#include "base/memory.h"

enum {
    // Of a year with three models of three providers for six reasons on every day.
    LINES_MAX = 20000,
    DATE_LENGTH = 10,  // "2026-01-31"
    MS_DECIMALS = 3,
};

static json_t *date_json(int64_t day) {
    char text[CLOCK_TEXT_SIZE];
    clock_utc_text(day * LEDGER_DAY_MS, text);
    return json_stringn(text, DATE_LENGTH);
}

static json_t *today_json(const struct ledger_status *status, const struct ledger_limits *limits,
                          int64_t day) {
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}",                   //
                     "date", date_json(day),                                            //
                     "requests", (json_int_t)status->requests_today,                    //
                     "requests_limit", (json_int_t)limits->per_day,                     //
                     "requests_this_minute", (json_int_t)status->requests_this_minute,  //
                     "requests_per_minute_limit", (json_int_t)limits->per_minute,       //
                     "spent_usd", json_usd(status->spent_nano_usd),                     //
                     "reserved_usd", json_usd(status->reserved_nano_usd),               //
                     "budget_usd", json_usd(limits->daily_nano_usd),                    //
                     "remaining_usd", json_usd(ledger_budget_left(limits, status)));
}

static json_t *line_json(const struct ledger_costs *line) {
    double mean_ms = line->requests > 0 ? line->duration_ms / (double)line->requests : 0;
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:o}",  //
                     "date", date_json(line->day),                                    //
                     "provider", json_text(line->provider),                           //
                     "model", json_text(line->model),                                 //
                     "reason", json_text(line->reason),                               //
                     "requests", (json_int_t)line->requests,                          //
                     "answered", (json_int_t)line->answered,                          //
                     "cost_usd", json_usd(line->cost_nano_usd),                       //
                     "estimated_usd", json_usd(line->estimated_nano_usd),             //
                     "presumed_usd", json_usd(line->presumed_nano_usd),               //
                     "input_tokens", (json_int_t)line->input_tokens,                  //
                     "output_tokens", (json_int_t)line->output_tokens,                //
                     "mean_ms", json_rounded(mean_ms, MS_DECIMALS));
}

void costs_get(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    const struct ledger_operations *book = api->ledger->operations;
    struct problem problem = {0};
    struct ledger_status status;
    struct ledger_costs *lines = NULL;
    size_t count = 0;
    long days = 0;
    int64_t today = clock_utc_ms() / LEDGER_DAY_MS;
    if (!parameter_read_integer(request, &parameter_days, &days, &problem)) goto out;
    lines = memory_try_array(LINES_MAX, sizeof *lines);
    if (lines == NULL) {
        error_set(&problem.error, ERROR_INTERNAL,
                  "The server has no memory for the list of costs; try again.");
        goto out;
    }
    if (!book->status(api->ledger, &status, &problem.error) ||
        !book->list_costs(api->ledger, today - days + 1, lines, LINES_MAX, &count, &problem.error))
        goto out;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(list, line_json(&lines[i]));
    answer_json(response, 200,
                json_pack("{s:s, s:o, s:o}", "currency", "USD", "today",
                          today_json(&status, &api->limits, today), "days", list));
out:
    if (problem.error.kind != ERROR_NONE) problem_answer(&problem, response);
    memory_free(lines);
}
