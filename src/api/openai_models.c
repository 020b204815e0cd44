// GET /v1/models and GET /v1/models/{model} of OpenAI's API: the models that answer here.
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/openai_error.h"
#include "api/served_model.h"
#include "base/clock.h"
#include "engine/model_source.h"

// "created" is when the server began: nobody knows when a model was made.
static json_t *model_json(const struct api *api, const char *name, const char *task) {
    json_int_t created = (json_int_t)((double)clock_utc_ms() - clock_ms_since(api->started_ns));
    return json_pack("{s:o, s:s, s:I, s:s, s:s, s:s}", "id", json_text(name), "object", "model",
                     "created", created / 1000, "owned_by", "imgrouter", "task", task, "source",
                     model_source_name(model_source_of(name)));
}

static json_t *served_json(const struct api *api, enum served_model model) {
    const struct engine_info *info = engine_info(api->engine);
    return model_json(api, served_model_name(info, model),
                      model == SERVED_CAPTION ? "caption" : "embedding");
}

void openai_models_get(struct http_request *request, struct http_response *response,
                       void *context) {
    (void)request;
    const struct api *api = context;
    answer_json(response, 200,
                json_pack("{s:s, s:[o, o]}", "object", "list", "data",
                          served_json(api, SERVED_CAPTION), served_json(api, SERVED_EMBEDDING)));
}

void openai_model_get(struct http_request *request, struct http_response *response, void *context) {
    const struct api *api = context;
    const struct engine_info *info = engine_info(api->engine);
    const char *name = http_request_path_parameter(request, 0);
    struct problem problem = {0};
    if (served_model_is(info, SERVED_CAPTION, name))
        answer_json(response, 200, served_json(api, SERVED_CAPTION));
    else if (served_model_check(info, SERVED_EMBEDDING, name, ERROR_NOT_FOUND, &problem.error))
        answer_json(response, 200, served_json(api, SERVED_EMBEDDING));
    else
        openai_error_answer(&problem, "model", "model_not_found", response);
}
