#include "cli/engine_setup.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/data_folder.h"
#include "engine/model_source.h"
#include "engine/packed_model.h"
#include "image/decode.h"

enum { COMMAND_QUEUE = 64 };  // a command sends few jobs; the server has a setting

// What answers where a full model is not there.
enum stand_in { STAND_IN_DEMO, STAND_IN_MOCK, STAND_IN_NONE };

static bool parse_stand_in(const char *text, enum stand_in *stand_in, struct error *err) {
    bool is_mock;
    *stand_in = STAND_IN_DEMO;
    if (strcasecmp(text, "auto") == 0) return true;
    if (!settings_parse_flag(text, &is_mock))
        return error_set(err, ERROR_USAGE,
                         "USE_MOCK_MODELS must be auto, true or false, not \"%s\"", text);
    *stand_in = is_mock ? STAND_IN_MOCK : STAND_IN_NONE;
    return true;
}

bool demo_model_locate(const struct settings *settings, enum hub_purpose purpose,
                       char folder[static HUB_PATH_SIZE], struct error *err) {
    return hub_locate_demo(hub_demo_model(purpose), settings->demo_models, "/proc/self/exe", folder,
                           err);
}

struct located {
    char folder[HUB_PATH_SIZE];
    const char *name;  // NULL: not looked for
};

// The full model, or the demo model in its place. A model that is there but damaged is no matter
// of this: loading it fails, or a broken download would be answered by demo models unnoticed.
static bool locate(const struct settings *settings, const struct hub_settings *hub,
                   const struct hub_model *full, enum hub_purpose purpose, enum stand_in stand_in,
                   struct located *located, struct error *err) {
    struct error absent = {0}, no_demo = {0};
    located->name = full->folder;
    if (hub_locate(hub, full, settings->models, located->folder, &absent)) return true;
    if (stand_in == STAND_IN_NONE || absent.kind != ERROR_NOT_FOUND)
        return error_set(err, ERROR_UNAVAILABLE, "%s", absent.text);
    log_info("%s", absent.text);
    located->name = hub_demo_model(purpose)->folder;
    return demo_model_locate(settings, purpose, located->folder, &no_demo) ||
           error_set(err, ERROR_UNAVAILABLE,
                     "neither the model %s is on this machine nor the demo model in its place; run "
                     "\"imgrouter models pull\", or name the folder models/demo of the source tree "
                     "with --demo-models or IMGROUTER_DEMO_MODELS (%s)",
                     full->repository, no_demo.text);
}

static void say_what_stands_in(const struct engine_info *info) {
    enum model_source captions = model_source_of(info->caption_model);
    enum model_source vectors = model_source_of(info->embedding_model);
    bool has_both = info->caption_model[0] != '\0' && info->embedding_model[0] != '\0';
    const char *part = "";
    if (has_both && captions != vectors)
        part = captions == MODEL_DEMO ? " FOR CAPTIONS" : " FOR SEARCH";
    if (captions == MODEL_MOCK || vectors == MODEL_MOCK)
        log_warning(
            "MOCK MODELS ANSWER: captions and vectors are made up, not seen in the pictures");
    else if (captions == MODEL_DEMO || vectors == MODEL_DEMO)
        log_warning(
            "DEMO MODELS ANSWER%s: they know coloured shapes and simple scenes only. Get the "
            "full models with: imgrouter models pull",
            part);
}

static bool locate_models(const struct settings *settings, enum stand_in stand_in,
                          struct located *caption, struct located *embedding, struct error *err) {
    struct hub_settings hub;
    struct hub_model caption_model;
    if (!hub_settings_read(&hub, err) ||
        !hub_find_repository(settings->caption_model, &caption_model, err))
        return false;
    const struct hub_model *embedding_model =
        hub_find_embedding_model(settings->openclip_model, settings->openclip_pretrained, err);
    return embedding_model != NULL &&
           (caption == NULL ||
            locate(settings, &hub, &caption_model, HUB_CAPTION, stand_in, caption, err)) &&
           (embedding == NULL ||
            locate(settings, &hub, embedding_model, HUB_EMBEDDING, stand_in, embedding, err));
}

