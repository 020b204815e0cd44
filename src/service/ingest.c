// Taking a picture in: SHA-256, known already?, decode, describe, keep the bytes, then the row and
// its vector in one transaction. The row comes last: a crash before it leaves bytes without a
// row, which nobody sees and the same upload uses again; an answer means that all is on disk.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sha256.h"
#include "engine/model_source.h"
#include "service/caption_route.h"
#include "service/local_models.h"
#include "service/observation.h"
#include "service/picture.h"
#include "service/plain_text.h"
#include "service/service_private.h"
#include "service/stage_metrics.h"
#include "service/stage_trace.h"

struct upload {
    const void *bytes;
    size_t size;
    enum image_source source;
    const char *file_name;  // NULL: none
    const char *url;        // NULL: none
    enum queue_lane lane;
    enum route_quality quality;
    const struct ingest_options *options;
    char sha256[SHA256_HEX_SIZE];
    // The row that another model made of the same bytes; it is replaced. An empty id: none.
    struct image_record outdated;
    struct search_space space;  // that searches use
};

static void note_stage(const struct ingest_options *options, const char *stage) {
    if (options->note_stage != NULL) options->note_stage(options->stage_context, stage);
}

// Captions that stay whatever the local models say: a user's, and a cloud provider's, unless it is
// the fake one's and there is none any more.
static bool has_lasting_caption(const struct service *service, const struct image_record *record) {
    return strcmp(record->origin, ORIGIN_USER) == 0 ||
           (strcmp(record->origin, ORIGIN_CLOUD) == 0 &&
            (model_source_of(record->caption_model) != MODEL_MOCK ||
             service->options.cloud != NULL));
}

static bool wants_cloud(const struct service *service, enum route_quality quality,
                        const struct image_record *record) {
    return quality == QUALITY_HIGH && service->options.cloud != NULL &&
           !has_lasting_caption(service, record);
}

// What other models made is made anew, unless caption or vector would then come from a worse
// source: what a full model saw stays when demo models run, and that when mocks do. Vectors of the
// former model are current as long as searches use them: they are being replaced (reindex.h).
static bool is_current(const struct service *service, const struct search_space *space,
                       const struct image_record *record) {
    const struct engine_info *engine = engine_info(service->options.engine);
    bool is_in_space = strcmp(record->embedding_model, engine->embedding_model) == 0 ||
                       strcmp(record->embedding_model, space->embedding_model) == 0;
    bool is_lasting = has_lasting_caption(service, record);
    bool has_caption = is_lasting || strcmp(record->caption_model, engine->caption_model) == 0;
    return (has_caption && is_in_space) ||
           (!is_lasting &&
            model_source_of(engine->caption_model) > model_source_of(record->caption_model)) ||
           model_source_of(engine->embedding_model) > model_source_of(record->embedding_model);
}

// *is_known tells whether the answer is complete.
static bool find_known(struct service *service, struct upload *upload, bool *is_known,
                       struct image_record *record, struct error *err) {
    struct store *store = service->options.store;
    struct error problem = {0};
    char id[IMAGE_ID_SIZE];
    (void)snprintf(id, sizeof id, "%.16s", upload->sha256);
    struct span *span = stage_trace_store(store, "get");
    *is_known = store->operations->get(store, id, record, &problem);
    stage_trace_end(span, *is_known, &problem);
    if (!*is_known)
        return problem.kind == ERROR_NOT_FOUND || error_set(err, problem.kind, "%s", problem.text);
    // Of an image that another program stored it may be unknown; then these are its bytes.
    if (record->sha256[0] != '\0' && strcmp(record->sha256, upload->sha256) != 0)
        return error_set(err, ERROR_CONFLICT,
                         "another picture has the id %s already: the first 16 digits of their "
                         "SHA-256 are the same; delete that one to store this one",
                         id);
    if (!is_current(service, &upload->space, record) ||
        wants_cloud(service, upload->quality, record)) {
        upload->outdated = *record;
        *is_known = false;
        return true;
    }
    // Almost always there already; if it was lost, this brings it back.
    return blob_folder_put(service->options.blobs, upload->sha256, upload->bytes, upload->size,
                           err);
}

