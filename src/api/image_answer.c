#include "api/image_answer.h"

#include <string.h>

#include "api/json_answer.h"
#include "base/clock.h"

enum { SCORE_DECIMALS = 6 };  // a float holds no more

static json_t *source_json(const struct image_record *record) {
    if (record->source == SOURCE_URL)
        return json_pack("{s:s, s:o}", "source", "url", "url", json_text(record->url));
    return json_pack("{s:s, s:o}", "source", "upload", "filename", json_text(record->file_name));
}

json_t *image_json_create(const struct image_record *record) {
    char created[CLOCK_TEXT_SIZE];
    clock_utc_text(record->created_ms, created);
    return json_pack(
        "{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:{s:o}, s:i, s:i, s:s, s:I, s:s, s:s}",  //
        "id", record->id,                                                              //
        "caption", json_text(record->caption),                                         //
        "origin", record->origin,                                                      //
        "confidence", json_rounded(record->confidence, SCORE_DECIMALS),                //
        "clip_score", json_rounded(record->clip_score, SCORE_DECIMALS),                //
        "model", json_text(record->caption_model),                                     //
        "embedding_model", json_text(record->embedding_model),                         //
        "payload", "src", source_json(record),                                         //
        "width", (int)record->width,                                                   //
        "height", (int)record->height,                                                 //
        "mime", record->mime,                                                          //
        "size_bytes", (json_int_t)record->size_bytes,                                  //
        "sha256", record->sha256,                                                      //
        "created_at", created);
}

bool image_id_check(const char *id, struct problem *problem) {
    if (strlen(id) == IMAGE_ID_SIZE - 1 && strspn(id, "0123456789abcdef") == IMAGE_ID_SIZE - 1)
        return true;
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

bool record_is_mock(const struct image_record *record) {
    return strcmp(record->origin, "mock") == 0;
}

void notice_add(json_t *answer, bool is_mock, bool is_cut) {
    static const char mock[] =
        "MOCK MODELS answered: captions, scores and search results are made up. Get the real "
        "models with `imgrouter models pull` and start the server again.";
    static const char cut[] =
        "The query is longer than the model reads; only its beginning was used.";
    if (is_mock && is_cut) {
        json_object_set_new(answer, "notice", json_sprintf("%s %s", mock, cut));
    } else if (is_mock || is_cut) {
        json_object_set_new(answer, "notice", json_string(is_mock ? mock : cut));
    }
}
