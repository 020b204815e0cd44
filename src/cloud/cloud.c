#include "cloud/cloud.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cloud/cloud_private.h"

static bool add_member(struct cloud *cloud, size_t index, const struct gate_options *options,
                       struct error *err) {
    struct cloud_member *member = &cloud->members[index];
    enum provider_kind kind = provider_kind_of(member->provider);
    const char *model = provider_model(member->provider);
    member->name = provider_kind_name(kind);
    member->price = price_find(cloud->prices, kind, model);
    if (member->price == NULL)
        return error_set(err, ERROR_USAGE,
                         "no price is known for the model %s of %s, so that no budget could hold: "
                         "add an entry \"%s\" or \"*\" under \"%s\" to the file of prices "
                         "(--prices)",
                         model, member->name, model, member->name);
    struct gate_options gate = *options;
    gate.patience_ms = cloud->timeout_ms;
    member->gate = provider_gate_create(member->name, &gate);
    return true;
}

struct cloud *cloud_create(const struct cloud_options *options, struct error *err) {
    assert(options->provider_count <= CLOUD_PROVIDERS_MAX);
    struct cloud *cloud = memory_alloc(sizeof *cloud);
    cloud->count = options->provider_count;
    cloud->prices = options->prices;
    cloud->ledger = options->ledger;
    cloud->limits = options->limits;
    cloud->timeout_ms = options->timeout_ms;
    cloud->prompt = options->prompt;
    cloud->clients = fetch_pool_create();
    cloud->spending = cloud_spending_create(cloud->ledger);
    for (size_t i = 0; i < cloud->count; i++) cloud->members[i].provider = options->providers[i];
    for (size_t i = 0; i < cloud->count; i++) {
        if (add_member(cloud, i, &options->gate, err)) continue;
        cloud_destroy(cloud);
        return NULL;
    }
    return cloud;
}

void cloud_destroy(struct cloud *cloud) {
    if (cloud == NULL) return;
    for (size_t i = 0; i < cloud->count; i++) {
        provider_gate_destroy(cloud->members[i].gate);
        provider_destroy(cloud->members[i].provider);
    }
    cloud_spending_destroy(cloud->spending);
    price_table_destroy(cloud->prices);
    fetch_pool_destroy(cloud->clients);
    memory_free(cloud);
}

size_t cloud_provider_count(const struct cloud *cloud) { return cloud->count; }

void cloud_provider_state(struct cloud *cloud, size_t provider,
                          struct cloud_provider_state *state) {
    struct cloud_member *member = &cloud->members[provider];
    int64_t now_ns = clock_monotonic_ns();
    *state = (struct cloud_provider_state){
        .kind = provider_kind_of(member->provider),
        .model = provider_model(member->provider),
        .price = member->price,
        .verdict = provider_gate_look(member->gate, now_ns),
    };
    provider_gate_state(member->gate, now_ns, &state->gate);
    for (size_t i = 0; i < CLOUD_OUTCOME_COUNT; i++)
        state->outcomes[i] = atomic_load(&member->outcomes[i]);
}

const struct ledger_limits *cloud_limits(const struct cloud *cloud) { return &cloud->limits; }

struct ledger *cloud_ledger(struct cloud *cloud) {
    return cloud->ledger;
}

const char *cloud_prompt(const struct cloud *cloud) { return cloud->prompt; }

int64_t cloud_ceiling(const struct cloud *cloud, size_t provider, const char *model,
                      const char *prompt, uint32_t width, uint32_t height) {
    const struct cloud_member *member = &cloud->members[provider];
    const struct price *price =
        model == NULL ? member->price
                      : price_find(cloud->prices, provider_kind_of(member->provider), model);
    if (price == NULL) return -1;
    price_sent_size(provider_max_side(member->provider), &width, &height);
    return price_ceiling(price, width, height, strlen(prompt == NULL ? cloud->prompt : prompt),
                         CLOUD_OUTPUT_TOKENS_MAX);
}

void cloud_spending(struct cloud *cloud, struct ledger_status *status) {
    cloud_spending_read(cloud->spending, status);
}

int64_t cloud_budget_left(struct cloud *cloud) {
    struct ledger_status status;
    cloud_spending_refresh(cloud->spending, &status);
    return ledger_budget_left(&cloud->limits, &status);
}