static void fill_record(const struct upload *upload, const struct prepared_image *image,
                        const struct image_info *info, const struct routed_caption *caption,
                        struct image_record *record) {
    *record = (struct image_record){
        .confidence = caption->confidence,
        .clip_score = caption->clip_score,
        .receipt = caption->receipt,
        .source = upload->source,
        .width = info->width,
        .height = info->height,
        .size_bytes = (int64_t)upload->size,
        .created_ms = clock_utc_ms(),
        .perceptual_hash = image->perceptual_hash,
        .has_perceptual_hash = image->has_perceptual_hash,
    };
    (void)snprintf(record->id, sizeof record->id, "%.16s", upload->sha256);
    (void)snprintf(record->sha256, sizeof record->sha256, "%s", upload->sha256);
    memcpy(record->caption, caption->text, sizeof record->caption);
    memcpy(record->origin, caption->origin, sizeof record->origin);
    memcpy(record->caption_model, caption->model, sizeof record->caption_model);
    memcpy(record->tags, caption->tags, sizeof record->tags);
    (void)snprintf(record->embedding_model, sizeof record->embedding_model, "%s",
                   upload->space.embedding_model);
    if (upload->file_name != NULL)
        plain_text_copy(record->file_name, sizeof record->file_name, upload->file_name);
    if (upload->url != NULL) (void)snprintf(record->url, sizeof record->url, "%s", upload->url);
    (void)snprintf(record->mime, sizeof record->mime, "%s", image_format_mime(info->format));
    const struct image_record *outdated = &upload->outdated;
    if (outdated->id[0] == '\0') return;
    // What the user sees of its coming stays: when, and where from.
    record->created_ms = outdated->created_ms;
    record->source = outdated->source;
    memcpy(record->file_name, outdated->file_name, sizeof record->file_name);
    memcpy(record->url, outdated->url, sizeof record->url);
    if (outdated->tags[0] != '\0') memcpy(record->tags, outdated->tags, sizeof record->tags);
}

static bool keep_bytes(struct service *service, const struct upload *upload, struct error *err) {
    struct span *span = span_begin("keep picture", SPAN_INTERNAL);
    bool is_done =
        blob_folder_put(service->options.blobs, upload->sha256, upload->bytes, upload->size, err);
    stage_trace_end(span, is_done, err);
    return is_done;
}

static bool keep_record(struct service *service, const struct upload *upload,
                        const struct embedding *searched, const struct image_record *record,
                        struct error *err) {
    struct store *store = service->options.store;
    bool is_new = upload->outdated.id[0] == '\0', was_new;
    struct span *span = stage_trace_store(store, is_new ? "put" : "replace");
    bool is_done =
        is_new ? store->operations->put(store, record, searched->values, searched->width, &was_new,
                                        err)
               : store->operations->replace(store, record, searched->values, searched->width, err);
    stage_trace_end(span, is_done, err);
    return is_done;
}

static bool keep_own_vector(struct service *service, const char *id, const struct embedding *own,
                            struct error *err) {
    struct store *store = service->options.store;
    const char *model = engine_info(service->options.engine)->embedding_model;
    struct span *span = stage_trace_store(store, "put_vector");
    bool is_done = store->operations->put_vector(store, id, model, own->values, own->width, err);
    stage_trace_end(span, is_done, err);
    return is_done;
}

// `searched` is in the space that searches use, `own` in that of the model that runs.
static bool keep(struct service *service, const struct upload *upload,
                 const struct embedding *searched, const struct embedding *own,
                 struct ingest_result *result, struct error *err) {
    int64_t started = clock_monotonic_ns();
    const struct image_record *record = &result->record;
    note_stage(upload->options, "store");
    bool is_done = keep_bytes(service, upload, err) &&
                   keep_record(service, upload, searched, record, err) &&
                   (!upload->space.is_former || keep_own_vector(service, record->id, own, err));
    result->timings.store_ms = clock_ms_since(started);
    if (is_done) service_tell_image(service, record->id, "stored");
    return is_done;
}

