#include "api/served_model.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

// Whose repositories the catalog of models knows: another publisher's model of the same name may be
// another model.
static const char *const publishers[] = {"laion/", "openai/", "Salesforce/"};

// Where OpenCLIP has another name than the repository.
static const struct {
    const char *repository_name;
    const char *other_name;
} aliases[] = {
    {"clip-vit-base-patch32", "ViT-B-32__openai"},
    {"clip-vit-base-patch16", "ViT-B-16__openai"},
    {"clip-vit-large-patch14", "ViT-L-14__openai"},
    {"clip-vit-large-patch14-336", "ViT-L-14-336__openai"},
    {"CLIP-ViT-B-32-256x256-DataComp-s34B-b86K", "ViT-B-32-256__datacomp_s34b_b86k"},
};

const char *served_model_name(const struct engine_info *info, enum served_model model) {
    return model == SERVED_CAPTION ? info->caption_model : info->embedding_model;
}

static char next_significant(const char **text) {
    while (**text != '\0' && !isalnum((unsigned char)**text)) (*text)++;
    return **text == '\0' ? '\0' : (char)tolower((unsigned char)*(*text)++);
}

static bool agree(const char *a, const char *b) {
    for (;;) {
        char of_a = next_significant(&a);
        if (of_a != next_significant(&b)) return false;
        if (of_a == '\0') return true;
    }
}

static const char *without(const char *name, const char *prefix) {
    size_t size = strlen(prefix);
    return strncasecmp(name, prefix, size) == 0 ? name + size : name;
}

bool served_model_is(const struct engine_info *info, enum served_model model, const char *name) {
    static const char family[] = "CLIP-";
    const char *full = served_model_name(info, model);
    char own[MODEL_NAME_SIZE];
    if (strcmp(name, full) == 0) return true;
    size_t length = strcspn(full, "@");
    memcpy(own, full, length);
    own[length] = '\0';
    for (size_t i = 0; i < sizeof publishers / sizeof *publishers; i++) {
        const char *rest = without(name, publishers[i]);
        if (rest != name) {
            name = rest;
            break;
        }
    }
    if (agree(name, own) || agree(name, without(own, family))) return true;
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (agree(own, aliases[i].repository_name) && agree(name, aliases[i].other_name))
            return true;
    return false;
}

bool served_model_check(const struct engine_info *info, enum served_model model, const char *name,
                        enum error_kind kind, struct error *err) {
    if (served_model_is(info, model, name)) return true;
    size_t shown = 0;  // what a terminal or a page can show of it, and no more
    while (shown < 96 && name[shown] > 0x20 && name[shown] < 0x7f) shown++;
    return error_set(err, kind,
                     "the model \"%.*s\" does not answer here: captions are from \"%s\", vectors "
                     "from \"%s\"; ask for %s",
                     (int)shown, name, info->caption_model, info->embedding_model,
                     model == SERVED_CAPTION ? "the first" : "the second");
}
