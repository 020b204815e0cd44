#include "model/normalization.h"

#include "model/config_file.h"

const struct normalization normalization_clip = {
    .mean = {0.48145466f, 0.4578275f, 0.40821073f},
    .deviation = {0.26862954f, 0.26130258f, 0.27577711f},
};

bool normalization_read(struct normalization *normalization, const char *folder,
                        struct error *err) {
    struct error problem = {0};
    struct config_file *file = config_file_open(folder, "preprocessor_config.json", &problem);
    if (file == NULL && problem.kind == ERROR_NOT_FOUND) return true;
    if (file == NULL) return error_set(err, problem.kind, "%s", problem.text);
    const struct config_section *root = config_file_root(file);
    bool is_read = config_triple(file, root, "image_mean", normalization->mean, err) &&
                   config_triple(file, root, "image_std", normalization->deviation, err);
    config_file_close(file);
    return is_read;
}
