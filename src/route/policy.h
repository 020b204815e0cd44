// Who captions a picture: facts in, decision and its reason out. Pure: no clock, no I/O, no state.
//
// It is asked twice. Before the local model has been (has_local false): is the cloud wanted
// whatever the local caption says, or because that would come too late? And after, with the local
// caption at hand. "Wanted" becomes a decision for the cloud only when a provider can be asked and
// the budget bears its price; else the reason says what was in the way, and the words both.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum route_quality {
    QUALITY_AUTO,  // local first, the cloud by the policy
    QUALITY_FAST,  // never the cloud
    QUALITY_HIGH,  // the cloud, the local caption only when there is none from there
};

enum route_reason {
#define REASON(id, code, meaning) REASON_##id,
#include "route/reason_list.h"
#undef REASON
    REASON_COUNT
};

enum { ROUTE_PROVIDERS_MAX = 8, ROUTE_WORDS_SIZE = 256 };

// The defaults of the settings are the original service's where it had them.
struct route_policy {
    double confidence_threshold;  // below it the cloud is wanted; 0: never
    double clip_score_threshold;  // likewise; 0: never
    int64_t latency_budget_ms;    // 0: no budget
};

struct route_provider {
    bool is_away;            // breaker open, limit reached, not configured
    int64_t price_nano_usd;  // the most that one picture costs there
};

struct route_facts {
    enum route_quality quality;
    bool is_bulk;  // nobody waits for this one: the latency budget does not apply

    bool has_local;  // the four that follow count
    double confidence;
    double clip_score;
    bool is_repetitive;

    size_t queue_depth;       // pictures and texts waiting for the local models
    double local_p95_ms;      // of recent local captions, waiting excluded; 0: none yet
    double local_typical_ms;  // their median

    // In the order in which they are preferred.
    const struct route_provider *providers;
    size_t provider_count;         // up to ROUTE_PROVIDERS_MAX
    int64_t budget_left_nano_usd;  // of the day
};

struct route_decision {
    bool is_cloud;
    enum route_reason reason;  // of the decision
    enum route_reason wanted;  // why the cloud was wanted; `reason` itself where it is asked, or
                               // where it was not wanted
    size_t order[ROUTE_PROVIDERS_MAX];  // indexes of the providers to ask, one after another
    size_t order_count;                 // 0 unless is_cloud
    char words[ROUTE_WORDS_SIZE];       // a sentence for people, with the figures that decided
};

void route_decide(const struct route_policy *policy, const struct route_facts *facts,
                  struct route_decision *decision);

const char *route_reason_code(enum route_reason reason);                  // "low_confidence"
const char *route_reason_meaning(enum route_reason reason);               // of the list
bool route_quality_parse(const char *text, enum route_quality *quality);  // "fast", "auto", "high"
