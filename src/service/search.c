// Finding pictures: a text, a stored image or a picture becomes a vector of the engine's model,
// and the store gives the nearest of that model.
#include <string.h>

#include "base/clock.h"
#include "service/picture.h"
#include "service/plain_text.h"
#include "service/service_private.h"
#include "service/stage_metrics.h"

// The k nearest of a vector; ends the search that began at `started`.
static bool find_nearest(struct service *service, const float *vector, size_t width, size_t k,
                         int64_t started, struct store_match *matches, size_t *count,
                         struct search_timings *timings, struct error *err) {
    struct store *store = service->options.store;
    const char *space = engine_info(service->options.engine)->embedding_model;
    int64_t store_started = clock_monotonic_ns();
    if (k > STORE_SEARCH_MAX) k = STORE_SEARCH_MAX;
    struct store_search search = {
        .embedding_model = space, .query = vector, .width = width, .k = k};
    bool is_done = store->operations->search(store, &search, matches, count, err);
    timings->store_ms = clock_ms_since(store_started);
    timings->total_ms = clock_ms_since(started);
    return is_done;
}

bool service_search_text(struct service *service, const char *query, size_t k,
                         struct store_match *matches, size_t *count, bool *is_cut,
                         struct search_timings *timings, struct error *err) {
    struct embedding embedding;
    int64_t started = clock_monotonic_ns();
    *count = 0;
    *is_cut = false;
    *timings = (struct search_timings){0};
    if (plain_text_is_blank(query))
        return error_set(err, ERROR_INVALID, "the query is empty; say what to look for");
    if (!engine_embed_text(service->options.engine, query, QUEUE_INTERACTIVE, &embedding, is_cut,
                           &timings->engine, err))
        return false;
    timings->embed_ms = clock_ms_since(started);
    if (!find_nearest(service, embedding.values, embedding.width, k, started, matches, count,
                      timings, err))
        return false;
    stage_metrics_search(service, 0, timings);
    return true;
}

bool service_search_like_image(struct service *service, const char *id, size_t k,
                               struct store_match *matches, size_t *count,
                               struct search_timings *timings, struct error *err) {
    struct store *store = service->options.store;
    const struct engine_info *info = engine_info(service->options.engine);
    float vector[EMBEDDING_WIDTH_MAX];
    int64_t started = clock_monotonic_ns();
    *count = 0;
    *timings = (struct search_timings){0};
    if (!store->operations->get_vector(store, id, info->embedding_model, vector,
                                       info->embedding_width, err) ||
        !find_nearest(service, vector, info->embedding_width, k, started, matches, count, timings,
                      err))
        return false;
    stage_metrics_search(service, 0, timings);
    return true;
}

bool service_search_picture(struct service *service, const void *bytes, size_t size, size_t k,
                            struct store_match *matches, size_t *count,
                            struct search_timings *timings, struct error *err) {
    struct embedding embedding;
    struct prepared_image image;
    struct image_info info;
    int64_t started = clock_monotonic_ns();
    *count = 0;
    *timings = (struct search_timings){0};
    bool is_done = picture_prepare(service, bytes, size, IMAGE_FOR_EMBEDDING, &image, &info, err) &&
                   engine_embed_image(service->options.engine, &image, QUEUE_INTERACTIVE,
                                      &embedding, &timings->engine, err);
    double decode_ms = image.decode_ms;
    prepared_image_clear(&image);
    if (!is_done) return false;
    timings->embed_ms = clock_ms_since(started);
    if (!find_nearest(service, embedding.values, embedding.width, k, started, matches, count,
                      timings, err))
        return false;
    stage_metrics_search(service, decode_ms, timings);
    return true;
}

bool service_search_url(struct service *service, const char *url, size_t k,
                        struct store_match *matches, size_t *count, struct search_timings *timings,
                        struct error *err) {
    struct fetch_answer answer = {0};
    int64_t started = clock_monotonic_ns();
    *count = 0;
    *timings = (struct search_timings){0};
    bool is_done =
        service_fetch(service, url, &answer, err) &&
        service_search_picture(service, answer.body, answer.size, k, matches, count, timings, err);
    fetch_answer_clear(&answer);
    timings->total_ms = clock_ms_since(started);
    return is_done;
}
