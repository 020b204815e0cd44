// The file of an experiment: taken, and then it holds what its header promises and every image has
// a variant, or refused with a sentence.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/experiment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right) {
    if (!is_right) abort();
}

// A cloud of three providers, in place of the real one.
size_t cloud_provider_count(const struct cloud *cloud) {
    (void)cloud;
    return 3;
}

void cloud_provider_state(struct cloud *cloud, size_t provider,
                          struct cloud_provider_state *state) {
    (void)cloud;
    *state = (struct cloud_provider_state){.kind = (enum provider_kind)provider};
}

int64_t cloud_ceiling(const struct cloud *cloud, size_t provider, const char *model,
                      const char *prompt, uint32_t width, uint32_t height) {
    (void)cloud, (void)prompt, (void)width, (void)height;
    return model[0] == 'x' && provider == 1 ? -1 : 1000;
}

static void check_variant(const struct experiment_variant *variant) {
    const struct route_policy *policy = &variant->policy;
    check(memchr(variant->name, '\0', sizeof variant->name) != NULL && variant->name[0] != '\0');
    check(memchr(variant->model, '\0', sizeof variant->model) != NULL);
    check(memchr(variant->prompt, '\0', sizeof variant->prompt) != NULL);
    check(policy->confidence_threshold >= 0 && policy->confidence_threshold <= 1);
    check(policy->clip_score_threshold >= 0 && policy->clip_score_threshold <= 1);
    check(policy->latency_budget_ms >= 0 && policy->latency_budget_ms <= 3600000);
    check(variant->provider_count >= 1 && variant->provider_count <= 3);
    for (size_t i = 0; i < variant->provider_count; i++) check(variant->providers[i] < 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct route_policy policy = {.confidence_threshold = 0.55};
    static int cloud;  // of which only the address is used
    struct error err = {0};
    struct experiment *experiment = experiment_parse_create("f", (const char *)data, size, &policy,
                                                            (struct cloud *)&cloud, &err);
    check((experiment == NULL) == (err.text[0] != '\0'));
    if (experiment == NULL) return 0;
    unsigned shares = 0;
    check(experiment->variant_count >= 2 &&
          experiment->variant_count <= EXPERIMENT_VARIANTS_MAX + 1);
    for (size_t i = 0; i < experiment->variant_count; i++) {
        check_variant(&experiment->variants[i]);
        shares += experiment->variants[i].share_percent;
    }
    check(shares == 100);
    check(experiment->shadow < experiment->variant_count && experiment->shadow_percent <= 100);
    check(experiment->shadow_daily_nano_usd >= 0);
    const struct experiment_variant *own = experiment_choose(experiment, "0123456789abcdef");
    check(own >= experiment->variants && own < experiment->variants + experiment->variant_count);
    check(experiment_choose_shadow(experiment, "0123456789abcdef") != own);
    experiment_destroy(experiment);
    return 0;
}