// What does not depend on the models. `cache_folder` must live as long as *options.
static bool read_options(const struct settings *settings, char cache_folder[static DATA_PATH_SIZE],
                         struct engine_options *options, struct error *err) {
    bool is_auto;
    enum precision precision;
    *options = (struct engine_options){.is_exact = settings->is_exact,
                                       .kernel_tier = settings->kernels,
                                       .precision = settings->precision,
                                       .threads = (size_t)settings->threads,
                                       .queue_capacity = settings->queue_capacity > 0
                                                             ? (size_t)settings->queue_capacity
                                                             : COMMAND_QUEUE};
    if (cache_folder_path(settings, cache_folder)) options->cache_folder = cache_folder;
    return precision_parse(settings->precision, &is_auto, &precision, err);
}

struct engine *engine_setup_create(const struct settings *settings, bool needs_captions,
                                   bool needs_embeddings, struct error *err) {
    struct located caption = {.name = NULL}, embedding = {.name = NULL};
    char cache_folder[DATA_PATH_SIZE];
    enum stand_in stand_in;
    struct engine_options options;
    if (!read_options(settings, cache_folder, &options, err)) return NULL;
    if (!parse_stand_in(settings->use_mock_models, &stand_in, err)) return NULL;
    options.is_mock = stand_in == STAND_IN_MOCK;
    if (!options.is_mock && !locate_models(settings, stand_in, needs_captions ? &caption : NULL,
                                           needs_embeddings ? &embedding : NULL, err))
        return NULL;
    if (caption.name != NULL) options.caption_model_folder = caption.folder;
    if (embedding.name != NULL) options.embedding_model_folder = embedding.folder;
    options.caption_model_name = caption.name;
    options.embedding_model_name = embedding.name;
    struct engine *engine = engine_create(&options, err);
    if (engine != NULL) say_what_stands_in(engine_info(engine));
    return engine;
}

// The embedding model whose folder has this name, of `length` bytes. NULL: not known.
static const struct hub_model *find_folder(const char *name, size_t length) {
    size_t count;
    const struct hub_model *models = hub_models(&count);
    const struct hub_model *demo = hub_demo_model(HUB_EMBEDDING);
    for (size_t i = 0; i <= count; i++) {
        const struct hub_model *model = i < count ? &models[i] : demo;
        if (model->purpose == HUB_EMBEDDING && strlen(model->folder) == length &&
            strncmp(model->folder, name, length) == 0)
            return model;
    }
    return NULL;
}

static bool locate_former(const struct settings *settings, const char *embedding_model,
                          struct located *located, struct error *err) {
    struct hub_settings hub;
    const struct hub_model *model = find_folder(embedding_model, strcspn(embedding_model, "@"));
    if (model == NULL)
        return error_set(err, ERROR_NOT_FOUND, "there is no such model in the list of models");
    located->name = model->folder;
    if (model == hub_demo_model(HUB_EMBEDDING))
        return demo_model_locate(settings, HUB_EMBEDDING, located->folder, err);
    return hub_settings_read(&hub, err) &&
           hub_locate(&hub, model, settings->models, located->folder, err);
}

struct engine *engine_setup_open_former(const void *settings, const char *embedding_model) {
    struct located located = {.name = NULL};
    char cache_folder[DATA_PATH_SIZE];
    struct engine_options options;
    struct error err = {0};
    struct engine *engine = NULL;
    if (locate_former(settings, embedding_model, &located, &err) &&
        read_options(settings, cache_folder, &options, &err)) {
        options.embedding_model_folder = located.folder;
        options.embedding_model_name = located.name;
        engine = engine_create(&options, &err);
    }
    if (engine != NULL && strcmp(engine_info(engine)->embedding_model, embedding_model) != 0) {
        error_set(&err, ERROR_CONFLICT, "what is in %s now has the name %s", located.folder,
                  engine_info(engine)->embedding_model);
        engine_destroy(engine);
        engine = NULL;
    }
    if (engine == NULL)
        log_warning("the former search model %s cannot be had: %s", embedding_model, err.text);
    return engine;
}

struct image_limits picture_limits(const struct settings *settings) {
    struct image_limits limits = image_limits_default;
    if (settings->max_pixels > 0) limits.max_pixels = (uint64_t)settings->max_pixels;
    return limits;
}

bool picture_file_prepare(struct engine *engine, const struct settings *settings, const char *path,
                          enum image_use use, struct prepared_image *image, struct error *err) {
    struct image_limits limits = picture_limits(settings);
    struct image_info info;
    size_t size;
    *image = (struct prepared_image){0};
    char *bytes = file_read_create(path, limits.max_bytes, &size, err);
    if (bytes == NULL) return false;
    bool is_done = engine_prepare_image(engine, bytes, size, &limits, use, image, &info, err);
    memory_free(bytes);
    return is_done || error_wrap(err, "%s", path);
}
