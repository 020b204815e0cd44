#include "api/cloud_json.h"

#include "api/json_answer.h"

static const char *breaker_name(enum breaker_state state) {
    static const char *const names[] = {
        [BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half_open"};
    return names[state];
}

static json_t *provider_json(const struct cloud_provider_state *state) {
    const struct gate_state *gate = &state->gate;
    bool has_failed = gate->last_failure[0] != '\0';
    return json_pack("{s:s, s:o, s:s, s:o, s:I, s:I, s:I, s:o}",                       //
                     "name", provider_kind_name(state->kind),                          //
                     "model", json_text(state->model),                                 //
                     "breaker", breaker_name(gate->breaker),                           //
                     "opens_in_s", json_rounded((double)gate->opens_in_ms / 1000, 3),  //
                     "failures", (json_int_t)gate->failures,                           //
                     "in_flight", (json_int_t)gate->in_flight,                         //
                     "requests_left", (json_int_t)gate->tokens,                        //
                     "last_failure", has_failed ? json_text(gate->last_failure) : json_null());
}

json_t *cloud_json_create(struct cloud *cloud) {
    json_t *providers = json_array();
    size_t count = cloud == NULL ? 0 : cloud_provider_count(cloud);
    for (size_t i = 0; i < count; i++) {
        struct cloud_provider_state state;
        cloud_provider_state(cloud, i, &state);
        json_array_append_new(providers, provider_json(&state));
    }
    return providers;
}

void cloud_metrics_set(struct cloud *cloud, struct metrics *metrics) {
    size_t count = cloud == NULL ? 0 : cloud_provider_count(cloud);
    for (size_t i = 0; i < count; i++) {
        struct cloud_provider_state state;
        cloud_provider_state(cloud, i, &state);
        const char *name = provider_kind_name(state.kind);
        metrics_set(metrics, METRIC_BREAKER_STATE, name, NULL, (double)state.gate.breaker);
        metrics_set(metrics, METRIC_CLOUD_IN_FLIGHT, name, NULL, (double)state.gate.in_flight);
        metrics_set(metrics, METRIC_CLOUD_REQUESTS_LEFT, name, NULL, (double)state.gate.tokens);
        for (int outcome = 0; outcome < CLOUD_OUTCOME_COUNT; outcome++)
            metrics_set(metrics, METRIC_CLOUD_REQUESTS, name,
                        cloud_outcome_name((enum cloud_outcome)outcome),
                        (double)state.outcomes[outcome]);
    }
    if (count == 0) return;
    struct ledger_status status;
    cloud_spending(cloud, &status);
    const struct ledger_limits *limits = cloud_limits(cloud);
    metrics_set(metrics, METRIC_CLOUD_DAILY_COST, NULL, NULL,
                price_usd(status.spent_nano_usd + status.reserved_nano_usd));
    metrics_set(metrics, METRIC_CLOUD_DAILY_BUDGET, NULL, NULL, price_usd(limits->daily_nano_usd));
    metrics_set(metrics, METRIC_CLOUD_BUDGET_LEFT, NULL, NULL,
                price_usd(ledger_budget_left(limits, &status)));
}
