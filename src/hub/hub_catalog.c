// The models that this program knows by name. The first of each purpose is the default, pinned to
// a commit whose sizes and SHA-256 are listed, so that what is fetched is what was tested. The
// others share tables of the usual file names. OpenCLIP's names follow open_clip's pretrained.py.
#include <ctype.h>
#include <string.h>

#include "base/byte_buffer.h"
#include "hub/hub.h"

enum { MAX_REPOSITORY_SIZE = 200 };  // bytes; the hub allows 96 for each half

static const struct hub_file blip_base_files[] = {
    {"config.json", HUB_CONFIG, 4563,
     "f7846f82f4e2c4a2ccbab9ae8b0e44873540a271a76a1288effd078180c13a82"},
    {"preprocessor_config.json", HUB_OPTIONAL, 287,
     "065c10ec97edc5081fbd9655b3d9d25e2647ea6d5dab873325e88eed12d80a7d"},
    {"vocab.txt", HUB_NEEDED, 231508,
     "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"},
    {"pytorch_model.bin", HUB_WEIGHTS, 989820849,
     "d6638651a5526cc2ede56f2b5104d6851b0755816d220e5e046870430180c767"},
    {"model.safetensors", HUB_WEIGHTS, 0, NULL},
};

static const struct hub_file blip_files[] = {
    {"config.json", HUB_CONFIG, 0, NULL},
    {"preprocessor_config.json", HUB_OPTIONAL, 0, NULL},
    {"vocab.txt", HUB_NEEDED, 0, NULL},
    {"model.safetensors", HUB_WEIGHTS, 0, NULL},
    {"pytorch_model.bin", HUB_WEIGHTS, 0, NULL},
};

static const struct hub_file clip_vit_b_32_files[] = {
    {"config.json", HUB_CONFIG, 4355,
     "1284cbff35169abb23a1c5525a8b0f543c7bd191d4b9aed63880c1571bc4191c"},
    {"open_clip_config.json", HUB_CONFIG, 0, NULL},
    {"preprocessor_config.json", HUB_OPTIONAL, 316,
     "910e70b3956ac9879ebc90b22fb3bc8a75b6a0677814500101a4c072bd7857bd"},
    {"merges.txt", HUB_NEEDED, 524618,
     "f1cd414c2d113a28b296afc0fd66ae854c0e0c34d5de373a2f5b7f62e0c02344"},
    {"vocab.json", HUB_OPTIONAL, 862328,
     "5047b556ce86ccaf6aa22b3ffccfc52d391ea4accdab9c2f2407da5b742d4363"},
    {"open_clip_model.safetensors", HUB_WEIGHTS, 605143316,
     "ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6"},
    {"model.safetensors", HUB_WEIGHTS, 605157884,
     "74813fbcdc750f235c9784c367ca1394d2a5c25eb0aac92761752ac239db7cff"},
    {"open_clip_pytorch_model.bin", HUB_WEIGHTS, 0, NULL},
    {"pytorch_model.bin", HUB_WEIGHTS, 0, NULL},
};

// The order of the weights is the one in which the model room prefers them.
static const struct hub_file clip_files[] = {
    {"config.json", HUB_CONFIG, 0, NULL},
    {"open_clip_config.json", HUB_CONFIG, 0, NULL},
    {"preprocessor_config.json", HUB_OPTIONAL, 0, NULL},
    {"merges.txt", HUB_NEEDED, 0, NULL},
    {"vocab.json", HUB_OPTIONAL, 0, NULL},
    {"open_clip_model.safetensors", HUB_WEIGHTS, 0, NULL},
    {"model.safetensors", HUB_WEIGHTS, 0, NULL},
    {"open_clip_pytorch_model.bin", HUB_WEIGHTS, 0, NULL},
    {"pytorch_model.bin", HUB_WEIGHTS, 0, NULL},
};

static const struct hub_file usual_files[] = {
    {"config.json", HUB_CONFIG, 0, NULL},
    {"open_clip_config.json", HUB_CONFIG, 0, NULL},
    {"preprocessor_config.json", HUB_OPTIONAL, 0, NULL},
    {"vocab.txt", HUB_OPTIONAL, 0, NULL},
    {"merges.txt", HUB_OPTIONAL, 0, NULL},
    {"vocab.json", HUB_OPTIONAL, 0, NULL},
    {"open_clip_model.safetensors", HUB_WEIGHTS, 0, NULL},
    {"model.safetensors", HUB_WEIGHTS, 0, NULL},
    {"open_clip_pytorch_model.bin", HUB_WEIGHTS, 0, NULL},
    {"pytorch_model.bin", HUB_WEIGHTS, 0, NULL},
};

#define FILES(table) (table), sizeof(table) / sizeof *(table)
#define CLIP(repository, folder, model, pretrained) \
    { repository, folder, NULL, HUB_EMBEDDING, model, pretrained, "MIT", FILES(clip_files) }
