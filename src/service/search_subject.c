#include "service/search_subject.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "service/local_models.h"
#include "service/picture.h"
#include "service/service_private.h"
#include "service/stage_trace.h"

// How much of a negated word's vector is taken off. All of it would also take off what every text
// shares, and leave little of the words that were asked for.
static const float NEGATION = 0.5F;

static void add(struct embedding *sum, const struct embedding *part, float weight) {
    for (size_t i = 0; i < sum->width; i++) sum->values[i] += weight * part->values[i];
}

// False when nothing is left of it: the words took each other off.
static bool normalize(struct embedding *vector) {
    double square = 0;
    for (size_t i = 0; i < vector->width; i++)
        square += (double)vector->values[i] * (double)vector->values[i];
    if (!(square > 1e-12)) return false;  // a millionth of a unit vector
    float scale = (float)(1 / sqrt(square));
    for (size_t i = 0; i < vector->width; i++) vector->values[i] *= scale;
    return true;
}

static bool embed_words(struct engine *engine, const struct query_text *text,
                        struct search_subject *subject, struct error *err) {
    struct embedding negated;
    bool is_negated_cut;
    struct engine_timings timings;
    int64_t started_ns = clock_monotonic_ns();
    if (!engine_embed_text(engine, text->positive, QUEUE_INTERACTIVE, &subject->words,
                           &subject->is_cut, &subject->engine, err))
        return false;
    stage_trace_models(engine, started_ns, &subject->engine, NULL);
    subject->has_words = true;
    subject->vector = subject->words;
    for (size_t i = 0; i < text->negated_count; i++) {
        if (!engine_embed_text(engine, text->negated[i], QUEUE_INTERACTIVE, &negated,
                               &is_negated_cut, &timings, err))
            return false;
        add(&subject->vector, &negated, -NEGATION / (float)text->negated_count);
        subject->engine.embedding_ms += timings.embedding_ms;
    }
    return normalize(&subject->vector) ||
           error_set(err, ERROR_INVALID,
                     "the query takes off all that it asks for; leave out some \"-word\"");
}

static bool embed_bytes(struct service *service, struct engine *engine, const void *bytes,
                        size_t size, struct search_subject *subject, struct embedding *vector,
                        struct error *err) {
    struct prepared_image image;
    struct image_info info;
    struct engine_timings timings = {0};
    bool is_done =
        picture_prepare(service, engine, bytes, size, IMAGE_FOR_EMBEDDING, &image, &info, err) &&
        local_embed_image(engine, &image, QUEUE_INTERACTIVE, vector, &timings, err);
    subject->decode_ms = image.decode_ms;
    timings.embedding_ms += subject->engine.embedding_ms;
    subject->engine = timings;
    prepared_image_clear(&image);
    return is_done;
}

static bool embed_url(struct service *service, struct engine *engine, const char *url,
                      struct search_subject *subject, struct embedding *vector, struct error *err) {
    struct fetch_answer answer = {0};
    bool is_done = service_fetch(service, url, &answer, err) &&
                   embed_bytes(service, engine, answer.body, answer.size, subject, vector, err);
    fetch_answer_clear(&answer);
    return is_done;
}

static bool embed_stored(struct service *service, const struct search_space *space, const char *id,
                         struct embedding *vector, struct error *err) {
    struct store *store = service->options.store;
    vector->width = space->width;
    struct span *span = stage_trace_store(store, "get_vector");
    bool is_done = store->operations->get_vector(store, id, space->embedding_model, vector->values,
                                                 vector->width, err);
    stage_trace_end(span, is_done, err);
    return is_done;
}

bool search_subject_make(struct service *service, const struct search_space *space,
                         const struct search_request *request, const struct query_text *text,
                         struct search_subject *subject, struct error *err) {
    struct engine *engine = space->engine;
    struct embedding picture;
    *subject = (struct search_subject){0};
    if (text != NULL && !embed_words(engine, text, subject, err)) return false;
    bool has_picture =
        request->image_id != NULL || request->picture != NULL || request->url != NULL;
    if (!has_picture) return true;
    bool is_done = request->image_id != NULL
                       ? embed_stored(service, space, request->image_id, &picture, err)
                   : request->picture != NULL
                       ? embed_bytes(service, engine, request->picture, request->picture_size,
                                     subject, &picture, err)
                       : embed_url(service, engine, request->url, subject, &picture, err);
    if (!is_done) return false;
    if (!subject->has_words) {
        subject->vector = picture;
        return true;
    }
    add(&subject->vector, &picture, 1);
    return normalize(&subject->vector) ||
           error_set(err, ERROR_INVALID, "words and picture take each other off; give one of them");
}
