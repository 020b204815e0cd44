#include "service/observation.h"

#include <math.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/service_private.h"

enum { WARNING_PAUSE_MS = 60000 };

static void warn_seldom(struct service *service, const struct error *problem) {
    long long now = (long long)(clock_monotonic_ns() / 1000000);
    long long before = atomic_load(&service->observation_warned_ms);
    if (before != 0 && now - before < WARNING_PAUSE_MS) return;
    if (!atomic_compare_exchange_strong(&service->observation_warned_ms, &before, now)) return;
    log_warning("what became of an image of the experiment %s could not be written down: %s",
                service->options.experiment->name, problem->text);
}

void observation_write(struct service *service, const char *image_id,
                       const struct observed *observed) {
    const struct routed_caption *caption = observed->caption;
    struct ledger *ledger = service->options.ledger;
    struct error problem = {0};
    struct ledger_observation observation = {
        .experiment = service->options.experiment->name,
        .variant = caption->variant->name,
        .image_id = image_id,
        .is_shadow = observed->is_shadow,
        .provider = caption->receipt.provider,
        .model = caption->model,
        .caption = caption->text,
        .cost_nano_usd = caption->receipt.cost_nano_usd,
        .latency_ms = caption->total_ms,
        .confidence = caption->confidence < 0 ? (double)NAN : caption->confidence,
        .clip_score = caption->clip_score,
        .agreement = observed->agreement,
    };
    if (!ledger->operations->observe(ledger, &observation, &problem))
        warn_seldom(service, &problem);
}
