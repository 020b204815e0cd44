#include "service/search_space.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/model_source.h"
#include "service/service_private.h"

void space_choice_init(struct space_choice *choice) {
    (void)pthread_mutex_init(&choice->mutex, NULL);
    (void)pthread_cond_init(&choice->is_unused, NULL);
}

void space_choice_clear(struct space_choice *choice) {
    relevance_destroy(choice->former_relevance);
    engine_destroy(choice->former_engine);
    (void)pthread_cond_destroy(&choice->is_unused);
    (void)pthread_mutex_destroy(&choice->mutex);
}

static const char *own_space(const struct service *service) {
    return engine_info(service->options.engine)->embedding_model;
}

static size_t count_of(const struct store_space *spaces, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(spaces[i].embedding_model, name) == 0) return spaces[i].count;
    return 0;
}

// A space without vectors is no choice worth keeping. Where none was chosen, the vectors of the
// model that runs count, else unnamed ones that are as wide as its, which it takes over, else those
// that most pictures have.
static void choose_active(const struct store_space *spaces, size_t count, const char *own,
                          size_t own_width, char active[static STORE_MODEL_SIZE],
                          bool *must_be_kept) {
    *must_be_kept = strcmp(active, own) != 0 && count_of(spaces, count, active) == 0;
    if (!*must_be_kept) return;
    size_t most = 0;
    (void)snprintf(active, STORE_MODEL_SIZE, "%s", own);
    if (count_of(spaces, count, own) > 0) return;
    for (size_t i = 0; i < count; i++)
        if (strcmp(spaces[i].embedding_model, SPACE_UNNAMED) == 0 && spaces[i].width == own_width)
            return;
    for (size_t i = 0; i < count; i++) {
        if (spaces[i].count <= most) continue;
        most = spaces[i].count;
        (void)snprintf(active, STORE_MODEL_SIZE, "%s", spaces[i].embedding_model);
    }
}

static bool make_locked(struct service *service, struct error *err) {
    struct space_choice *choice = &service->space_choice;
    const struct service_options *options = &service->options;
    const struct store_operations *operations = options->store->operations;
    struct store_space spaces[STORE_SPACES_MAX];
    size_t count;
    const char *own = own_space(service);
    if (choice->is_made) return true;
    if (!operations->get_active_space(options->store, choice->former, err) ||
        !operations->list_spaces(options->store, spaces, &count, err))
        return false;
    choose_active(spaces, count, own, engine_info(options->engine)->embedding_width, choice->former,
                  &choice->must_be_kept);
    bool is_worse = model_source_of(own) > model_source_of(choice->former);
    choice->change = strcmp(choice->former, own) == 0 ? SPACE_SAME
                     : is_worse                       ? SPACE_HELD
                                                      : SPACE_CHANGES;
    // What mocks made up is not worth searching.
    bool is_worth = model_source_of(choice->former) != MODEL_MOCK;
    if (choice->change == SPACE_CHANGES && is_worth && options->open_former != NULL)
        choice->former_engine = options->open_former(options->open_former_context, choice->former);
    // Without it, for want of memory, results have no relevance for as long.
    if (choice->former_engine != NULL && options->relevance != NULL)
        choice->former_relevance = relevance_create(choice->former_engine, NULL);
    if (choice->change == SPACE_HELD)
        log_warning(
            "searches find only pictures that have vectors of %s; those of the better model %s are "
            "kept for when it is back",
            own, choice->former);
    choice->is_made = true;
    return true;
}

bool space_choice_make(struct service *service, struct error *err) {
    struct space_choice *choice = &service->space_choice;
    (void)pthread_mutex_lock(&choice->mutex);
    bool is_made = make_locked(service, err);
    (void)pthread_mutex_unlock(&choice->mutex);
    return is_made;
}

bool space_choice_keep(struct service *service, struct error *err) {
    struct space_choice *choice = &service->space_choice;
    struct store *store = service->options.store;
    (void)pthread_mutex_lock(&choice->mutex);
    bool is_done = make_locked(service, err);
    if (is_done && choice->must_be_kept) {
        const char *active = choice->change == SPACE_SAME ? own_space(service) : choice->former;
        is_done = store->operations->set_active_space(store, active, err);
        choice->must_be_kept = !is_done;
    }
    (void)pthread_mutex_unlock(&choice->mutex);
    return is_done;
}

void space_choice_switch(struct service *service) {
    struct space_choice *choice = &service->space_choice;
    (void)pthread_mutex_lock(&choice->mutex);
    struct engine *engine = choice->former_engine;
    struct relevance *relevance = choice->former_relevance;
    choice->former_engine = NULL;
    choice->former_relevance = NULL;
    while (choice->former_users > 0) (void)pthread_cond_wait(&choice->is_unused, &choice->mutex);
    (void)pthread_mutex_unlock(&choice->mutex);
    relevance_destroy(relevance);
    engine_destroy(engine);
}

bool search_space_take(struct service *service, struct search_space *space, struct error *err) {
    struct space_choice *choice = &service->space_choice;
    (void)pthread_mutex_lock(&choice->mutex);
    bool is_done = make_locked(service, err);
    if (is_done) {
        struct engine *former = choice->former_engine;
        *space = (struct search_space){
            .engine = former != NULL ? former : service->options.engine,
            .relevance = former != NULL ? choice->former_relevance : service->options.relevance,
            .is_former = former != NULL};
        const struct engine_info *info = engine_info(space->engine);
        space->width = info->embedding_width;
        (void)snprintf(space->embedding_model, sizeof space->embedding_model, "%s",
                       info->embedding_model);
        if (space->is_former) choice->former_users++;
    }
    (void)pthread_mutex_unlock(&choice->mutex);
    return is_done;
}

void search_space_return(struct service *service, const struct search_space *space) {
    struct space_choice *choice = &service->space_choice;
    if (!space->is_former) return;
    (void)pthread_mutex_lock(&choice->mutex);
    if (--choice->former_users == 0) (void)pthread_cond_broadcast(&choice->is_unused);
    (void)pthread_mutex_unlock(&choice->mutex);
}
