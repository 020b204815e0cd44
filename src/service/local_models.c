#include "service/local_models.h"

#include <time.h>

#include "base/clock.h"
#include "service/stage_trace.h"

enum { BULK_RETRY_NS = 20000000 };  // far less than what a batch of captions takes

// One call of the engine; which one is told by what is not NULL.
struct call {
    struct engine *engine;
    const struct prepared_image *image;
    const char *text;
    enum queue_lane lane;
    struct description *description;
    struct caption *caption;
    struct embedding *embedding;
    struct engine_timings *timings;
};

static bool call_once(const struct call *call, struct error *err) {
    if (call->description != NULL)
        return engine_describe_image(call->engine, call->image, call->lane, call->description, err);
    if (call->caption != NULL)
        return engine_caption_image(call->engine, call->image, call->lane, call->caption,
                                    call->timings, err);
    if (call->text != NULL)
        return engine_embed_text(call->engine, call->text, call->lane, call->embedding, NULL,
                                 call->timings, err);
    return engine_embed_image(call->engine, call->image, call->lane, call->embedding, call->timings,
                              err);
}

static void trace_call(const struct call *call, int64_t started_ns) {
    const struct description *description = call->description;
    const struct engine_timings *timings =
        description != NULL ? &description->timings : call->timings;
    if (timings != NULL)
        stage_trace_models(call->engine, started_ns, timings,
                           description != NULL ? &description->caption : call->caption);
}

static bool call_engine(const struct call *call, struct error *err) {
    static const struct timespec pause = {.tv_nsec = BULK_RETRY_NS};
    for (;;) {
        struct error problem = {0};
        int64_t started_ns = clock_monotonic_ns();
        if (call_once(call, &problem)) {
            trace_call(call, started_ns);
            return true;
        }
        if (call->lane != QUEUE_BULK || problem.kind != ERROR_OVERLOADED)
            return error_set(err, problem.kind, "%s", problem.text);
        (void)nanosleep(&pause, NULL);
    }
}

bool local_describe(struct engine *engine, const struct prepared_image *image, enum queue_lane lane,
                    struct description *description, struct error *err) {
    return call_engine(
        &(struct call){.engine = engine, .image = image, .lane = lane, .description = description},
        err);
}

bool local_caption(struct engine *engine, const struct prepared_image *image, enum queue_lane lane,
                   struct caption *caption, struct engine_timings *timings, struct error *err) {
    return call_engine(
        &(struct call){
            .engine = engine, .image = image, .lane = lane, .caption = caption, .timings = timings},
        err);
}

bool local_embed_image(struct engine *engine, const struct prepared_image *image,
                       enum queue_lane lane, struct embedding *embedding,
                       struct engine_timings *timings, struct error *err) {
    return call_engine(&(struct call){.engine = engine,
                                      .image = image,
                                      .lane = lane,
                                      .embedding = embedding,
                                      .timings = timings},
                       err);
}

bool local_embed_text(struct engine *engine, const char *text, enum queue_lane lane,
                      struct embedding *embedding, struct engine_timings *timings,
                      struct error *err) {
    struct engine_timings unasked;  // for the trace
    return call_engine(&(struct call){.engine = engine,
                                      .text = text,
                                      .lane = lane,
                                      .embedding = embedding,
                                      .timings = timings != NULL ? timings : &unasked},
                       err);
}

double embedding_cosine(const struct embedding *a, const struct embedding *b) {
    double cosine = 0;
    for (size_t i = 0; i < a->width; i++) cosine += (double)a->values[i] * (double)b->values[i];
    return cosine;
}
