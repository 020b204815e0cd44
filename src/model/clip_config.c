// CLIP's two kinds of configuration file: open_clip_config.json (model_cfg, preprocess_cfg) and
// transformers' config.json (text_config, vision_config). Defaults are those of the two libraries'
// configuration classes (ViT-B/32).
#include "model/clip.h"
#include "model/config_file.h"

enum { OPEN_CLIP_HEAD_WIDTH = 64 };  // default of vision_cfg.head_width

// Keys of open_clip's configurations that change the arithmetic in ways not built here.
static const char *const unsupported_vision_keys[] = {
    "timm_model_name", "ls_init_value", "attentional_pool", "final_ln_after_pool", "pos_embed_type",
    "pool_type",       "block_type",    "norm_kwargs",      "act_kwargs",
};
static const char *const unsupported_text_keys[] = {
    "hf_model_name", "ls_init_value", "embed_cls",  "no_causal_mask", "pad_id",
    "pool_type",     "proj_type",     "block_type", "norm_kwargs",    "act_kwargs",
};

static bool refuse_keys(const struct config_section *section, const char *const *keys, size_t count,
                        struct error *err) {
    for (size_t i = 0; i < count; i++)
        if (config_has(section, keys[i]))
            return error_set(err, ERROR_INVALID,
                             "open_clip_config.json: this kind of CLIP is not supported (it sets "
                             "\"%s\"); ViT image towers with CLIP's own text tower are",
                             keys[i]);
    return true;
}

static bool mlp_width_from_ratio(const struct config_file *file,
                                 const struct config_section *section, size_t width, size_t *out,
                                 struct error *err) {
    double ratio;
    if (!config_number(file, section, "mlp_ratio", 4.0, &ratio, err)) return false;
    double mlp_width = (double)width * ratio;
    if (mlp_width < 1 || mlp_width > MODEL_MLP_LIMIT)
        return error_set(err, ERROR_INVALID, "open_clip_config.json: mlp_ratio %g is out of range",
                         ratio);
    *out = (size_t)mlp_width;  // int(width * mlp_ratio) in open_clip
    return true;
}

// As open_clip's image_transform takes it; "random" stands for bicubic outside training.
static bool read_open_clip_preprocessing(struct clip_config *config, const struct config_file *file,
                                         const struct config_section *section, struct error *err) {
    bool is_random = false;
    return config_triple(file, section, "mean", config->normalization.mean, err) &&
           config_triple(file, section, "std", config->normalization.deviation, err) &&
           config_either(file, section, "interpolation", "bicubic", "random", &is_random, err) &&
           config_either(file, section, "resize_mode", "shortest", "squash", &config->is_squashed,
                         err);
}

static bool read_open_clip(struct clip_config *config, const struct config_file *file,
                           struct error *err) {
    const struct config_section *root = config_file_root(file);
    const struct config_section *model = config_section_find(root, "model_cfg");
    if (model == NULL) model = root;
    const struct config_section *vision = config_section_find(model, "vision_cfg");
    const struct config_section *text = config_section_find(model, "text_cfg");
    if (vision == NULL || text == NULL)
        return error_set(err, ERROR_INVALID,
                         "open_clip_config.json: vision_cfg or text_cfg is missing");
    enum activation activation =
        config_flag(model, "quick_gelu", false) ? ACTIVATION_QUICK_GELU : ACTIVATION_GELU;
    struct block_shape *image = &config->vision.block;
    size_t head_width;
    *image = (struct block_shape){.epsilon = 1e-5f, .activation = activation};
    config->text =
        (struct block_shape){.epsilon = 1e-5f, .activation = activation, .is_causal = true};
    bool is_read =
        refuse_keys(vision, unsupported_vision_keys,
                    sizeof unsupported_vision_keys / sizeof *unsupported_vision_keys, err) &&
        refuse_keys(text, unsupported_text_keys,
                    sizeof unsupported_text_keys / sizeof *unsupported_text_keys, err) &&
        config_size(file, model, "embed_dim", MODEL_WIDTH_LIMIT, 0, &config->embedding_width,
                    err) &&
        config_size(file, vision, "image_size", MODEL_IMAGE_LIMIT, 224, &config->vision.image_size,
                    err) &&
        config_size(file, vision, "patch_size", MODEL_IMAGE_LIMIT, 16, &config->vision.patch_size,
                    err) &&
        config_size(file, vision, "width", MODEL_WIDTH_LIMIT, 768, &image->width, err) &&
        config_size(file, vision, "layers", MODEL_LAYER_LIMIT, 12, &config->vision.layers, err) &&
        config_size(file, vision, "head_width", MODEL_WIDTH_LIMIT, OPEN_CLIP_HEAD_WIDTH,
                    &head_width, err) &&
        mlp_width_from_ratio(file, vision, image->width, &image->mlp_width, err) &&
        config_size(file, text, "context_length", MODEL_TOKEN_LIMIT, 77, &config->context_length,
                    err) &&
        config_size(file, text, "vocab_size", MODEL_VOCABULARY_LIMIT, 49408,
                    &config->vocabulary_size, err) &&
        config_size(file, text, "width", MODEL_WIDTH_LIMIT, 512, &config->text.width, err) &&
        config_size(file, text, "heads", MODEL_HEAD_LIMIT, 8, &config->text.heads, err) &&
        config_size(file, text, "layers", MODEL_LAYER_LIMIT, 12, &config->text_layers, err) &&
        mlp_width_from_ratio(file, text, config->text.width, &config->text.mlp_width, err);
    if (!is_read) return false;
    image->heads = image->width / head_width;
    config->has_pre_norm = !config_flag(vision, "no_ln_pre", false);
    const struct config_section *preprocess = config_section_find(root, "preprocess_cfg");
    return preprocess == NULL || read_open_clip_preprocessing(config, file, preprocess, err);
}