// The caption stays, the vector is made anew.
static bool keep_caption(struct service *service, const struct upload *upload,
                         const struct prepared_image *image, struct routed_caption *caption,
                         struct error *err) {
    const struct image_record *outdated = &upload->outdated;
    struct engine *engine = service->options.engine;
    *caption = (struct routed_caption){
        .confidence = outdated->confidence, .local_confidence = -1, .receipt = outdated->receipt};
    memcpy(caption->text, outdated->caption, sizeof caption->text);
    memcpy(caption->origin, outdated->origin, sizeof caption->origin);
    memcpy(caption->model, outdated->caption_model, sizeof caption->model);
    bool is_done =
        local_embed_image(engine, image, upload->lane, &caption->embedding, &caption->timings, err);
    if (upload->lane == QUEUE_BULK) slot_give_back(&service->bulk_slots);
    if (is_done)
        caption->clip_score =
            caption_clip_score(engine, caption->text, &caption->embedding, upload->lane);
    return is_done;
}

// Holds a bulk slot in the bulk lane, and gives it back.
static bool caption(struct service *service, const struct upload *upload,
                    const struct prepared_image *image, const struct image_info *info,
                    struct routed_caption *caption, struct error *err) {
    if (upload->outdated.id[0] != '\0' && has_lasting_caption(service, &upload->outdated))
        return keep_caption(service, upload, image, caption, err);
    return caption_route(service,
                         &(struct caption_subject){.bytes = upload->bytes,
                                                   .size = upload->size,
                                                   .width = info->width,
                                                   .height = info->height,
                                                   .sha256 = upload->sha256,
                                                   .image = image,
                                                   .lane = upload->lane,
                                                   .quality = upload->quality},
                         caption, err);
}

// The vector of the former model, while searches use its space.
static bool embed_formerly(struct service *service, const struct upload *upload,
                           struct embedding *embedding, struct error *err) {
    struct prepared_image image;
    struct image_info info;
    struct engine *engine = upload->space.engine;
    if (upload->lane == QUEUE_BULK) slot_take(&service->bulk_slots);
    bool is_done = picture_prepare(service, engine, upload->bytes, upload->size,
                                   IMAGE_FOR_EMBEDDING, &image, &info, err) &&
                   local_embed_image(engine, &image, upload->lane, embedding, NULL, err);
    if (upload->lane == QUEUE_BULK) slot_give_back(&service->bulk_slots);
    prepared_image_clear(&image);
    return is_done;
}

static bool describe_and_keep(struct service *service, const struct upload *upload,
                              struct ingest_result *result, struct error *err) {
    struct prepared_image image;
    struct image_info info;
    struct routed_caption routed;
    struct embedding former;
    bool is_former = upload->space.is_former;
    note_stage(upload->options, "decode");
    if (upload->lane == QUEUE_BULK) slot_take(&service->bulk_slots);
    bool is_done = picture_prepare(service, service->options.engine, upload->bytes, upload->size,
                                   IMAGE_FOR_BOTH, &image, &info, err);
    if (!is_done && upload->lane == QUEUE_BULK) slot_give_back(&service->bulk_slots);
    if (is_done) note_stage(upload->options, "caption");
    is_done = is_done && caption(service, upload, &image, &info, &routed, err) &&
              (!is_former || embed_formerly(service, upload, &former, err));
    result->timings.decode_ms = image.decode_ms;
    if (is_done) fill_record(upload, &image, &info, &routed, &result->record);
    prepared_image_clear(&image);
    if (!is_done) return false;
    result->timings.engine = routed.timings;
    result->local_tokens = routed.local_tokens;
    result->local_confidence = routed.local_confidence;
    if (!keep(service, upload, is_former ? &former : &routed.embedding, &routed.embedding, result,
              err))
        return false;
    if (routed.variant == NULL) return true;
    observation_write(service, result->record.id,
                      &(struct observed){.caption = &routed, .agreement = (double)NAN});
    if (service->shadow != NULL) shadow_offer(service->shadow, &result->record, upload->quality);
    return true;
}

