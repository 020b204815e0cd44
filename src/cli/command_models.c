// imgrouter models list | pull | verify. Pulling fills the Hugging Face cache; a folder given by
// --models is the user's own and is only looked at.
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/engine_setup.h"
#include "cli/json_line.h"
#include "cli/progress_bar.h"
#include "fetch/fetch.h"
#include "hub/hub.h"

enum {
    HUB_TIMEOUT_MS = 10000,  // for the hub to answer at all
    SERVED_MODELS = 2,       // one that captions, one that embeds
};

// The models that a command is about: the one of --repository, else the two that are served.
struct chosen {
    struct hub_model models[SERVED_MODELS];
    size_t count;
};

static bool choose(const struct settings *settings, struct chosen *chosen, struct error *err) {
    if (settings->repository != NULL) {
        chosen->count = 1;
        return hub_find_repository(settings->repository, &chosen->models[0], err);
    }
    const struct hub_model *embedding =
        hub_find_embedding_model(settings->openclip_model, settings->openclip_pretrained, err);
    if (embedding == NULL) return false;
    if (!hub_find_repository(settings->caption_model, &chosen->models[0], err)) return false;
    chosen->models[1] = *embedding;
    chosen->count = SERVED_MODELS;
    return true;
}

// Bytes that a pull of this model would bring; 0: not known.
static int64_t download_bytes(const struct hub_model *model) {
    int64_t total = 0;
    bool has_weights = false;
    for (size_t i = 0; i < model->file_count; i++) {
        const struct hub_file *file = &model->files[i];
        if (file->role == HUB_WEIGHTS && has_weights) continue;
        if (file->role == HUB_WEIGHTS) {
            if (file->size_bytes == 0) return 0;
            has_weights = true;
        }
        total += file->size_bytes;
    }
    return total;
}

static const char *purpose_name(enum hub_purpose purpose) {
    static const char *const names[] = {
        [HUB_CAPTION] = "caption", [HUB_EMBEDDING] = "embedding", [HUB_UNKNOWN] = "unknown"};
    return names[purpose];
}

static json_t *text_or_null(const char *text) {
    return text == NULL ? json_null() : json_line_text(text);
}

// One line of the list.
struct listed {
    const struct hub_model *model;
    const char *folder;  // NULL: not here
    bool is_demo;
    bool is_served;  // chosen by the settings
    bool answers;    // is what would answer now, unless USE_MOCK_MODELS says otherwise
};

static void print_model(const struct listed *listed, bool is_json) {
    const struct hub_model *model = listed->model;
    int64_t bytes = download_bytes(model);
    if (is_json) {
        json_line_print(json_pack(
            "{s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "repository", model->repository,
            "purpose", purpose_name(model->purpose), "source", listed->is_demo ? "demo" : "full",
            "served", listed->is_served ? 1 : 0, "answers", listed->answers ? 1 : 0,
            "openclip_model", text_or_null(model->openclip_model), "openclip_pretrained",
            text_or_null(model->openclip_pretrained), "license", text_or_null(model->license),
            "download_bytes", bytes == 0 ? json_null() : json_integer(bytes), "folder",
            text_or_null(listed->folder)));
        return;
    }
    char size[32] = "";
    if (bytes != 0) (void)snprintf(size, sizeof size, "%.1f MB", (double)bytes / 1e6);
    char mark = listed->is_served ? '*' : listed->is_demo && listed->answers ? '+' : ' ';
    (void)printf("%c %-48s  %-9s  %9s  %s\n", mark, model->repository, purpose_name(model->purpose),
                 size, listed->folder != NULL ? listed->folder : "not here");
}

// Lists the two that ship with the program; true when one of them answers.
static bool list_demo_models(const struct settings *settings, const bool *lacks_full) {
    bool answers = false;
    for (enum hub_purpose purpose = HUB_CAPTION; purpose <= HUB_EMBEDDING; purpose++) {
        char folder[HUB_PATH_SIZE];
        bool is_here = demo_model_locate(settings, purpose, folder, NULL);
        struct listed listed = {.model = hub_demo_model(purpose),
                                .folder = is_here ? folder : NULL,
                                .is_demo = true,
                                .answers = is_here && lacks_full[purpose]};
        print_model(&listed, settings->is_json);
        answers = answers || listed.answers;
    }
    return answers;
}