static const struct hub_model catalog[] = {
    {"Salesforce/blip-image-captioning-base", "blip-image-captioning-base",
     "82a37760796d32b1411fe092ab5d4e227313294b", HUB_CAPTION, NULL, NULL, "BSD-3-Clause",
     FILES(blip_base_files)},
    {"laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "CLIP-ViT-B-32-laion2B-s34B-b79K",
     "1a25a446712ba5ee05982a381eed697ef9b435cf", HUB_EMBEDDING, "ViT-B-32", "laion2b_s34b_b79k",
     "MIT", FILES(clip_vit_b_32_files)},
    {"Salesforce/blip-image-captioning-large", "blip-image-captioning-large", NULL, HUB_CAPTION,
     NULL, NULL, "BSD-3-Clause", FILES(blip_files)},
    CLIP("laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K", "CLIP-ViT-B-32-DataComp.XL-s13B-b90K",
         "ViT-B-32", "datacomp_xl_s13b_b90k"),
    CLIP("laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K",
         "CLIP-ViT-B-32-256x256-DataComp-s34B-b86K", "ViT-B-32-256", "datacomp_s34b_b86k"),
    CLIP("openai/clip-vit-base-patch32", "clip-vit-base-patch32", "ViT-B-32", "openai"),
    CLIP("laion/CLIP-ViT-B-16-laion2B-s34B-b88K", "CLIP-ViT-B-16-laion2B-s34B-b88K", "ViT-B-16",
         "laion2b_s34b_b88k"),
    CLIP("laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K", "CLIP-ViT-B-16-DataComp.XL-s13B-b90K",
         "ViT-B-16", "datacomp_xl_s13b_b90k"),
    CLIP("openai/clip-vit-base-patch16", "clip-vit-base-patch16", "ViT-B-16", "openai"),
    CLIP("laion/CLIP-ViT-L-14-laion2B-s32B-b82K", "CLIP-ViT-L-14-laion2B-s32B-b82K", "ViT-L-14",
         "laion2b_s32b_b82k"),
    CLIP("laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K", "CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
         "ViT-L-14", "datacomp_xl_s13b_b90k"),
    CLIP("openai/clip-vit-large-patch14", "clip-vit-large-patch14", "ViT-L-14", "openai"),
    CLIP("openai/clip-vit-large-patch14-336", "clip-vit-large-patch14-336", "ViT-L-14-336",
         "openai"),
    CLIP("laion/CLIP-ViT-H-14-laion2B-s32B-b79K", "CLIP-ViT-H-14-laion2B-s32B-b79K", "ViT-H-14",
         "laion2b_s32b_b79k"),
};
static const struct hub_model demo_models[] = {
    {.repository = "imgrouter-demo-blip",
     .folder = "imgrouter-demo-blip",
     .purpose = HUB_CAPTION,
     .license = "Apache-2.0",
     .files = blip_files,
     .file_count = sizeof blip_files / sizeof *blip_files},
    {.repository = "imgrouter-demo-clip",
     .folder = "imgrouter-demo-clip",
     .purpose = HUB_EMBEDDING,
     .license = "Apache-2.0",
     .files = clip_files,
     .file_count = sizeof clip_files / sizeof *clip_files},
};

enum { CATALOG_SIZE = sizeof catalog / sizeof *catalog };

const struct hub_model *hub_models(size_t *count) {
    *count = CATALOG_SIZE;
    return catalog;
}

const struct hub_model *hub_demo_model(enum hub_purpose purpose) {
    return &demo_models[purpose == HUB_EMBEDDING];
}

const struct hub_model *hub_find_embedding_model(const char *openclip_model,
                                                 const char *openclip_pretrained,
                                                 struct error *err) {
    struct byte_buffer known;
    byte_buffer_init(&known, ERROR_TEXT_SIZE);
    for (size_t i = 0; i < CATALOG_SIZE; i++) {
        const struct hub_model *model = &catalog[i];
        if (model->openclip_model == NULL) continue;
        if (strcmp(model->openclip_model, openclip_model) == 0 &&
            strcmp(model->openclip_pretrained, openclip_pretrained) == 0) {
            byte_buffer_clear(&known);
            return model;
        }
        (void)byte_buffer_append_format(&known, "%s%s/%s", known.size == 0 ? "" : ", ",
                                        model->openclip_model, model->openclip_pretrained);
    }
    error_set(err, ERROR_INVALID,
              "OPENCLIP_MODEL %.40s with OPENCLIP_PRETRAINED %.40s is not known; known are %s",
              openclip_model, openclip_pretrained, known.bytes == NULL ? "" : known.bytes);
    byte_buffer_clear(&known);
    return NULL;
}

// The name becomes part of paths and addresses: letters, digits, '-', '_' and '.', each half
// beginning with a letter or digit, and neither "--" nor "..", as the hub itself demands.
static bool name_is_valid(const char *repository) {
    int slashes = 0;
    char before = '/';
    if (strlen(repository) > MAX_REPOSITORY_SIZE) return false;
    for (const char *c = repository; *c != '\0'; before = *c++) {
        bool is_alphanumeric = isalnum((unsigned char)*c) != 0;
        if (*c == '/' && before != '/' && ++slashes == 1) continue;
        if (is_alphanumeric || *c == '_') continue;
        if ((*c != '-' && *c != '.') || before == '/' || before == *c) return false;
    }
    return slashes == 1 && before != '/';
}

bool hub_find_repository(const char *repository, struct hub_model *model, struct error *err) {
    for (size_t i = 0; i < CATALOG_SIZE; i++)
        if (strcmp(catalog[i].repository, repository) == 0) {
            *model = catalog[i];
            return true;
        }
    if (!name_is_valid(repository))
        return error_set(err, ERROR_USAGE,
                         "\"%.100s\" is not the name of a repository; it must look like "
                         "Salesforce/blip-image-captioning-large",
                         repository);
    *model = (struct hub_model){.repository = repository,
                                .folder = strchr(repository, '/') + 1,
                                .purpose = HUB_UNKNOWN,
                                .files = usual_files,
                                .file_count = sizeof usual_files / sizeof *usual_files};
    return true;
}