static bool take_in(struct service *service, struct upload *upload, struct ingest_result *result,
                    struct error *err) {
    uint8_t digest[SHA256_SIZE];
    size_t max_bytes = service->options.image_limits.max_bytes;
    if (upload->size > max_bytes)
        return error_set(err, ERROR_TOO_LARGE,
                         "the picture has %zu bytes and at most %zu are taken; send a smaller one",
                         upload->size, max_bytes);
    sha256(upload->bytes, upload->size, digest);
    sha256_hex(digest, upload->sha256);

    struct flight_answer answer = {0};
    struct flight *flight;
    while ((flight = single_flight_begin(&service->flights, upload->sha256, &answer)) == NULL) {
        // Who leads may have wanted less than we do.
        if (answer.is_done && answer.quality != QUALITY_HIGH &&
            wants_cloud(service, upload->quality, &answer.record))
            continue;
        result->was_known = true;
        result->record = answer.record;
        return answer.is_done || error_set(err, answer.error.kind, "%s", answer.error.text);
    }
    answer = (struct flight_answer){.quality = upload->quality};
    if (search_space_take(service, &upload->space, &answer.error)) {
        answer.is_done =
            find_known(service, upload, &result->was_known, &result->record, &answer.error) &&
            (result->was_known || describe_and_keep(service, upload, result, &answer.error));
        search_space_return(service, &upload->space);
    }
    answer.record = result->record;
    single_flight_end(&service->flights, flight, &answer);
    return answer.is_done || error_set(err, answer.error.kind, "%s", answer.error.text);
}

// The upload is done, whether they are found or not.
static void find_duplicates(struct service *service, struct ingest_result *result) {
    struct error problem = {0};
    if (!service_find_duplicates(service, &result->record, &result->duplicates, &problem)) {
        log_warning("the duplicates of image %s are not known: %s", result->record.id,
                    problem.text);
        stage_metrics_duplicates_dropped(service);
    }
}

// Ends an upload, started at `started`, that failed or was answered.
static bool finish(struct service *service, enum image_source source, bool is_done, int64_t started,
                   struct ingest_result *result, const struct error *problem, struct error *err) {
    if (is_done) find_duplicates(service, result);
    result->timings.total_ms = clock_ms_since(started);
    stage_metrics_upload(service, source, is_done, problem, result);
    return is_done || error_set(err, problem->kind, "%s", problem->text);
}

bool service_ingest_image(struct service *service, const void *bytes, size_t size,
                          const struct ingest_options *options, struct ingest_result *result,
                          struct error *err) {
    struct upload upload = {.bytes = bytes,
                            .size = size,
                            .source = SOURCE_UPLOAD,
                            .file_name = options->file_name,
                            .lane = options->lane,
                            .quality = options->quality,
                            .options = options};
    struct error problem = {0};
    int64_t started = clock_monotonic_ns();
    *result = (struct ingest_result){0};
    bool is_done = take_in(service, &upload, result, &problem);
    return finish(service, upload.source, is_done, started, result, &problem, err);
}

bool service_ingest_url(struct service *service, const char *url,
                        const struct ingest_options *options, struct ingest_result *result,
                        struct error *err) {
    struct upload upload = {.source = SOURCE_URL,
                            .url = url,
                            .lane = options->lane,
                            .quality = options->quality,
                            .options = options};
    struct fetch_answer answer = {0};
    struct error problem = {0};
    int64_t started = clock_monotonic_ns();
    *result = (struct ingest_result){0};
    note_stage(options, "fetch");
    bool is_done = service_fetch(service, url, &answer, &problem);
    if (is_done) {
        upload.bytes = answer.body;
        upload.size = answer.size;
        is_done = take_in(service, &upload, result, &problem);
    }
    fetch_answer_clear(&answer);
    return finish(service, upload.source, is_done, started, result, &problem, err);
}
