// Which models would answer, and whether those that are missing could be had.
#include <string.h>

#include "cli/check.h"
#include "cli/engine_setup.h"
#include "fetch/fetch.h"
#include "fetch/fetch_trusted.h"
#include "hub/hub.h"

enum { NETWORK_TIMEOUT_MS = 5000 };

static bool is_mock_wanted(const struct settings *settings) {
    bool is_mock;
    return settings_parse_flag(settings->use_mock_models, &is_mock) && is_mock;
}

static bool find_full(const struct settings *settings, const struct hub_model *model,
                      char folder[static HUB_PATH_SIZE], struct error *err) {
    struct hub_settings hub;
    return hub_settings_read(&hub, err) && hub_locate(&hub, model, settings->models, folder, err);
}

static void check_model(const struct settings *settings, const struct hub_model *model,
                        enum hub_purpose purpose, struct check_result *result) {
    char folder[HUB_PATH_SIZE];
    struct error absent = {0}, no_demo = {0};
    bool is_demo_refused = false;
    if (is_mock_wanted(settings)) {
        check_set(result, CHECK_WARNING, "USE_MOCK_MODELS=true: made-up answers");
        check_mend(result, "unset USE_MOCK_MODELS");
    } else if (find_full(settings, model, folder, &absent)) {
        check_set(result, CHECK_OK, "%s in %s", model->repository, folder);
    } else if (absent.kind != ERROR_NOT_FOUND ||
               (settings_parse_flag(settings->use_mock_models, &is_demo_refused))) {
        check_set(result, CHECK_FAILED, "%s", absent.text);
        check_mend(result, "imgrouter models pull");
    } else if (demo_model_locate(settings, purpose, folder, &no_demo)) {
        check_set(
            result, CHECK_WARNING,
            "%s is not here; the demo model %s answers, which knows coloured shapes and simple "
            "scenes only",
            model->repository, hub_demo_model(purpose)->folder);
        check_mend(result, "imgrouter models pull");
    } else {
        check_set(result, CHECK_FAILED, "neither %s nor the demo model is here: %s",
                  model->repository, no_demo.text);
        check_mend(result, "imgrouter models pull");
    }
}

void check_caption_model(const struct settings *settings, struct check_result *result) {
    struct hub_model model;
    struct error err = {0};
    if (hub_find_repository(settings->caption_model, &model, &err))
        check_model(settings, &model, HUB_CAPTION, result);
    else
        check_set(result, CHECK_FAILED, "%s", err.text);
}

void check_search_model(const struct settings *settings, struct check_result *result) {
    struct error err = {0};
    const struct hub_model *model =
        hub_find_embedding_model(settings->openclip_model, settings->openclip_pretrained, &err);
    if (model != NULL)
        check_model(settings, model, HUB_EMBEDDING, result);
    else
        check_set(result, CHECK_FAILED, "%s", err.text);
}

static bool has_full_models(const struct settings *settings) {
    struct hub_model caption;
    char folder[HUB_PATH_SIZE];
    const struct hub_model *embedding =
        hub_find_embedding_model(settings->openclip_model, settings->openclip_pretrained, NULL);
    return embedding != NULL && hub_find_repository(settings->caption_model, &caption, NULL) &&
           find_full(settings, &caption, folder, NULL) &&
           find_full(settings, embedding, folder, NULL);
}

static bool ask_hub(const struct hub_settings *hub, struct error *err) {
    struct fetch_client *client = fetch_client_create(err);
    long status = 0;
    bool is_done = client != NULL && fetch_client_send(client,
                                                       &(struct fetch_request){
                                                           .url = hub->endpoint,
                                                           .is_head = true,
                                                           .connect_timeout_ms = NETWORK_TIMEOUT_MS,
                                                           .stall_timeout_ms = NETWORK_TIMEOUT_MS,
                                                           .timeout_ms = NETWORK_TIMEOUT_MS},
                                                       &status, err);
    fetch_client_destroy(client);
    return is_done;
}

// Only where something has to come from there.
void check_network(const struct settings *settings, struct check_result *result) {
    struct hub_settings hub;
    struct error err = {0};
    if (is_mock_wanted(settings) || has_full_models(settings)) {
        check_set(result, CHECK_OK, "nothing has to be downloaded");
    } else if (!hub_settings_read(&hub, &err)) {
        check_set(result, CHECK_FAILED, "%s", err.text);
    } else if (hub.is_offline) {
        check_set(result, CHECK_OK, "HF_HUB_OFFLINE is set: nothing is downloaded");
    } else if (fetch_global_init(&err) && ask_hub(&hub, &err)) {
        check_set(result, CHECK_OK, "the model hub %s answers", hub.endpoint);
    } else {
        check_set(result, CHECK_WARNING, "the model hub %s does not answer: %s", hub.endpoint,
                  err.text);
        check_mend(
            result,
            "name a mirror with HF_ENDPOINT, or bring the models' folders: docs/how-to/offline.md");
    }
}
