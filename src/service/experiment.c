#include "service/experiment.h"

#include "base/memory.h"
#include "route/variant.h"

void experiment_variant_plain(struct experiment_variant *variant, const struct route_policy *policy,
                              const struct cloud *cloud) {
    *variant = (struct experiment_variant){
        .policy = *policy, .provider_count = cloud == NULL ? 0 : cloud_provider_count(cloud)};
    for (size_t i = 0; i < variant->provider_count; i++) variant->providers[i] = i;
}

void experiment_destroy(struct experiment *experiment) { memory_free(experiment); }

const struct experiment_variant *experiment_choose(const struct experiment *experiment,
                                                   const char *image_id) {
    unsigned shares[EXPERIMENT_VARIANTS_MAX];
    size_t count = experiment->variant_count - 1;  // the control has what they leave
    for (size_t i = 0; i < count; i++) shares[i] = experiment->variants[i].share_percent;
    return &experiment->variants[variant_choose(experiment->name, image_id, shares, count)];
}

const struct experiment_variant *experiment_choose_shadow(const struct experiment *experiment,
                                                          const char *image_id) {
    const struct experiment_variant *shadow = &experiment->variants[experiment->shadow];
    bool is_shadowed = variant_is_shadowed(experiment->name, image_id, experiment->shadow_percent);
    return is_shadowed && experiment_choose(experiment, image_id) != shadow ? shadow : NULL;
}
