#include "service/caption_picture.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "service/caption_route.h"
#include "service/picture.h"
#include "service/service_private.h"
#include "service/stage_metrics.h"

static void fill_result(const struct routed_caption *caption, const struct image_info *info,
                        const char *sha256, size_t size, struct ingest_result *result) {
    struct image_record *record = &result->record;
    *record = (struct image_record){.confidence = caption->confidence,
                                    .clip_score = caption->clip_score,
                                    .receipt = caption->receipt,
                                    .width = info->width,
                                    .height = info->height,
                                    .size_bytes = (int64_t)size};
    (void)snprintf(record->sha256, sizeof record->sha256, "%s", sha256);
    (void)snprintf(record->mime, sizeof record->mime, "%s", image_format_mime(info->format));
    memcpy(record->caption, caption->text, sizeof record->caption);
    memcpy(record->origin, caption->origin, sizeof record->origin);
    memcpy(record->caption_model, caption->model, sizeof record->caption_model);
    memcpy(record->tags, caption->tags, sizeof record->tags);
    result->timings.engine = caption->timings;
    result->local_tokens = caption->local_tokens;
    result->local_confidence = caption->local_confidence;
}

// In the bulk lane caption_route gives the slot back.
static bool caption(struct service *service, const void *bytes, size_t size,
                    const struct ingest_options *options, struct ingest_result *result,
                    struct error *err) {
    struct prepared_image image;
    struct image_info info;
    struct routed_caption routed;
    uint8_t digest[SHA256_SIZE];
    char sha256_text[SHA256_HEX_SIZE];
    bool is_bulk = options->lane == QUEUE_BULK;
    size_t max_bytes = service->options.image_limits.max_bytes;
    if (size > max_bytes)
        return error_set(err, ERROR_TOO_LARGE,
                         "the picture has %zu bytes and at most %zu are taken; send a smaller one",
                         size, max_bytes);
    sha256(bytes, size, digest);
    sha256_hex(digest, sha256_text);
    if (is_bulk) slot_take(&service->bulk_slots);
    bool is_done = picture_prepare(service, service->options.engine, bytes, size, IMAGE_FOR_BOTH,
                                   &image, &info, err);
    if (!is_done && is_bulk) slot_give_back(&service->bulk_slots);
    is_done = is_done && caption_route(service,
                                       &(struct caption_subject){.bytes = bytes,
                                                                 .size = size,
                                                                 .width = info.width,
                                                                 .height = info.height,
                                                                 .sha256 = sha256_text,
                                                                 .image = &image,
                                                                 .lane = options->lane,
                                                                 .quality = options->quality},
                                       &routed, err);
    result->timings.decode_ms = image.decode_ms;
    if (is_done) fill_result(&routed, &info, sha256_text, size, result);
    prepared_image_clear(&image);
    return is_done;
}

static bool finish(struct service *service, bool is_done, int64_t started,
                   struct ingest_result *result) {
    result->timings.total_ms = clock_ms_since(started);
    if (is_done) stage_metrics_caption(service, result);
    return is_done;
}

bool service_caption_image(struct service *service, const void *bytes, size_t size,
                           const struct ingest_options *options, struct ingest_result *result,
                           struct error *err) {
    int64_t started = clock_monotonic_ns();
    *result = (struct ingest_result){0};
    return finish(service, caption(service, bytes, size, options, result, err), started, result);
}

bool service_caption_url(struct service *service, const char *url,
                         const struct ingest_options *options, struct ingest_result *result,
                         struct error *err) {
    struct fetch_answer answer = {0};
    int64_t started = clock_monotonic_ns();
    *result = (struct ingest_result){0};
    bool is_done = service_fetch(service, url, &answer, err) &&
                   caption(service, answer.body, answer.size, options, result, err);
    fetch_answer_clear(&answer);
    return finish(service, is_done, started, result);
}
