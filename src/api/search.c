// GET /search by words, by a stored image or by both; POST /search by a picture that is not stored.
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/image_answer.h"
#include "api/json_answer.h"
#include "api/picture_body.h"
#include "api/request_notes.h"
#include "api/search_parameters.h"

enum { SCORE_DECIMALS = 6, RELEVANCE_DECIMALS = 4, MS_DECIMALS = 3 };

static json_t *timings_json(const struct search_timings *timings) {
    return json_pack("{s:o, s:o, s:I, s:o, s:o}",                                      //
                     "embed_ms", json_rounded(timings->embed_ms, MS_DECIMALS),         //
                     "queue_ms", json_rounded(timings->engine.queue_ms, MS_DECIMALS),  //
                     "batch_size", (json_int_t)timings->engine.batch_size,             //
                     "store_ms", json_rounded(timings->store_ms, MS_DECIMALS),         //
                     "total_ms", json_rounded(timings->total_ms, MS_DECIMALS));
}

// *captions becomes the worst of the sources that wrote the results' captions.
static json_t *results_json(const struct search_answer *answer, enum model_source *captions) {
    json_t *results = json_array();
    *captions = MODEL_FULL;
    for (size_t i = 0; i < answer->count; i++) {
        const struct search_result *result = &answer->results[i];
        enum model_source source = model_source_of(result->record.caption_model);
        if (source > *captions) *captions = source;
        json_t *image = image_json_create(&result->record);
        json_object_set_new(image, "score", json_rounded((double)result->score, SCORE_DECIMALS));
        if (result->has_relevance)
            json_object_set_new(image, "relevance",
                                json_rounded((double)result->relevance, RELEVANCE_DECIMALS));
        json_array_append_new(results, image);
    }
    return results;
}

static void search_and_answer(struct api *api, struct http_request *request,
                              struct search_parameters *parameters, struct problem *problem,
                              struct http_response *response) {
    const struct search_request *search = &parameters->request;
    struct search_answer answer;
    char cursor[SEARCH_CURSOR_SIZE];
    bool is_done = service_search(api->service, search, &answer, &problem->error) &&
                   (!answer.has_more || search_cursor_write(request, search, cursor, problem));
    if (is_done) {
        request_note_search(request, search->mode, &answer);
        enum model_source captions;
        struct reindex_progress progress;
        service_reindex_progress(api->service, &progress);
        json_t *json =
            json_pack("{s:o, s:o, s:o, s:o, s:o}",                                              //
                      "query", search->query != NULL ? json_text(search->query) : json_null(),  //
                      "results", results_json(&answer, &captions),                              //
                      "next_cursor", answer.has_more ? json_string(cursor) : json_null(),       //
                      "model", json_text(answer.embedding_model),                               //
                      "timings", timings_json(&answer.timings));
        if (search->image_id != NULL)
            json_object_set_new(json, "image_id", json_text(search->image_id));
        if (answer.count == 0) json_object_set_new(json, "reason", json_text(answer.reason));
        notice_add(json, captions, model_source_of(answer.embedding_model), answer.is_cut);
        missing_notice_add(json, &progress);
        answer_json(response, 200, json);
    }
    search_answer_clear(&answer);
}

void search_get(struct http_request *request, struct http_response *response, void *context) {
    struct problem problem = {0};
    struct search_parameters parameters;
    bool is_read = search_parameters_read(&parameters, request, &problem);
    if (is_read && parameters.request.query == NULL && parameters.request.image_id == NULL)
        is_read = problem_set_field(&problem, "query", parameter_query_text.name, "missing",
                                    "Field required",
                                    "Say what to look for: words in q, or a stored image in "
                                    "image_id, or both.");
    if (is_read) search_and_answer(context, request, &parameters, &problem, response);
    if (problem.error.kind != ERROR_NONE) problem_answer(&problem, response);
    search_parameters_clear(&parameters);
}

void search_post(struct http_request *request, struct http_response *response, void *context) {
    struct problem problem = {0};
    struct search_parameters parameters;
    struct picture_body body = {0};
    if (search_parameters_read(&parameters, request, &problem) &&
        picture_body_read(&body, request, &problem)) {
        struct search_request *search = &parameters.request;
        search->image_id = NULL;
        search->picture = body.bytes;
        search->picture_size = body.size;
        search->url = body.bytes != NULL ? NULL : body.url;
        search_and_answer(context, request, &parameters, &problem, response);
    }
    if (problem.error.kind != ERROR_NONE) problem_answer(&problem, response);
    search_parameters_clear(&parameters);
}
