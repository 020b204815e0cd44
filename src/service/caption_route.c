#include "service/caption_route.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "engine/model_source.h"
#include "route/latency_window.h"
#include "route/repetition.h"
#include "service/local_models.h"
#include "service/picture.h"
#include "service/plain_text.h"
#include "service/service_private.h"
#include "service/stage_trace.h"
#include "store/tags.h"

// Longer than the minute of the limit: with a limit there is, its turn comes.
enum { BULK_PATIENCE_MS = 90000 };

// One picture on its way.
struct journey {
    struct service *service;
    const struct caption_subject *subject;
    struct routed_caption *caption;
    const struct experiment_variant *variant;
    bool has_bulk_slot;
    struct route_decision decision;
    struct cloud_result cloud;
    bool is_answered;   // by the cloud
    struct span *span;  // that the cloud is asked within
};

static void give_bulk_slot_back(struct journey *journey) {
    if (journey->has_bulk_slot) slot_give_back(&journey->service->bulk_slots);
    journey->has_bulk_slot = false;
}

// What is not given is as the settings have it.
static const char *given(const char *text) { return text[0] == '\0' ? NULL : text; }

// The variant's providers, in its order.
static void find_providers(const struct journey *journey, struct route_provider *providers) {
    const struct experiment_variant *variant = journey->variant;
    struct cloud *cloud = journey->service->options.cloud;
    for (size_t i = 0; i < variant->provider_count; i++) {
        struct cloud_provider_state state;
        size_t provider = variant->providers[i];
        cloud_provider_state(cloud, provider, &state);
        providers[i] = (struct route_provider){
            .is_away = state.verdict == GATE_BREAKER_OPEN,
            .price_nano_usd =
                cloud_ceiling(cloud, provider, given(variant->model), given(variant->prompt),
                              journey->subject->width, journey->subject->height)};
    }
}

static void trace_decision(const struct journey *journey, int64_t started_ns) {
    static const char *const qualities[] = {
        [QUALITY_AUTO] = "auto", [QUALITY_FAST] = "fast", [QUALITY_HIGH] = "high"};
    struct span *span = span_begin_at("route", SPAN_INTERNAL, started_ns);
    const struct route_decision *decision = &journey->decision;
    span_set_text(span, "imgrouter.route.quality", qualities[journey->subject->quality]);
    span_set_text(span, "imgrouter.route.reason", route_reason_code(decision->reason));
    span_set_text(span, "imgrouter.route.origin", decision->is_cloud ? ORIGIN_CLOUD : ORIGIN_LOCAL);
    span_end(span);
}

static void decide(struct journey *journey, const struct caption *local) {
    struct service *service = journey->service;
    struct cloud *cloud = service->options.cloud;
    struct route_provider providers[ROUTE_PROVIDERS_MAX];
    int64_t started = clock_monotonic_ns();
    struct latency_figures latency = latency_window_read(&service->latency);
    struct route_facts facts = {
        .quality = journey->subject->quality,
        .is_bulk = journey->subject->lane == QUEUE_BULK,
        .queue_depth = engine_queue_depth(service->options.engine),
        .local_p95_ms = latency.p95_ms,
        .local_typical_ms = latency.median_ms,
        .providers = providers,
        .provider_count = journey->variant->provider_count,
        .budget_left_nano_usd = cloud == NULL ? 0 : cloud_budget_left(cloud),
    };
    find_providers(journey, providers);
    if (local != NULL) {
        facts.has_local = true;
        facts.confidence = (double)local->confidence;
        facts.clip_score = journey->caption->clip_score;
        facts.is_repetitive = caption_is_repetitive(local->text);
    }
    route_decide(&journey->variant->policy, &facts, &journey->decision);
    trace_decision(journey, started);
    journey->caption->receipt.route_ms += clock_ms_since(started);
}

static bool make_picture(void *context, uint32_t max_side, uint8_t **jpeg, size_t *size,
                         uint32_t *width, uint32_t *height, struct error *err) {
    const struct journey *journey = context;
    *jpeg = picture_copy_create(journey->service, journey->subject->bytes, journey->subject->size,
                                max_side, size, width, height, err);
    return *jpeg != NULL;
}

// Bulk work that asks for the best gets it, however many requests a minute there may be.
static bool is_patient(const struct caption_subject *subject) {
    return subject->lane == QUEUE_BULK && subject->quality == QUALITY_HIGH && !subject->is_shadow;
}