static bool read_tower(const struct config_file *file, const struct config_section *section,
                       size_t width, size_t heads, struct block_shape *shape, size_t *layers,
                       struct error *err) {
    double epsilon;
    if (!config_size(file, section, "hidden_size", MODEL_WIDTH_LIMIT, width, &shape->width, err) ||
        !config_size(file, section, "num_attention_heads", MODEL_HEAD_LIMIT, heads, &shape->heads,
                     err) ||
        !config_size(file, section, "num_hidden_layers", MODEL_LAYER_LIMIT, 12, layers, err) ||
        !config_size(file, section, "intermediate_size", MODEL_MLP_LIMIT, 4 * width,
                     &shape->mlp_width, err) ||
        !config_number(file, section, "layer_norm_eps", 1e-5, &epsilon, err) ||
        !config_activation(file, section, "hidden_act", ACTIVATION_QUICK_GELU, &shape->activation,
                           err))
        return false;
    shape->epsilon = (float)epsilon;
    return true;
}

static bool read_hugging_face(struct clip_config *config, const struct config_file *file,
                              struct error *err) {
    const struct config_section *root = config_file_root(file);
    const struct config_section *vision = config_section_find(root, "vision_config");
    const struct config_section *text = config_section_find(root, "text_config");
    if (vision == NULL || text == NULL)
        return error_set(err, ERROR_INVALID,
                         "config.json: vision_config or text_config is missing, so this is no CLIP "
                         "model");
    config->text.is_causal = true;
    return config_size(file, root, "projection_dim", MODEL_WIDTH_LIMIT, 512,
                       &config->embedding_width, err) &&
           read_tower(file, vision, 768, 12, &config->vision.block, &config->vision.layers, err) &&
           config_size(file, vision, "image_size", MODEL_IMAGE_LIMIT, 224,
                       &config->vision.image_size, err) &&
           config_size(file, vision, "patch_size", MODEL_IMAGE_LIMIT, 32,
                       &config->vision.patch_size, err) &&
           read_tower(file, text, 512, 8, &config->text, &config->text_layers, err) &&
           config_size(file, text, "max_position_embeddings", MODEL_TOKEN_LIMIT, 77,
                       &config->context_length, err) &&
           config_size(file, text, "vocab_size", MODEL_VOCABULARY_LIMIT, 49408,
                       &config->vocabulary_size, err);
}

// transformers' image processor crops unless it is told not to; a square size then squashes.
static bool read_hugging_face_preprocessing(struct clip_config *config, const char *folder,
                                            struct error *err) {
    if (!normalization_read(&config->normalization, folder, err)) return false;
    struct config_file *file = config_file_open(folder, "preprocessor_config.json", NULL);
    if (file == NULL) return true;  // it need not be there
    const struct config_section *root = config_file_root(file);
    const struct config_section *size = config_section_find(root, "size");
    size_t height = 0, width = 0, wanted = config->vision.image_size;
    config->is_squashed = !config_flag(root, "do_center_crop", true);
    bool is_square = size != NULL &&
                     config_size(file, size, "height", MODEL_IMAGE_LIMIT, 0, &height, NULL) &&
                     config_size(file, size, "width", MODEL_IMAGE_LIMIT, 0, &width, NULL) &&
                     height == wanted && width == wanted;
    config_file_close(file);
    return !config->is_squashed || is_square ||
           error_set(
               err, ERROR_INVALID,
               "%s/preprocessor_config.json: do_center_crop is false, so \"size\" must be the "
               "model's own height and width, %zu and %zu",
               folder, wanted, wanted);
}

static bool check_text(const struct clip_config *config, struct error *err) {
    const struct block_shape *text = &config->text;
    if (text->width % text->heads == 0 && text->width / text->heads <= ATTENTION_MAX_HEAD_SIZE)
        return true;
    return error_set(err, ERROR_INVALID, "CLIP's config: %zu heads do not fit a text width of %zu",
                     text->heads, text->width);
}

bool clip_config_read(struct clip_config *config, const char *folder, bool prefers_open_clip,
                      struct error *err) {
    *config = (struct clip_config){.has_pre_norm = true, .normalization = normalization_clip};
    static const char *const names[] = {"config.json", "open_clip_config.json"};
    struct error absent = {0};
    bool is_open_clip = prefers_open_clip;
    struct config_file *file = config_file_open(folder, names[is_open_clip], &absent);
    if (file == NULL && absent.kind == ERROR_NOT_FOUND) {
        is_open_clip = !is_open_clip;
        file = config_file_open(folder, names[is_open_clip], err);
    } else if (file == NULL) {
        error_set(err, absent.kind, "%s", absent.text);
    }
    if (file == NULL) return false;
    bool is_read = is_open_clip ? read_open_clip(config, file, err)
                                : read_hugging_face(config, file, err) &&
                                      read_hugging_face_preprocessing(config, folder, err);
    config_file_close(file);
    return is_read && vision_shape_check(&config->vision, folder, err) && check_text(config, err);
}
