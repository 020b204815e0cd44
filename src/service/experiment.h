// An experiment: other ways to caption pictures, the variants, each for its share of the images,
// to be compared with the control, which goes as the settings say; and a shadow, a variant that
// captions some of the others' images too, for the comparison alone. Read from a file once; from
// then on it never changes, so any thread may read it. docs/experiments.md tells the file's form.
#pragma once

#include "cloud/cloud.h"
#include "route/policy.h"

enum {
    EXPERIMENT_VARIANTS_MAX = 8,  // beside the control
    EXPERIMENT_NAME_SIZE = LEDGER_NAME_SIZE,
    EXPERIMENT_PROMPT_SIZE = 2048,
};

// A way to caption pictures; what the file does not give is as the settings have it.
struct experiment_variant {
    char name[EXPERIMENT_NAME_SIZE];  // empty: that of no experiment
    unsigned share_percent;
    struct route_policy policy;
    size_t providers[CLOUD_PROVIDERS_MAX];  // the cloud's indexes, in the order to ask
    size_t provider_count;
    char model[CLOUD_MODEL_SIZE];         // empty: each provider's own
    char prompt[EXPERIMENT_PROMPT_SIZE];  // empty: the cloud's
};

struct experiment {
    char name[EXPERIMENT_NAME_SIZE];
    struct experiment_variant variants[EXPERIMENT_VARIANTS_MAX + 1];  // the last one: "control"
    size_t variant_count;                                             // the control included
    size_t shadow;            // the variant that captions others' images too
    unsigned shadow_percent;  // so many of 100; 0: there is no shadow
    int64_t shadow_daily_nano_usd;
};

// The way of the settings alone. `cloud` may be NULL, here and below.
void experiment_variant_plain(struct experiment_variant *variant, const struct route_policy *policy,
                              const struct cloud *cloud);

// `policy` and `cloud` are what the settings say. ERROR_USAGE with file, line and what to do, also
// for what the cloud cannot do: a provider that is not configured, a model without a price.
// ERROR_NOT_FOUND and ERROR_STORAGE of the file.
struct experiment *experiment_create(const char *path, const struct route_policy *policy,
                                     struct cloud *cloud, struct error *err);
// The same of bytes in memory, which messages call `name`.
struct experiment *experiment_parse_create(const char *name, const char *bytes, size_t size,
                                           const struct route_policy *policy, struct cloud *cloud,
                                           struct error *err);
void experiment_destroy(struct experiment *experiment);  // takes NULL

// The image's own, always the same one.
const struct experiment_variant *experiment_choose(const struct experiment *experiment,
                                                   const char *image_id);
// The variant that captions the image too; NULL: none does.
const struct experiment_variant *experiment_choose_shadow(const struct experiment *experiment,
                                                          const char *image_id);
