// The tools search and similar.
#include <string.h>

#include "api/image_answer.h"
#include "api/json_answer.h"
#include "api/mcp_picture.h"
#include "api/mcp_tools.h"
#include "api/search_parameters.h"
#include "base/time_text.h"
#include "service/search_text.h"

enum { SCORE_DECIMALS = 6, RELEVANCE_DECIMALS = 4, RESULTS_DEFAULT = 10 };

struct filter_texts {
    const char *tags[STORE_TAGS_MAX];
    const char *words[STORE_WORDS_MAX];
};

// An array's strings, borrowed. The schema bounds how many there are.
static size_t texts_read(const json_t *array, const char **texts, size_t max) {
    size_t count = 0;
    while (count < json_array_size(array) && count < max) {
        texts[count] = json_string_value(json_array_get(array, count));
        count++;
    }
    return count;
}

static bool time_read(const json_t *filters, const char *name, int64_t *ms, struct error *err) {
    const char *text = json_string_value(json_object_get(filters, name));
    if (text == NULL || time_text_read(text, ms)) return true;
    return error_set(err, ERROR_INVALID,
                     "%s must be a date such as 2026-01-31, or a time such as "
                     "2026-01-31T09:26:53Z.",
                     name);
}

static bool filter_read(const json_t *filters, struct filter_texts *texts,
                        struct store_filter *filter, struct error *err) {
    filter->tags = texts->tags;
    filter->tag_count = texts_read(json_object_get(filters, "tags"), texts->tags, STORE_TAGS_MAX);
    filter->caption_words = texts->words;
    filter->caption_word_count =
        texts_read(json_object_get(filters, "words"), texts->words, STORE_WORDS_MAX);
    filter->origin = json_string_value(json_object_get(filters, "origin"));
    for (size_t i = 0; i < filter->caption_word_count; i++)
        if (!search_word_is_whole(filter->caption_words[i]))
            return error_set(err, ERROR_INVALID,
                             "Every entry of words must have a letter or digit.");
    return time_read(filters, "from", &filter->created_from_ms, err) &&
           time_read(filters, "until", &filter->created_until_ms, err);
}

static enum search_mode mode_read(const json_t *arguments) {
    const char *mode = json_string_value(json_object_get(arguments, "mode"));
    if (mode != NULL && strcmp(mode, "keyword") == 0) return SEARCH_KEYWORD;
    return mode != NULL && strcmp(mode, "hybrid") == 0 ? SEARCH_HYBRID : SEARCH_SEMANTIC;
}

static bool bounds_read(const json_t *arguments, struct search_request *search, struct error *err) {
    const json_t *k = json_object_get(arguments, "k");
    const json_t *min_score = json_object_get(arguments, "min_score");
    bool is_automatic = json_is_true(json_object_get(arguments, "relevant_only"));
    search->k = k != NULL ? (size_t)json_number_value(k) : RESULTS_DEFAULT;
    if (min_score != NULL && is_automatic)
        return error_set(err, ERROR_INVALID,
                         "Give min_score or relevant_only, not both: each is a bound.");
    search->min_score = (float)json_number_value(min_score);
    search->score_bound = is_automatic        ? SCORE_AUTOMATIC
                          : min_score != NULL ? SCORE_AT_LEAST
                                              : SCORE_UNBOUNDED;
    return true;
}

static json_t *result_json(const struct search_result *result) {
    char uri[MCP_URI_SIZE];
    json_t *image = image_json_create(&result->record);
    mcp_uri_write(result->record.id, uri);
    json_t *json =
        json_pack("{s:s, s:s, s:O, s:o, s:O, s:i, s:i, s:O}", "id", result->record.id, "uri", uri,
                  "caption", json_object_get(image, "caption"), "score",
                  json_rounded((double)result->score, SCORE_DECIMALS), "tags",
                  json_object_get(image, "tags"), "width", (int)result->record.width, "height",
                  (int)result->record.height, "created_at", json_object_get(image, "created_at"));
    if (result->has_relevance)
        json_object_set_new(json, "relevance",
                            json_rounded((double)result->relevance, RELEVANCE_DECIMALS));
    json_decref(image);
    return json;
}

static json_t *answer_json_create(struct api *api, const struct search_answer *answer) {
    json_t *results = json_array();
    enum model_source captions = MODEL_FULL;
    struct reindex_progress progress;
    for (size_t i = 0; i < answer->count; i++) {
        enum model_source source = model_source_of(answer->results[i].record.caption_model);
        if (source > captions) captions = source;
        json_array_append_new(results, result_json(&answer->results[i]));
    }
    json_t *json = json_pack("{s:o, s:b, s:o}", "results", results, "has_more",
                             (int)answer->has_more, "model", json_text(answer->embedding_model));
    if (answer->count == 0) json_object_set_new(json, "reason", json_text(answer->reason));
    notice_add(json, captions, model_source_of(answer->embedding_model), answer->is_cut);
    service_reindex_progress(api->service, &progress);
    missing_notice_add(json, &progress);
    return json;
}

static json_t *search_answer_create(struct api *api, const struct search_request *search,
                                    const json_t *arguments, json_t *shown, struct error *err) {
    struct search_answer answer;
    json_t *json = NULL;
    if (service_search(api->service, search, &answer, err)) {
        json = answer_json_create(api, &answer);
        bool has_thumbnails = json_is_true(json_object_get(arguments, "thumbnails"));
        for (size_t i = 0; i < answer.count && has_thumbnails; i++)
            mcp_thumbnail_show(api, answer.results[i].record.id, shown);
    }
    search_answer_clear(&answer);
    return json;
}

json_t *mcp_search(struct api *api, const json_t *arguments, json_t *shown, struct error *err) {
    struct filter_texts texts;
    json_t *query = json_object_get(arguments, "query");
    struct search_request search = {.query = json_string_value(query),
                                    .mode = mode_read(arguments)};
    if (search.query[strspn(search.query, " \t\r\n\f\v")] == '\0') {
        error_set(err, ERROR_INVALID, "The query is empty; say what to look for.");
        return NULL;
    }
    if (!bounds_read(arguments, &search, err) ||
        !filter_read(json_object_get(arguments, "filters"), &texts, &search.filter, err))
        return NULL;
    json_t *json = search_answer_create(api, &search, arguments, shown, err);
    if (json != NULL) json_object_set(json, "query", query);
    return json;
}

json_t *mcp_similar(struct api *api, const json_t *arguments, json_t *shown, struct error *err) {
    struct mcp_picture picture;
    struct problem problem = {0};
    json_t *json = NULL;
    json_t *image_id = json_object_get(arguments, "image_id");
    struct search_request search = {.image_id = json_string_value(image_id)};
    bool is_read = mcp_picture_read(arguments, "image_id, url or data", &picture, err) &&
                   bounds_read(arguments, &search, err);
    if (is_read && image_id != NULL && !image_id_check(search.image_id, &problem)) {
        *err = problem.error;
        is_read = false;
    }
    search.url = picture.url;
    search.picture = picture.bytes;
    search.picture_size = picture.size;
    if (is_read) json = search_answer_create(api, &search, arguments, shown, err);
    if (json != NULL && image_id != NULL) json_object_set(json, "image_id", image_id);
    mcp_picture_clear(&picture);
    return json;
}