static bool list(const struct settings *settings, const struct hub_settings *hub,
                 const struct chosen *chosen) {
    char folder[HUB_PATH_SIZE];
    size_t count;
    const struct hub_model *models = hub_models(&count);
    if (settings->repository != NULL) {
        models = chosen->models;
        count = chosen->count;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_here = hub_locate(hub, &models[i], settings->models, folder, NULL);
        bool is_served = false;
        for (size_t j = 0; j < chosen->count && settings->repository == NULL; j++)
            is_served =
                is_served || strcmp(chosen->models[j].repository, models[i].repository) == 0;
        print_model(&(struct listed){.model = &models[i],
                                     .folder = is_here ? folder : NULL,
                                     .is_served = is_served,
                                     .answers = is_served && is_here},
                    settings->is_json);
    }
    if (settings->repository != NULL) return true;
    // choose() puts the two that are served in this order.
    const bool lacks_full[] = {
        [HUB_CAPTION] = !hub_locate(hub, &chosen->models[0], settings->models, folder, NULL),
        [HUB_EMBEDDING] = !hub_locate(hub, &chosen->models[1], settings->models, folder, NULL)};
    bool has_demo = list_demo_models(settings, lacks_full);
    if (settings->is_json) return true;
    (void)printf(
        "* is served: one captions, one finds (IMGROUTER_CAPTION_MODEL, "
        "OPENCLIP_MODEL, OPENCLIP_PRETRAINED)\n");
    if (has_demo)
        (void)printf(
            "+ answers in its place while it is not here: a DEMO MODEL that knows coloured shapes "
            "and simple scenes only;\n  get the full models with: imgrouter models pull\n");
    return true;
}

static void print_pulled(const struct hub_model *model, const char *folder, bool was_here,
                         bool is_json) {
    if (is_json)
        json_line_print(json_pack("{s:s, s:s, s:o}", "repository", model->repository, "status",
                                  was_here ? "present" : "pulled", "folder",
                                  json_line_text(folder)));
    else
        (void)printf("%s: %s %s\n", model->repository, was_here ? "is in" : "pulled to", folder);
    (void)fflush(stdout);
}

static bool pull(const struct settings *settings, const struct hub_settings *hub,
                 const struct chosen *chosen, struct error *err) {
    char folder[HUB_PATH_SIZE];
    if (settings->models != NULL)
        return error_set(err, ERROR_USAGE,
                         "models pull fills the Hugging Face cache (%s), which is used when "
                         "neither --models nor IMGROUTER_MODELS is given; leave it out, or set "
                         "HF_HOME to choose another place",
                         hub->cache);
    if (!fetch_global_init(err)) return false;
    bool is_done = true;
    for (size_t i = 0; i < chosen->count && is_done; i++) {
        const struct hub_model *model = &chosen->models[i];
        bool was_here = hub_locate(hub, model, NULL, folder, NULL);
        if (!was_here) {
            struct progress_bar bar;
            progress_bar_init(&bar, NULL);
            struct hub_pull pull = {.settings = hub,
                                    .model = model,
                                    .progress = progress_bar_show,
                                    .context = &bar,
                                    .connect_timeout_ms = HUB_TIMEOUT_MS};
            is_done = hub_pull_model(&pull, err);
            progress_bar_clear(&bar);
            is_done = is_done && hub_locate(hub, model, NULL, folder, err);
        }
        if (is_done) print_pulled(model, folder, was_here, settings->is_json);
    }
    fetch_global_cleanup();
    return is_done;
}

// Looks at every model, and fails with what it found first.
static bool verify(const struct settings *settings, const struct hub_settings *hub,
                   const struct chosen *chosen, struct error *err) {
    char folder[HUB_PATH_SIZE];
    bool is_good = true;
    for (size_t i = 0; i < chosen->count; i++) {
        const struct hub_model *model = &chosen->models[i];
        struct error problem = {0};
        size_t checked = 0;
        struct progress_bar bar;
        progress_bar_init(&bar, NULL);
        bool is_whole = hub_locate(hub, model, settings->models, folder, &problem) &&
                        hub_verify(model, folder, &checked, progress_bar_show, &bar, &problem);
        progress_bar_clear(&bar);
        if (!is_whole) error_set(err, problem.kind, "%s", problem.text);
        is_good = is_good && is_whole;
        if (settings->is_json)
            json_line_print(json_pack("{s:s, s:b, s:i, s:o}", "repository", model->repository, "ok",
                                      is_whole ? 1 : 0, "checked_files", (int)checked, "problem",
                                      text_or_null(is_whole ? NULL : problem.text)));
        else if (is_whole && checked == 0)
            (void)printf(
                "%s: all files are there, but nothing tells how they were published, in %s\n",
                model->repository, folder);
        else if (is_whole)
            (void)printf("%s: %zu files are as published, in %s\n", model->repository, checked,
                         folder);
        else
            (void)printf("%s: %s\n", model->repository, problem.text);
    }
    return is_good;
}

int command_models(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    struct hub_settings hub;
    struct chosen chosen;
    const char *action = input->word_count == 0 ? "list" : input->words[0];
    bool is_list = strcmp(action, "list") == 0, is_pull = strcmp(action, "pull") == 0,
         is_verify = strcmp(action, "verify") == 0;
    if (input->word_count > 1 || (!is_list && !is_pull && !is_verify))
        error_set(&err, ERROR_USAGE, "say one of: models list, models pull, models verify");
    bool is_done =
        err.kind == ERROR_NONE && hub_settings_read(&hub, &err) && choose(settings, &chosen, &err);
    if (is_done && is_list) is_done = list(settings, &hub, &chosen);
    if (is_done && is_pull) is_done = pull(settings, &hub, &chosen, &err);
    if (is_done && is_verify) is_done = verify(settings, &hub, &chosen, &err);
    return is_done ? 0 : command_fail(&err);
}
