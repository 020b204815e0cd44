#include "cli/cloud_setup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/shipped_file.h"

struct route_policy cloud_setup_policy(const struct settings *settings) {
    return (struct route_policy){.confidence_threshold = settings->caption_confidence_threshold,
                                 .clip_score_threshold = settings->clip_score_threshold,
                                 .latency_budget_ms = settings->caption_latency_budget_ms};
}

struct ledger_limits cloud_setup_limits(const struct settings *settings) {
    return (struct ledger_limits){
        .per_minute = settings->cloud_max_requests_per_minute,
        .per_day = settings->cloud_max_requests_per_day,
        .daily_nano_usd = llround(settings->cloud_daily_budget_usd * (double)NANO_USD_PER_USD)};
}

bool cloud_setup_quality(const struct settings *settings, enum route_quality *quality,
                         struct error *err) {
    return route_quality_parse(settings->quality, quality) ||
           error_set(err, ERROR_USAGE, "--quality must be fast, auto or high, not \"%s\"",
                     settings->quality);
}

static struct provider_options provider_settings(const struct settings *settings,
                                                 enum provider_kind kind) {
    switch (kind) {
        case PROVIDER_OPENROUTER:
            return (struct provider_options){.api_key = settings->openrouter_api_key,
                                             .model = settings->openrouter_model,
                                             .base_url = settings->openrouter_url};
        case PROVIDER_OPENAI:
            return (struct provider_options){.api_key = settings->openai_api_key,
                                             .model = settings->openai_model,
                                             .base_url = settings->openai_url};
        case PROVIDER_OPENAI_COMPATIBLE:
            return (struct provider_options){.api_key = settings->compatible_api_key,
                                             .model = settings->compatible_model,
                                             .base_url = settings->compatible_url};
        case PROVIDER_GOOGLE_VISION:
            return (struct provider_options){.api_key = settings->google_vision_api_key,
                                             .base_url = settings->google_vision_url};
        case PROVIDER_AWS_REKOGNITION:
            return (struct provider_options){.api_key = settings->aws_secret_access_key,
                                             .access_key_id = settings->aws_access_key_id,
                                             .session_token = settings->aws_session_token,
                                             .region = settings->aws_region,
                                             .base_url = settings->aws_url};
        case PROVIDER_IMGROUTER:
            return (struct provider_options){.base_url = settings->upstream_url};
        default:
            return (struct provider_options){0};
    }
}

// One name of the list, of `length` bytes.
static bool add_name(const struct settings *settings, const char *name, size_t length,
                     struct provider_options *options, size_t *count, struct error *err) {
    char text[32];
    enum provider_kind kind;
    (void)snprintf(text, sizeof text, "%.*s", (int)length, name);
    if (!provider_kind_parse(text, &kind))
        return error_set(err, ERROR_USAGE,
                         "CLOUD_PROVIDER names \"%s\"; it may name openrouter, openai, "
                         "openai_compatible, google_vision, aws_rekognition, imgrouter and fake",
                         text);
    for (size_t i = 0; i < *count; i++)
        if (options[i].kind == kind)
            return error_set(err, ERROR_USAGE, "CLOUD_PROVIDER names %s twice", text);
    options[*count] = provider_settings(settings, kind);
    options[(*count)++].kind = kind;
    return true;
}

_Static_assert((int)PROVIDER_KIND_COUNT <= (int)CLOUD_PROVIDERS_MAX, "each kind once");

bool cloud_setup_providers(const struct settings *settings,
                           struct provider_options options[static CLOUD_PROVIDERS_MAX],
                           size_t *count, struct error *err) {
    static const char separators[] = ", ";
    const char *name = settings->cloud_provider;
    *count = 0;
    for (name += strspn(name, separators); *name != '\0'; name += strspn(name, separators)) {
        size_t length = strcspn(name, separators);
        if (!add_name(settings, name, length, options, count, err)) return false;
        name += length;
    }
    return true;
}

// Those that have their key. The original service's example settings name a provider without one,
// and it started.
static bool create_providers(const struct settings *settings, struct cloud_options *options,
                             struct error *err) {
    struct provider_options named[CLOUD_PROVIDERS_MAX];
    size_t count;
    if (!cloud_setup_providers(settings, named, &count, err)) return false;
    for (size_t i = 0; i < count; i++) {
        struct error problem = {0};
        struct provider *provider = provider_create(&named[i], &problem);
        if (provider != NULL)
            options->providers[options->provider_count++] = provider;
        else if (problem.kind == ERROR_UNAUTHORIZED)
            log_warning("the cloud provider %s is not asked: %s", provider_kind_name(named[i].kind),
                        problem.text);
        else
            return error_set(err, problem.kind, "%s", problem.text);
    }
    return true;
}

static void say_who_is_asked(struct cloud *cloud, const struct settings *settings) {
    struct cloud_provider_state state;
    for (size_t i = 0; i < cloud_provider_count(cloud); i++) {
        cloud_provider_state(cloud, i, &state);
        log_info("cloud: %s (%s)%s", provider_kind_name(state.kind), state.model,
                 state.kind == PROVIDER_FAKE ? ", MADE-UP ANSWERS" : "");
    }
    log_info("cloud: at most %.2f USD and %lld requests a day, %lld a minute",
             settings->cloud_daily_budget_usd, (long long)settings->cloud_max_requests_per_day,
             (long long)settings->cloud_max_requests_per_minute);
}

bool cloud_setup_create(const struct settings *settings, struct ledger *ledger,
                        struct cloud **cloud, struct error *err) {
    char prices[SHIPPED_PATH_SIZE];
    struct cloud_options options = {
        .gate = {.threshold = (unsigned)settings->cloud_circuit_breaker_threshold,
                 .open_ms = settings->cloud_circuit_breaker_timeout_s * 1000,
                 .per_minute = (unsigned)settings->cloud_max_requests_per_minute,
                 .concurrency = (unsigned)settings->cloud_concurrency},
        .limits = cloud_setup_limits(settings),
        .ledger = ledger,
        .timeout_ms = (long)settings->cloud_timeout_ms,
        .prompt = settings->cloud_prompt,
    };
    *cloud = NULL;
    bool is_good = create_providers(settings, &options, err);
    if (!is_good || options.provider_count == 0) {
        for (size_t i = 0; i < options.provider_count; i++) provider_destroy(options.providers[i]);
        return is_good;
    }
    // cloud_create takes over what is there, also when it fails.
    is_good = shipped_file_path(&shipped_prices, settings->prices, prices, err) &&
              (options.prices = price_table_create(prices, err)) != NULL;
    if (!is_good) {
        for (size_t i = 0; i < options.provider_count; i++) provider_destroy(options.providers[i]);
        return false;
    }
    *cloud = cloud_create(&options, err);
    if (*cloud == NULL) return false;
    say_who_is_asked(*cloud, settings);
    return true;
}
