// BLIP's config.json. Defaults are those of transformers' BlipTextConfig and BlipVisionConfig,
// except for the number of text heads: the library's default (8) is wrong for the published
// models, so a file that does not tell it is refused.
#include "model/blip.h"
#include "model/config_file.h"

static bool read_vision(struct vision_shape *shape, const struct config_file *file,
                        const struct config_section *section, struct error *err) {
    struct block_shape *block = &shape->block;
    double epsilon;
    bool is_read =
        config_size(file, section, "hidden_size", MODEL_WIDTH_LIMIT, 768, &block->width, err) &&
        config_size(file, section, "num_hidden_layers", MODEL_LAYER_LIMIT, 12, &shape->layers,
                    err) &&
        config_size(file, section, "num_attention_heads", MODEL_HEAD_LIMIT, 12, &block->heads,
                    err) &&
        config_size(file, section, "intermediate_size", MODEL_MLP_LIMIT, 3072, &block->mlp_width,
                    err) &&
        config_size(file, section, "image_size", MODEL_IMAGE_LIMIT, 384, &shape->image_size, err) &&
        config_size(file, section, "patch_size", MODEL_IMAGE_LIMIT, 16, &shape->patch_size, err) &&
        config_number(file, section, "layer_norm_eps", 1e-5, &epsilon, err) &&
        config_activation(file, section, "hidden_act", ACTIVATION_GELU, &block->activation, err);
    if (!is_read) return false;
    block->epsilon = (float)epsilon;
    return vision_shape_check(shape, "BLIP's config.json, vision_config", err);
}

static bool read_text(struct blip_config *config, const struct config_file *file,
                      const struct config_section *section, struct error *err) {
    struct blip_decoder_shape *text = &config->text;
    double epsilon;
    bool is_read =
        config_size(file, section, "hidden_size", MODEL_WIDTH_LIMIT, 768, &text->width, err) &&
        config_size(file, section, "num_hidden_layers", MODEL_LAYER_LIMIT, 12, &text->layers,
                    err) &&
        config_size(file, section, "num_attention_heads", MODEL_HEAD_LIMIT, 0, &text->heads, err) &&
        config_size(file, section, "intermediate_size", MODEL_MLP_LIMIT, 3072, &text->mlp_width,
                    err) &&
        config_size(file, section, "vocab_size", MODEL_VOCABULARY_LIMIT, 30524,
                    &text->vocabulary_size, err) &&
        config_size(file, section, "max_position_embeddings", MODEL_TOKEN_LIMIT, 512,
                    &text->max_positions, err) &&
        // The decoder reads the image tower's states; the published file does not repeat it.
        config_size(file, section, "encoder_hidden_size", MODEL_WIDTH_LIMIT,
                    config->vision.block.width, &text->image_width, err) &&
        config_number(file, section, "layer_norm_eps", 1e-12, &epsilon, err) &&
        config_activation(file, section, "hidden_act", ACTIVATION_GELU, &text->activation, err) &&
        config_token(file, section, "bos_token_id", text->vocabulary_size, &config->begin_token,
                     err) &&
        config_token(file, section, "sep_token_id", text->vocabulary_size, &config->end_token, err);
    if (!is_read) return false;
    text->epsilon = (float)epsilon;
    if (text->width % text->heads != 0 || text->width / text->heads > ATTENTION_MAX_HEAD_SIZE)
        return error_set(err, ERROR_INVALID,
                         "BLIP's config.json: %zu heads do not fit a text width of %zu",
                         text->heads, text->width);
    if (text->image_width != config->vision.block.width)
        return error_set(err, ERROR_INVALID,
                         "BLIP's config.json: the decoder reads states of width %zu, but the image "
                         "tower's have %zu",
                         text->image_width, config->vision.block.width);
    return true;
}

bool blip_config_read(struct blip_config *config, const char *folder, struct error *err) {
    *config = (struct blip_config){.normalization = normalization_clip};
    struct config_file *file = config_file_open(folder, "config.json", err);
    if (file == NULL) return false;
    const struct config_section *root = config_file_root(file);
    const struct config_section *vision = config_section_find(root, "vision_config");
    const struct config_section *text = config_section_find(root, "text_config");
    bool is_read;
    if (vision == NULL || text == NULL) {
        is_read = error_set(err, ERROR_INVALID,
                            "%s/config.json: vision_config or text_config is missing, so this is "
                            "no BLIP model",
                            folder);
    } else {
        is_read =
            read_vision(&config->vision, file, vision, err) && read_text(config, file, text, err);
    }
    config_file_close(file);
    return is_read && normalization_read(&config->normalization, folder, err);
}
