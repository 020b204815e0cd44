#include "service/embedding.h"

#include "service/local_models.h"
#include "service/picture.h"
#include "service/service_private.h"
#include "service/stage_metrics.h"

bool service_embed_text(struct service *service, const char *text, enum queue_lane lane,
                        struct embedding_result *result, struct error *err) {
    *result = (struct embedding_result){.width = 0};
    bool is_done = local_embed_text(service->options.engine, text, lane, &result->embedding,
                                    &result->engine, err);
    if (is_done) stage_metrics_embedding(service, 0, &result->engine);
    return is_done;
}

bool service_embed_image(struct service *service, const void *bytes, size_t size,
                         enum queue_lane lane, struct embedding_result *result, struct error *err) {
    struct engine *engine = service->options.engine;
    struct prepared_image image;
    struct image_info info;
    *result = (struct embedding_result){.width = 0};
    if (lane == QUEUE_BULK) slot_take(&service->bulk_slots);
    bool is_done =
        picture_prepare(service, engine, bytes, size, IMAGE_FOR_EMBEDDING, &image, &info, err) &&
        local_embed_image(engine, &image, lane, &result->embedding, &result->engine, err);
    if (lane == QUEUE_BULK) slot_give_back(&service->bulk_slots);
    result->decode_ms = image.decode_ms;
    prepared_image_clear(&image);
    if (!is_done) return false;
    result->width = info.width;
    result->height = info.height;
    stage_metrics_embedding(service, result->decode_ms, &result->engine);
    return true;
}

bool service_embed_url(struct service *service, const char *url, enum queue_lane lane,
                       struct embedding_result *result, struct error *err) {
    struct fetch_answer answer = {0};
    *result = (struct embedding_result){.width = 0};
    bool is_done = service_fetch(service, url, &answer, err) &&
                   service_embed_image(service, answer.body, answer.size, lane, result, err);
    fetch_answer_clear(&answer);
    return is_done;
}
