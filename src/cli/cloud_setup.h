// From settings to the cloud: providers in the order to ask, and their prices.
#pragma once

#include "cli/settings.h"
#include "cloud/cloud.h"
#include "route/policy.h"

struct route_policy cloud_setup_policy(const struct settings *settings);
struct ledger_limits cloud_setup_limits(const struct settings *settings);
// Of --quality. ERROR_USAGE.
bool cloud_setup_quality(const struct settings *settings, enum route_quality *quality,
                         struct error *err);
// The providers that CLOUD_PROVIDER names, in its order, as they are configured; the texts are the
// settings'. ERROR_USAGE: a name that is none, or twice.
bool cloud_setup_providers(const struct settings *settings,
                           struct provider_options options[static CLOUD_PROVIDERS_MAX],
                           size_t *count, struct error *err);
// *cloud is NULL when no provider is configured, or none that has its key; the latter is said
// loudly. The ledger must outlive it. Errors: ERROR_USAGE.
bool cloud_setup_create(const struct settings *settings, struct ledger *ledger,
                        struct cloud **cloud, struct error *err);
