#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/policy.h"

enum { FIGURE_SIZE = 32, FIGURE_DIGITS_MAX = 9, NANOS = 1000 * 1000 * 1000 };

struct figure {
    char text[FIGURE_SIZE];
};

__attribute__((format(printf, 2, 3))) static void words_add(char words[static ROUTE_WORDS_SIZE],
                                                            const char *format, ...) {
    size_t length = strlen(words);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words + length, ROUTE_WORDS_SIZE - length, format, arguments);
    va_end(arguments);
}

// `value` with `digits` decimals, and more where rounding would put it on the other side of
// `bound`: nobody should read that 0.55 is below 0.55.
static struct figure figure_beside(double value, double bound, int digits) {
    struct figure figure;
    for (; digits <= FIGURE_DIGITS_MAX; digits++) {
        snprintf(figure.text, sizeof figure.text, "%.*f", digits, value);
        double read = strtod(figure.text, NULL);
        if ((read < bound) == (value < bound) && (read > bound) == (value > bound)) break;
    }
    return figure;
}

// As exact as it is, without the zeros at the end: "$0.0021".
static struct figure figure_of_money(int64_t nano_usd) {
    struct figure figure;
    uint64_t size = nano_usd < 0 ? 0 - (uint64_t)nano_usd : (uint64_t)nano_usd;
    int length = snprintf(figure.text, sizeof figure.text, "%s$%" PRIu64 ".%09" PRIu64,
                          nano_usd < 0 ? "-" : "", size / NANOS, size % NANOS);
    enum { ZEROS_MAX = 7 };  // of the nine decimals; cents stay
    for (int i = 0; i < ZEROS_MAX && figure.text[length - 1] == '0'; i++)
        figure.text[--length] = '\0';
    return figure;
}

// A threshold of 0 is none. A value that is not known (NAN) is not low: it says nothing against the
// caption, and a model that gives no such value would otherwise send every picture to the cloud.
static bool is_low(double value, double threshold) { return threshold > 0 && value < threshold; }

// Until the local caption would be there: all that wait, then this one, which is taken to be slow.
static double latency_predict(const struct route_facts *facts) {
    return (double)facts->queue_depth * facts->local_typical_ms + facts->local_p95_ms;
}

// A single slow caption with nobody waiting is let pass: it also tells whether they are slow still.
static bool is_too_late(const struct route_policy *policy, const struct route_facts *facts) {
    return !facts->is_bulk && policy->latency_budget_ms > 0 && facts->queue_depth > 0 &&
           latency_predict(facts) > (double)policy->latency_budget_ms;
}

static enum route_reason reason_find(const struct route_policy *policy,
                                     const struct route_facts *facts) {
    if (facts->quality == QUALITY_FAST) return REASON_QUALITY_FAST;
    if (facts->provider_count == 0) return REASON_NO_PROVIDER;
    if (facts->quality == QUALITY_HIGH) return REASON_QUALITY_HIGH;
    if (!facts->has_local)
        return is_too_late(policy, facts) ? REASON_LATENCY_BUDGET : REASON_LOCAL_SURE;
    if (facts->is_repetitive) return REASON_REPETITION;
    if (is_low(facts->confidence, policy->confidence_threshold)) return REASON_LOW_CONFIDENCE;
    if (is_low(facts->clip_score, policy->clip_score_threshold)) return REASON_LOW_CLIP_SCORE;
    return REASON_LOCAL_SURE;
}

static bool reason_wants_cloud(enum route_reason reason) {
    return reason != REASON_QUALITY_FAST && reason != REASON_NO_PROVIDER &&
           reason != REASON_LOCAL_SURE;
}

// "confidence 0.71 reaches 0.55"
static void words_add_comparison(char words[static ROUTE_WORDS_SIZE], const char *name,
                                 double value, double threshold) {
    if (isnan(value))
        words_add(words, "%s is not known", name);
    else if (!(threshold > 0))
        words_add(words, "%s %.2f is not judged", name, value);
    else
        words_add(words, "%s %s %s %g", name, figure_beside(value, threshold, 2).text,
                  value < threshold ? "is below" : "reaches", threshold);
}

static void words_add_local(char words[static ROUTE_WORDS_SIZE], const struct route_policy *policy,
                            const struct route_facts *facts) {
    words_add(words, "the local caption's ");
    words_add_comparison(words, "confidence", facts->confidence, policy->confidence_threshold);
    if (!(policy->clip_score_threshold > 0)) return;
    words_add(words, ", its ");
    words_add_comparison(words, "clip score", facts->clip_score, policy->clip_score_threshold);
}

static void words_add_reason(char words[static ROUTE_WORDS_SIZE], const struct route_policy *policy,
                             const struct route_facts *facts, enum route_reason reason) {
    if (reason == REASON_LOCAL_SURE && facts->has_local) {
        words_add_local(words, policy, facts);
    } else if (reason == REASON_LOCAL_SURE) {
        words_add(words, "the local model is asked first");
    } else if (reason == REASON_LOW_CONFIDENCE) {
        words_add(words, "the local caption's ");
        words_add_comparison(words, "confidence", facts->confidence, policy->confidence_threshold);
    } else if (reason == REASON_LOW_CLIP_SCORE) {
        words_add(words, "the local caption's ");
        words_add_comparison(words, "clip score", facts->clip_score, policy->clip_score_threshold);
    } else if (reason == REASON_LATENCY_BUDGET) {
        double budget_ms = (double)policy->latency_budget_ms;
        words_add(
            words,
            "the local caption would take %s ms, %zu waiting at %.0f ms each and up to %.0f ms "
            "of its own, and %.0f ms are allowed",
            figure_beside(latency_predict(facts), budget_ms, 0).text, facts->queue_depth,
            facts->local_typical_ms, facts->local_p95_ms, budget_ms);
    } else {
        words_add(words, "%s", route_reason_meaning(reason));
    }
}

// Fills the order. `cheapest` is of those that are not away; NULL: all are.
static const struct route_provider *providers_choose(const struct route_facts *facts,
                                                     struct route_decision *decision) {
    const struct route_provider *cheapest = NULL;
    for (size_t i = 0; i < facts->provider_count; i++) {
        const struct route_provider *provider = &facts->providers[i];
        if (provider->is_away) continue;
        if (cheapest == NULL || provider->price_nano_usd < cheapest->price_nano_usd)
            cheapest = provider;
        if (provider->price_nano_usd <= facts->budget_left_nano_usd)
            decision->order[decision->order_count++] = i;
    }
    return cheapest;
}

void route_decide(const struct route_policy *policy, const struct route_facts *facts,
                  struct route_decision *decision) {
    assert(facts->provider_count <= ROUTE_PROVIDERS_MAX);
    *decision = (struct route_decision){0};
    decision->wanted = reason_find(policy, facts);
    decision->reason = decision->wanted;
    words_add_reason(decision->words, policy, facts, decision->wanted);
    if (!reason_wants_cloud(decision->wanted)) return;

    const struct route_provider *cheapest = providers_choose(facts, decision);
    decision->is_cloud = decision->order_count > 0;
    if (decision->is_cloud) return;
    if (cheapest == NULL) {
        decision->reason = REASON_CLOUD_AWAY;
        words_add(decision->words, ", but no provider of %zu can be asked now",
                  facts->provider_count);
    } else {
        decision->reason = REASON_OVER_BUDGET;
        words_add(decision->words,
                  ", but a picture costs up to %s and %s of the day's budget is left",
                  figure_of_money(cheapest->price_nano_usd).text,
                  figure_of_money(facts->budget_left_nano_usd).text);
    }
}
