#include "api/upload.h"

#include "api/duplicates_json.h"
#include "api/image_answer.h"
#include "api/json_answer.h"

enum { MS_DECIMALS = 3 };

static json_t *timings_json(const struct ingest_timings *timings) {
    const struct engine_timings *engine = &timings->engine;
    return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}",                            //
                     "decode_ms", json_rounded(timings->decode_ms, MS_DECIMALS),                 //
                     "queue_ms", json_rounded(engine->queue_ms, MS_DECIMALS),                    //
                     "batch_size", (json_int_t)engine->batch_size,                               //
                     "preprocess_ms", json_rounded(engine->preprocess_ms, MS_DECIMALS),          //
                     "caption_vision_ms", json_rounded(engine->caption_vision_ms, MS_DECIMALS),  //
                     "caption_decode_ms", json_rounded(engine->caption_decode_ms, MS_DECIMALS),  //
                     "embedding_ms", json_rounded(engine->embedding_ms, MS_DECIMALS),            //
                     "store_ms", json_rounded(timings->store_ms, MS_DECIMALS),                   //
                     "total_ms", json_rounded(timings->total_ms, MS_DECIMALS));
}

bool upload_ingest(struct service *service, const struct picture_body *body, enum queue_lane lane,
                   struct ingest_result *result, struct error *err) {
    struct ingest_options options = {
        .file_name = body->file_name, .lane = lane, .quality = body->quality};
    if (body->bytes == NULL) return service_ingest_url(service, body->url, &options, result, err);
    return service_ingest_image(service, body->bytes, body->size, &options, result, err);
}

json_t *upload_json_create(const struct ingest_result *result) {
    json_t *json = image_json_create(&result->record);
    json_object_set_new(json, "was_known", json_boolean(result->was_known));
    // Whatever its caption once cost: this upload paid nothing. Without a receipt nothing is set.
    if (result->was_known)
        json_object_set_new(json_object_get(json, "receipt"), "cache_hit", json_true());
    json_object_set_new(
        json, "duplicates",
        duplicates_json_create(&result->duplicates, result->was_known ? result->record.id : NULL));
    json_object_set_new(json, "timings", timings_json(&result->timings));
    record_notice_add(json, &result->record);
    return json;
}
