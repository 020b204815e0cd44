#include "cli/engine_setup.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "hub/hub.h"
#include "image/decode.h"

enum { COMMAND_QUEUE = 64 };  // a command sends few jobs; the server has a setting

static bool parse_mock_mode(const char *text, enum mock_mode *mode, struct error *err) {
    bool is_always;
    *mode = MOCK_AUTO;
    if (strcasecmp(text, "auto") == 0) return true;
    if (!settings_parse_flag(text, &is_always))
        return error_set(err, ERROR_USAGE,
                         "USE_MOCK_MODELS must be auto, true or false, not \"%s\"", text);
    *mode = is_always ? MOCK_ALWAYS : MOCK_NEVER;
    return true;
}

// Where one of the models is; *folder stays NULL when it is not there and mocks may stand in.
static bool locate(const struct settings *settings, const struct hub_settings *hub,
                   const struct hub_model *model, enum mock_mode mode,
                   char buffer[static HUB_PATH_SIZE], const char **folder, struct error *err) {
    struct error absent = {0};
    *folder = NULL;
    if (mode == MOCK_ALWAYS) return true;
    if (hub_locate(hub, model, settings->models, buffer, &absent)) {
        *folder = buffer;
        return true;
    }
    if (mode == MOCK_AUTO && absent.kind == ERROR_NOT_FOUND) {
        log_warning("%s", absent.text);
        return true;
    }
    return error_set(err, ERROR_UNAVAILABLE, "%s", absent.text);
}

static void say_when_mocks_answer(const struct engine_info *info, enum mock_mode mode) {
    if (!info->is_mock) return;
    log_warning("MOCK MODELS ANSWER: captions and vectors are made up, not seen in the pictures%s",
                mode == MOCK_AUTO ? ". Get the real models with: imgrouter models pull" : "");
}

struct engine *engine_setup_create(const struct settings *settings, bool needs_captions,
                                   bool needs_embeddings, struct error *err) {
    char caption_folder[HUB_PATH_SIZE], embedding_folder[HUB_PATH_SIZE];
    struct engine_options options = {.needs_captions = needs_captions,
                                     .needs_embeddings = needs_embeddings,
                                     .kernel_tier = settings->kernels,
                                     .threads = (size_t)settings->threads,
                                     .queue_capacity = settings->queue_capacity > 0
                                                           ? (size_t)settings->queue_capacity
                                                           : COMMAND_QUEUE};
    struct hub_settings hub;
    if (strcmp(settings->precision, "f32") != 0) {
        error_set(err, ERROR_USAGE, "--precision must be f32, not \"%s\"", settings->precision);
        return NULL;
    }
    if (!parse_mock_mode(settings->use_mock_models, &options.mock, err) ||
        !hub_settings_read(&hub, err))
        return NULL;
    struct hub_model caption;
    if (!hub_find_repository(settings->caption_model, &caption, err)) return NULL;
    const struct hub_model *embedding =
        hub_find_embedding_model(settings->openclip_model, settings->openclip_pretrained, err);
    if (embedding == NULL) return NULL;
    options.caption_model_name = caption.folder;
    options.embedding_model_name = embedding->folder;
    if ((needs_captions && !locate(settings, &hub, &caption, options.mock, caption_folder,
                                   &options.caption_model_folder, err)) ||
        (needs_embeddings && !locate(settings, &hub, embedding, options.mock, embedding_folder,
                                     &options.embedding_model_folder, err)))
        return NULL;
    struct engine *engine = engine_create(&options, err);
    if (engine != NULL) say_when_mocks_answer(engine_info(engine), options.mock);
    return engine;
}

bool picture_file_read(const struct settings *settings, const char *path, struct pixels *pixels,
                       struct error *err) {
    struct image_limits limits = image_limits_default;
    struct image_info info;
    if (settings->max_pixels > 0) limits.max_pixels = (uint64_t)settings->max_pixels;
    size_t size;
    char *bytes = file_read_create(path, limits.max_bytes, &size, err);
    if (bytes == NULL) return false;
    bool is_read = image_decode((const uint8_t *)bytes, size, &limits, pixels, &info, err);
    memory_free(bytes);
    return is_read || error_wrap(err, "%s", path);
}
