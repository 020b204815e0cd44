// GET /search by words or by a stored image, POST /search by a picture that is not stored.
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/image_answer.h"
#include "api/json_answer.h"
#include "api/parameter.h"
#include "api/picture_body.h"
#include "base/memory.h"

enum { SCORE_DECIMALS = 6, MS_DECIMALS = 3 };

struct found {
    struct store_match *matches;  // room for k
    size_t k;
    size_t count;
    bool is_cut;
    struct search_timings timings;
};

static bool found_init(struct found *found, const struct http_request *request,
                       struct problem *problem) {
    long k = 0;
    if (!parameter_read_integer(request, &parameter_k, &k, problem)) return false;
    found->k = (size_t)k;
    found->matches = memory_try_array(found->k, sizeof *found->matches);
    if (found->matches != NULL) return true;
    return error_set(&problem->error, ERROR_INTERNAL,
                     "The server has no memory for %ld results; ask for fewer.", k);
}

// `query` and `image_id` are what was looked for; NULL for what was not given.
static void found_answer(const struct api *api, const struct found *found, const char *query,
                         const char *image_id, struct http_response *response) {
    const struct engine_info *info = engine_info(api->engine);
    json_t *results = json_array();
    enum model_source captions = MODEL_FULL;  // the worst of the results'
    for (size_t i = 0; i < found->count; i++) {
        const struct image_record *record = &found->matches[i].record;
        if (model_source_of(record->caption_model) > captions)
            captions = model_source_of(record->caption_model);
        json_t *image = image_json_create(record);
        json_object_set_new(image, "score", json_rounded(found->matches[i].score, SCORE_DECIMALS));
        json_array_append_new(results, image);
    }
    json_t *json =
        json_pack("{s:o, s:o, s:o, s:{s:o, s:o, s:I, s:o, s:o}}",                         //
                  "query", query != NULL ? json_text(query) : json_null(),                //
                  "results", results,                                                     //
                  "model", json_text(info->embedding_model),                              //
                  "timings",                                                              //
                  "embed_ms", json_rounded(found->timings.embed_ms, MS_DECIMALS),         //
                  "queue_ms", json_rounded(found->timings.engine.queue_ms, MS_DECIMALS),  //
                  "batch_size", (json_int_t)found->timings.engine.batch_size,             //
                  "store_ms", json_rounded(found->timings.store_ms, MS_DECIMALS),         //
                  "total_ms", json_rounded(found->timings.total_ms, MS_DECIMALS));
    if (image_id != NULL) json_object_set_new(json, "image_id", json_text(image_id));
    notice_add(json, captions, model_source_of(info->embedding_model), found->is_cut);
    answer_json(response, 200, json);
}

static bool query_check(const char *query, struct problem *problem) {
    if (query[strspn(query, " \t\r\n\f\v")] == '\0') {
        return problem_set_field(problem, "query", parameter_query_text.name, "string_too_short",
                                 "The query is empty",
                                 "The query is empty; say in q what to look for.");
    }
    json_t *text = json_string(query);
    json_decref(text);
    if (text != NULL) return true;
    return problem_set_field(problem, "query", parameter_query_text.name, "string_unicode",
                             "Not UTF-8", "The query is not valid UTF-8; encode q as UTF-8.");
}

// Exactly one of q and image_id.
static bool subject_read(const struct http_request *request, const char **query,
                         const char **image_id, struct problem *problem) {
    *query = http_request_query(request, parameter_query_text.name);
    *image_id = http_request_query(request, parameter_image_id.name);
    if (*query == NULL && *image_id == NULL) {
        return problem_set_field(problem, "query", parameter_query_text.name, "missing",
                                 "Field required",
                                 "Say what to look for: words in q, or a stored image in "
                                 "image_id.");
    }
    if (*query != NULL && *image_id != NULL) {
        return problem_set_field(problem, "query", parameter_image_id.name, "value_error",
                                 "Give one of q and image_id",
                                 "Give either q or image_id, not both.");
    }
    return *query != NULL ? query_check(*query, problem) : image_id_check(*image_id, problem);
}

void search_get(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    struct found found = {0};
    const char *query = NULL;
    const char *image_id = NULL;
    if (!subject_read(request, &query, &image_id, &problem)) goto out;
    if (!found_init(&found, request, &problem)) goto out;
    bool is_found =
        query != NULL
            ? service_search_text(api->service, query, found.k, found.matches, &found.count,
                                  &found.is_cut, &found.timings, &problem.error)
            : service_search_like_image(api->service, image_id, found.k, found.matches,
                                        &found.count, &found.timings, &problem.error);
    if (is_found) found_answer(api, &found, query, image_id, response);
out:
    if (problem.error.kind != ERROR_NONE) problem_answer(&problem, response);
    memory_free(found.matches);
}

void search_post(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    struct found found = {0};
    struct picture_body body = {0};
    if (!found_init(&found, request, &problem)) goto out;
    if (!picture_body_read(&body, request, &problem)) goto out;
    bool is_found =
        body.bytes != NULL
            ? service_search_picture(api->service, body.bytes, body.size, found.k, found.matches,
                                     &found.count, &found.timings, &problem.error)
            : service_search_url(api->service, body.url, found.k, found.matches, &found.count,
                                 &found.timings, &problem.error);
    if (is_found) found_answer(api, &found, NULL, NULL, response);
out:
    if (problem.error.kind != ERROR_NONE) problem_answer(&problem, response);
    memory_free(found.matches);
}