static void ask_cloud(struct journey *journey) {
    const struct service *service = journey->service;
    const struct route_decision *decision = &journey->decision;
    const struct experiment_variant *variant = journey->variant;
    size_t providers[CLOUD_PROVIDERS_MAX];
    char purse[LEDGER_NAME_SIZE];
    for (size_t i = 0; i < decision->order_count; i++)
        providers[i] = variant->providers[decision->order[i]];
    struct cloud_order order = {
        .providers = providers,
        .provider_count = decision->order_count,
        .sha256 = journey->subject->sha256,
        .reason = route_reason_code(decision->reason),
        .patience_ms = is_patient(journey->subject) ? BULK_PATIENCE_MS : 0,
        .question = {.model = given(variant->model), .prompt = given(variant->prompt)},
        .make_picture = make_picture,
        .context = journey};
    if (journey->subject->is_shadow) {
        (void)snprintf(purse, sizeof purse, "shadow:%s", service->options.experiment->name);
        order.reason = "shadow";
        order.purse = purse;
        order.purse_daily_nano_usd = service->options.experiment->shadow_daily_nano_usd;
    }
    journey->is_answered = cloud_ask(service->options.cloud, &order, &journey->cloud);
    journey->caption->receipt.route_ms += journey->cloud.book_ms;
}

static void *ask_cloud_beside(void *context) {
    struct journey *journey = context;
    (void)trace_switch(journey->span);
    ask_cloud(journey);
    return NULL;
}

static void take_local_caption(struct journey *journey, const struct caption *local) {
    struct routed_caption *caption = journey->caption;
    const char *model = engine_info(journey->service->options.engine)->caption_model;
    plain_text_copy(caption->text, sizeof caption->text, local->text);
    (void)snprintf(caption->model, sizeof caption->model, "%s", model);
    (void)snprintf(caption->origin, sizeof caption->origin, "%s",
                   model_source_of(model) == MODEL_MOCK ? ORIGIN_MOCK : ORIGIN_LOCAL);
    (void)snprintf(caption->receipt.provider, sizeof caption->receipt.provider, "%s", ORIGIN_LOCAL);
    caption->confidence = (double)local->confidence;
    caption->local_confidence = caption->confidence;
    caption->local_tokens = local->token_count;
}

// Those that are fit to be tags.
static void take_tags(struct routed_caption *caption, const char *tags) {
    char tag[STORE_TAG_SIZE];
    while (tags_next(&tags, tag)) (void)tags_add(caption->tags, tag, NULL);
}

static void take_cloud_answer(struct journey *journey) {
    struct service *service = journey->service;
    struct routed_caption *caption = journey->caption;
    const struct cloud_result *cloud = &journey->cloud;
    struct cloud_provider_state state;
    cloud_provider_state(service->options.cloud, cloud->provider, &state);
    plain_text_copy(caption->text, sizeof caption->text, cloud->answer.caption);
    take_tags(caption, cloud->answer.tags);
    (void)snprintf(caption->origin, sizeof caption->origin, "%s", ORIGIN_CLOUD);
    (void)snprintf(caption->model, sizeof caption->model, "%s", cloud->answer.model);
    (void)snprintf(caption->receipt.provider, sizeof caption->receipt.provider, "%s",
                   provider_kind_name(state.kind));
    // Where the local model was asked its confidence stays, as in the original service.
    if (!isnan(cloud->answer.confidence)) caption->confidence = cloud->answer.confidence;
    caption->clip_score = caption_clip_score(service->options.engine, caption->text,
                                             &caption->embedding, journey->subject->lane);
}

// What the receipt says of the cloud when it was wanted and did not answer.
static enum route_reason reason_of_obstacle(enum cloud_obstacle obstacle) {
    switch (obstacle) {
        case CLOUD_IS_OVER_BUDGET:
            return REASON_OVER_BUDGET;
        case CLOUD_IS_LIMITED:
        case CLOUD_IS_BUSY:
        case CLOUD_IS_OVER_DAY:
            return REASON_RATE_LIMITED;
        case CLOUD_HAS_FAILED:
            return REASON_CLOUD_FAILED;
        default:
            return REASON_CLOUD_AWAY;
    }
}

static void write_receipt(struct journey *journey) {
    struct receipt *receipt = &journey->caption->receipt;
    const struct route_decision *decision = &journey->decision;
    enum route_reason reason = decision->reason;
    if (decision->is_cloud) {
        receipt->cloud_ms = journey->cloud.duration_ms;
        receipt->cost_nano_usd = journey->cloud.cost_nano_usd;
        receipt->is_cost_estimated = journey->cloud.is_estimated;
        receipt->is_cached = journey->cloud.is_cached;
        if (!journey->is_answered) reason = reason_of_obstacle(journey->cloud.obstacle);
    }
    (void)snprintf(receipt->reason, sizeof receipt->reason, "%s", route_reason_code(reason));
    (void)snprintf(receipt->variant, sizeof receipt->variant, "%s", journey->variant->name);
    if (decision->is_cloud && !journey->is_answered)
        (void)snprintf(receipt->words, sizeof receipt->words, "%s; %s", decision->words,
                       journey->cloud.words);
    else
        (void)snprintf(receipt->words, sizeof receipt->words, "%s", decision->words);
}

