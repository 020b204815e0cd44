#include "cli/service_setup.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/processors.h"
#include "cli/cloud_setup.h"
#include "cli/data_folder.h"
#include "cli/engine_setup.h"
#include "cli/ledger_setup.h"
#include "cli/shipped_file.h"
#include "cli/store_setup.h"
#include "engine/model_source.h"
#include "fetch/fetch.h"

enum { URL_CONNECT_TIMEOUT_MS = 5000, URL_REDIRECTS = 5 };

static bool open_experiment(struct service_parts *parts, const struct settings *settings,
                            struct error *err) {
    struct route_policy policy = cloud_setup_policy(settings);
    if (settings->experiments == NULL || settings->experiments[0] == '\0') return true;
    parts->experiment = experiment_create(settings->experiments, &policy, parts->cloud, err);
    if (parts->experiment == NULL) return error_wrap(err, "the experiment cannot run");
    const struct experiment *experiment = parts->experiment;
    for (size_t i = 0; i < experiment->variant_count; i++)
        log_info("experiment %s: %s has %u %% of the pictures", experiment->name,
                 experiment->variants[i].name, experiment->variants[i].share_percent);
    if (experiment->shadow_percent > 0)
        log_info("experiment %s: %s captions %u %% of the others' too, for at most %.2f USD a day",
                 experiment->name, experiment->variants[experiment->shadow].name,
                 experiment->shadow_percent, price_usd(experiment->shadow_daily_nano_usd));
    return true;
}

bool service_parts_open_storage(struct service_parts *parts, const struct settings *settings,
                                struct error *err) {
    char data[DATA_PATH_SIZE], pictures[DATA_PATH_SIZE + 16];
    if (!data_folder_path(settings, data, err)) return false;
    parts->store = store_setup_create(settings, data, false, err);
    if (parts->store == NULL) return false;
    (void)snprintf(pictures, sizeof pictures, "%s/pictures", data);
    parts->blobs = blob_folder_create(pictures, err);
    if (parts->blobs == NULL) return false;
    log_info("data: %s", data);
    parts->ledger = ledger_setup_create(settings, parts->store, false, err);
    return parts->ledger != NULL &&
           cloud_setup_create(settings, parts->ledger, &parts->cloud, err) &&
           open_experiment(parts, settings, err);
}

static bool open_tags(struct service_parts *parts, const struct settings *settings,
                      struct error *err) {
    char path[SHIPPED_PATH_SIZE];
    // What mocks say of a picture is no reason for a tag.
    if (model_source_of(engine_info(parts->engine)->embedding_model) == MODEL_MOCK ||
        (settings->tags != NULL && strcmp(settings->tags, "off") == 0))
        return true;
    if (!shipped_file_path(&shipped_tags, settings->tags, path, err) ||
        !label_list_read(&parts->labels, path, err))
        return false;
    if (parts->relevance == NULL) parts->relevance = relevance_create(parts->engine, err);
    if (parts->relevance == NULL) return false;
    parts->tagger = tagger_create(parts->engine, parts->relevance, &parts->labels, err);
    return parts->tagger != NULL;
}

bool service_parts_open_service(struct service_parts *parts, const struct settings *settings,
                                struct error *err) {
    struct image_limits image_limits = {.max_bytes = (size_t)settings->max_upload_bytes,
                                        .max_pixels = (uint64_t)settings->max_pixels,
                                        .max_side = image_limits_default.max_side};
    struct fetch_limits fetch_limits = {.max_bytes = (size_t)settings->max_upload_bytes,
                                        .timeout_ms = (long)settings->url_timeout_ms,
                                        .connect_timeout_ms = URL_CONNECT_TIMEOUT_MS,
                                        .max_redirects = URL_REDIRECTS,
                                        .allows_private = settings->url_allow_private};
    parts->metrics = metrics_create(err);
    if (parts->metrics == NULL || !open_tags(parts, settings, err)) return false;
    parts->service =
        service_create(&(struct service_options){.engine = parts->engine,
                                                 .store = parts->store,
                                                 .blobs = parts->blobs,
                                                 .metrics = parts->metrics,
                                                 .relevance = parts->relevance,
                                                 .tagger = parts->tagger,
                                                 .cloud = parts->cloud,
                                                 .policy = cloud_setup_policy(settings),
                                                 .experiment = parts->experiment,
                                                 .ledger = parts->ledger,
                                                 .open_former = engine_setup_open_former,
                                                 .open_former_context = settings,
                                                 .image_limits = image_limits,
                                                 .fetch_limits = fetch_limits,
                                                 .decode_threads = processor_count()},
                       err);
    return parts->service != NULL;
}

void service_parts_close(struct service_parts *parts) {
    service_destroy(parts->service);
    experiment_destroy(parts->experiment);
    cloud_destroy(parts->cloud);
    tagger_destroy(parts->tagger);
    label_list_clear(&parts->labels);
    relevance_destroy(parts->relevance);
    metrics_destroy(parts->metrics);
    blob_folder_destroy(parts->blobs);
    if (parts->ledger != NULL) parts->ledger->operations->destroy(parts->ledger);
    if (parts->store != NULL) parts->store->operations->destroy(parts->store);
    engine_destroy(parts->engine);
    *parts = (struct service_parts){0};
}
