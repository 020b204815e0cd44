#include "api/image_answer.h"

#include <stdio.h>
#include <string.h>

#include "api/json_answer.h"
#include "api/receipt_json.h"
#include "base/clock.h"
#include "store/tags.h"

enum { SCORE_DECIMALS = 6 };  // a float holds no more

json_t *source_json_create(enum image_source source, const char *url, const char *file_name) {
    if (source == SOURCE_URL)
        return json_pack("{s:s, s:o}", "source", "url", "url", json_text(url));
    return json_pack("{s:s, s:o}", "source", "upload", "filename", json_text(file_name));
}

// NULL: nobody gave any.
static const char *tags_origin(const struct image_record *record) {
    if (tags_are_users(record)) return "user";
    return record->tags[0] == '\0' ? NULL : "model";
}

json_t *image_json_create(const struct image_record *record) {
    char created[CLOCK_TEXT_SIZE];
    clock_utc_text(record->created_ms, created);
    json_t *tags = json_array();
    char tag[STORE_TAG_SIZE];
    for (const char *rest = record->tags; tags_next(&rest, tag);)
        json_array_append_new(tags, json_text(tag));
    return json_pack(
        "{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:{s:o}, s:i, s:i, s:s, s:I, s:s, s:s, s:o, s:s?, "
        "s:o}",                                                                                //
        "id", record->id,                                                                      //
        "caption", json_text(record->caption),                                                 //
        "origin", record->origin,                                                              //
        "confidence", confidence_json(record->confidence),                                     //
        "clip_score", json_rounded(record->clip_score, SCORE_DECIMALS),                        //
        "model", json_text(record->caption_model),                                             //
        "embedding_model", json_text(record->embedding_model),                                 //
        "payload", "src", source_json_create(record->source, record->url, record->file_name),  //
        "width", (int)record->width,                                                           //
        "height", (int)record->height,                                                         //
        "mime", record->mime,                                                                  //
        "size_bytes", (json_int_t)record->size_bytes,                                          //
        "sha256", record->sha256,                                                              //
        "created_at", created,                                                                 //
        "tags", tags, "tags_origin", tags_origin(record),                                      //
        "receipt", receipt_json_create(record));
}

bool image_id_is_whole(const char *id) {
    return strlen(id) == IMAGE_ID_SIZE - 1 && strspn(id, "0123456789abcdef") == IMAGE_ID_SIZE - 1;
}

bool image_id_check(const char *id, struct problem *problem) {
    if (image_id_is_whole(id)) return true;
    size_t shown = 0;  // what a terminal or a page can show of it, and no more
    while (shown < 64 && id[shown] > 0x20 && id[shown] < 0x7f) shown++;
    return error_set(&problem->error, ERROR_NOT_FOUND,
                     "No image has the id \"%.*s\"; an id is 16 hexadecimal digits.", (int)shown,
                     id);
}

const char *image_id_read(const struct http_request *request, struct problem *problem) {
    const char *id = http_request_path_parameter(request, 0);
    return image_id_check(id, problem) ? id : NULL;
}

// What they did of an answer.
static const char *demo_part(enum model_source captions, enum model_source vectors) {
    if (captions == vectors) return "answered";
    return captions == MODEL_DEMO ? "wrote the captions" : "made the search vectors";
}

// After what "notice" says already.
static void sentence_add(json_t *answer, const char *sentence) {
    const char *said = json_string_value(json_object_get(answer, "notice"));
    json_object_set_new(
        answer, "notice",
        json_sprintf("%s%s%s", said != NULL ? said : "", said != NULL ? " " : "", sentence));
}

void notice_add(json_t *answer, enum model_source captions, enum model_source vectors,
                bool is_cut) {
    static const char advice[] =
        " Get the full models with `imgrouter models pull`, start the server with them and upload "
        "the pictures again.";
    static const char cut[] =
        "The query is longer than the model reads; only its beginning was used.";
    bool is_mock = captions == MODEL_MOCK || vectors == MODEL_MOCK;
    bool is_demo = captions == MODEL_DEMO || vectors == MODEL_DEMO;
    json_t *notice = NULL;
    if (is_mock) {
        notice = json_sprintf(
            "MOCK MODELS answered: captions, scores and search results are made up.%s", advice);
    } else if (is_demo) {
        notice = json_sprintf("DEMO MODELS %s: they know coloured shapes and simple scenes only.%s",
                              demo_part(captions, vectors), advice);
    }
    if (notice != NULL) json_object_set_new(answer, "notice", notice);
    if (is_cut) sentence_add(answer, cut);
}

void missing_notice_add(json_t *answer, const struct reindex_progress *progress) {
    char sentence[512];
    size_t missing = progress->total - progress->done;
    if (missing == 0 || progress->is_from_searched) return;
    if (progress->state == REINDEX_HELD)
        (void)snprintf(sentence, sizeof sentence,
                       "%zu of %zu pictures cannot be found by vector: theirs are of the better "
                       "model %s, which does not run now.",
                       missing, progress->total, progress->from);
    else if (progress->state == REINDEX_RUNNING || progress->state == REINDEX_WAITING)
        (void)snprintf(sentence, sizeof sentence,
                       "%zu of %zu pictures cannot be found by vector yet: the search model has "
                       "changed, and they are getting theirs.",
                       missing, progress->total);
    else
        return;
    sentence_add(answer, sentence);
}

void record_notice_add(json_t *answer, const struct image_record *record) {
    notice_add(answer, model_source_of(record->caption_model),
               model_source_of(record->embedding_model), false);
}
