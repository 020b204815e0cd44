// What is known of a kind of provider without having one, and the names of outcomes.
#include <strings.h>

#include "cloud/ledger.h"
#include "cloud/provider_private.h"

static const struct {
    const char *name;
    const char *base_url;
} kinds[] = {
#define PROVIDER(id, name, base_url) [PROVIDER_##id] = {name, base_url},
#include "cloud/provider_list.h"
#undef PROVIDER
};

const char *provider_kind_name(enum provider_kind kind) { return kinds[kind].name; }

const char *provider_kind_base_url(enum provider_kind kind) { return kinds[kind].base_url; }

bool provider_kind_parse(const char *name, enum provider_kind *kind) {
    // The original service's name for it.
    if (strcasecmp(name, "mock") == 0) name = provider_kind_name(PROVIDER_FAKE);
    for (size_t i = 0; i < PROVIDER_KIND_COUNT; i++) {
        if (strcasecmp(name, kinds[i].name) != 0) continue;
        *kind = (enum provider_kind)i;
        return true;
    }
    return false;
}

const char *cloud_outcome_name(enum cloud_outcome outcome) {
    static const char *const names[] = {
        [CLOUD_ANSWERED] = "answered",
        [CLOUD_LIMITED] = "limited",
        [CLOUD_BROKE] = "broke",
        [CLOUD_DENIED] = "denied",
        [CLOUD_REFUSED] = "refused",
        [CLOUD_FAILED] = "failed",
        [CLOUD_UNREACHABLE] = "unreachable",
        [CLOUD_TIMED_OUT] = "timed_out",
        [CLOUD_CUT_OFF] = "cut_off",
    };
    return names[outcome];
}