// The local caption without the vector, which is there already.
static bool fall_back(struct journey *journey, struct error *err) {
    struct service *service = journey->service;
    struct caption local;
    struct engine_timings timings;
    int64_t started = clock_monotonic_ns();
    if (journey->subject->lane == QUEUE_BULK) slot_take(&service->bulk_slots);
    journey->has_bulk_slot = journey->subject->lane == QUEUE_BULK;
    bool is_done = local_caption(service->options.engine, journey->subject->image,
                                 journey->subject->lane, &local, &timings, err);
    give_bulk_slot_back(journey);
    if (!is_done) return false;
    take_local_caption(journey, &local);
    journey->caption->clip_score = caption_clip_score(
        service->options.engine, local.text, &journey->caption->embedding, journey->subject->lane);
    timings.embedding_ms += journey->caption->timings.embedding_ms;
    journey->caption->timings = timings;
    journey->caption->receipt.local_ms += clock_ms_since(started);
    return true;
}

// The cloud is asked while the local models make the vector.
static bool go_cloud_first(struct journey *journey, struct error *err) {
    struct routed_caption *caption = journey->caption;
    pthread_t beside;
    int64_t started = clock_monotonic_ns();
    bool is_beside = pthread_create(&beside, NULL, ask_cloud_beside, journey) == 0;
    bool is_done =
        local_embed_image(journey->service->options.engine, journey->subject->image,
                          journey->subject->lane, &caption->embedding, &caption->timings, err);
    caption->receipt.local_ms = clock_ms_since(started);
    give_bulk_slot_back(journey);
    if (is_beside) (void)pthread_join(beside, NULL);
    if (!is_done) return false;  // what was paid for is in the book: asked again, it costs nothing
    if (!is_beside) ask_cloud(journey);
    if (journey->is_answered) {
        take_cloud_answer(journey);
        return true;
    }
    return fall_back(journey, err);
}

// Without the wait in the queue.
static double work_ms(const struct engine_timings *timings) {
    return timings->preprocess_ms + timings->caption_vision_ms + timings->caption_decode_ms +
           timings->embedding_ms;
}

static bool go_local_first(struct journey *journey, struct error *err) {
    struct service *service = journey->service;
    struct routed_caption *caption = journey->caption;
    struct description description;
    int64_t started = clock_monotonic_ns();
    bool is_done = local_describe(service->options.engine, journey->subject->image,
                                  journey->subject->lane, &description, err);
    caption->receipt.local_ms = clock_ms_since(started);
    give_bulk_slot_back(journey);
    if (!is_done) return false;
    // Batches of bulk work tell nothing about how long somebody waits.
    if (journey->subject->lane == QUEUE_INTERACTIVE)
        latency_window_add(&service->latency, work_ms(&description.timings));
    caption->embedding = description.embedding;
    caption->timings = description.timings;
    caption->clip_score = (double)description.clip_score;
    take_local_caption(journey, &description.caption);
    decide(journey, &description.caption);
    if (journey->decision.is_cloud) ask_cloud(journey);
    if (journey->is_answered) take_cloud_answer(journey);
    return true;
}

static const struct experiment_variant *find_variant(const struct service *service,
                                                     const struct caption_subject *subject) {
    char id[IMAGE_ID_SIZE];
    if (subject->variant != NULL) return subject->variant;
    if (service->options.experiment == NULL) return &service->plain;
    (void)snprintf(id, sizeof id, "%.16s", subject->sha256);
    return experiment_choose(service->options.experiment, id);
}

bool caption_route(struct service *service, const struct caption_subject *subject,
                   struct routed_caption *caption, struct error *err) {
    struct journey journey = {.service = service,
                              .subject = subject,
                              .caption = caption,
                              .variant = find_variant(service, subject),
                              .has_bulk_slot = subject->lane == QUEUE_BULK,
                              .span = trace_current()};
    int64_t started = clock_monotonic_ns();
    *caption = (struct routed_caption){.confidence = -1, .local_confidence = -1};
    decide(&journey, NULL);
    bool is_done =
        journey.decision.is_cloud ? go_cloud_first(&journey, err) : go_local_first(&journey, err);
    if (is_done) write_receipt(&journey);
    caption->variant = journey.variant == &service->plain ? NULL : journey.variant;
    caption->total_ms = clock_ms_since(started);
    return is_done;
}

double caption_clip_score(struct engine *engine, const char *caption,
                          const struct embedding *picture, enum queue_lane lane) {
    struct embedding words;
    return local_embed_text(engine, caption, lane, &words, NULL, NULL)
               ? embedding_cosine(picture, &words)
               : 0;
}
