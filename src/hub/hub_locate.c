// Finding a model on this machine: a folder counts when it holds the files that nothing works
// without, one configuration and one file of weights.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "hub/hub_cache.h"

static bool has_file(const char *folder, const char *file) {
    char path[HUB_PATH_SIZE];
    return cache_path_format(path, NULL, "%s/%s", folder, file) && file_exists(path);
}

// The name of a file that is missing, NULL when the folder is complete.
static const char *missing_file(const struct hub_model *model, const char *folder) {
    const char *config = NULL, *weights = NULL;
    bool has_config = false, has_weights = false;
    for (size_t i = 0; i < model->file_count; i++) {
        const struct hub_file *file = &model->files[i];
        bool is_there = has_file(folder, file->path);
        if (file->role == HUB_NEEDED && !is_there) return file->path;
        if (file->role == HUB_CONFIG) {
            has_config = has_config || is_there;
            if (config == NULL) config = file->path;
        }
        if (file->role == HUB_WEIGHTS) {
            has_weights = has_weights || is_there;
            if (weights == NULL) weights = file->path;
        }
    }
    if (config != NULL && !has_config) return config;
    return weights != NULL && !has_weights ? weights : NULL;
}

static bool locate_in_folder(const struct hub_model *model, const char *models_folder,
                             char folder[static HUB_PATH_SIZE], struct error *err) {
    if (!cache_path_format(folder, err, "%s/%s", models_folder, model->folder)) return false;
    const char *missing = missing_file(model, folder);
    return missing == NULL ||
           error_set(err, ERROR_NOT_FOUND,
                     "the model %s is not in %s: there is no %s; copy the files of the repository "
                     "there, or leave --models out to use the Hugging Face cache",
                     model->repository, folder, missing);
}

static bool locate_in_cache(const struct hub_settings *settings, const struct hub_model *model,
                            char folder[static HUB_PATH_SIZE], struct error *err) {
    char repository_path[HUB_PATH_SIZE], commit[HUB_COMMIT_SIZE];
    if (!cache_repository_path(settings, model, repository_path, err)) return false;
    const char *missing = NULL;
    if (model->commit != NULL) {
        if (!cache_path_format(folder, err, "%s/snapshots/%s", repository_path, model->commit))
            return false;
        missing = missing_file(model, folder);
        if (missing == NULL) return true;
    }
    if (cache_read_main(repository_path, commit)) {
        if (!cache_path_format(folder, err, "%s/snapshots/%s", repository_path, commit))
            return false;
        missing = missing_file(model, folder);
        if (missing == NULL) return true;
    }
    return error_set(err, ERROR_NOT_FOUND,
                     "the model %s is not in the Hugging Face cache %s%s%s; run \"imgrouter models "
                     "pull\" to get it, or give a folder that holds it with --models DIR",
                     model->repository, settings->cache, missing == NULL ? "" : ": there is no ",
                     missing == NULL ? "" : missing);
}

bool hub_locate(const struct hub_settings *settings, const struct hub_model *model,
                const char *models_folder, char folder[static HUB_PATH_SIZE], struct error *err) {
    return models_folder != NULL ? locate_in_folder(model, models_folder, folder, err)
                                 : locate_in_cache(settings, model, folder, err);
}

bool hub_program_home(const char *program, char home[static HUB_PATH_SIZE], struct error *err) {
    char path[PATH_MAX];
    if (realpath(program, path) == NULL)
        return error_set(err, ERROR_NOT_FOUND,
                         "cannot tell where this program is (%s: %s), so what comes with it is not "
                         "found; name the demo models with --demo-models DIR and the prices with "
                         "--prices FILE",
                         program, strerror(errno));
    for (int level = 0; level < 2; level++) {
        char *slash = strrchr(path, '/');
        if (slash != NULL) *slash = '\0';
    }
    return cache_path_format(home, err, "%s", path);
}

bool hub_locate_demo(const struct hub_model *model, const char *demo_folder, const char *program,
                     char folder[static HUB_PATH_SIZE], struct error *err) {
    static const char *const places[] = {"models/demo", "share/imgrouter/models/demo"};
    if (demo_folder != NULL) {
        if (!cache_path_format(folder, err, "%s/%s", demo_folder, model->folder)) return false;
        const char *missing = missing_file(model, folder);
        return missing == NULL ||
               error_set(err, ERROR_NOT_FOUND, "there is no %s in %s", missing, folder);
    }
    char home[HUB_PATH_SIZE];
    if (!hub_program_home(program, home, err)) return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!cache_path_format(folder, err, "%s/%s/%s", home, places[i], model->folder))
            return false;
        if (missing_file(model, folder) == NULL) return true;
    }
    return error_set(err, ERROR_NOT_FOUND, "there is no whole %s in %s/%s or %s/%s", model->folder,
                     home, places[0], home, places[1]);
}
