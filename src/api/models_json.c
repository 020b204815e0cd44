#include "api/models_json.h"

#include "api/json_answer.h"
#include "engine/model_source.h"

static json_t *model_json(const char *name, const char *precision) {
    return json_pack("{s:o, s:s, s:s}", "name", json_text(name), "source",
                     model_source_name(model_source_of(name)), "precision", precision);
}

json_t *models_json_create(const struct engine_info *info) {
    return json_pack("{s:o, s:o}",                                                         //
                     "caption", model_json(info->caption_model, info->caption_precision),  //
                     "embedding", model_json(info->embedding_model, info->embedding_precision));
}
