// Which vector space searches use, and which engine embeds what is looked for. That is the space of
// the model that runs or, until all pictures have a vector there, the one of the former model. A
// search takes the space once and uses nothing else, so it never mixes two. Any thread.
#pragma once

#include <pthread.h>

#include "base/error.h"
#include "store/store.h"

struct engine;
struct relevance;
struct service;

struct search_space {
    char embedding_model[STORE_MODEL_SIZE];  // its name
    size_t width;
    struct engine *engine;
    struct relevance *relevance;  // NULL: results get none
    bool is_former;
};

enum space_change {
    SPACE_SAME,     // searches used this model's vectors all along, or there are none yet
    SPACE_CHANGES,  // another model's, which are to be replaced
    SPACE_HELD,     // a better model's, which stay
};

// Part of the service.
struct space_choice {
    pthread_mutex_t mutex;     // guards what follows
    pthread_cond_t is_unused;  // former_users fell to 0
    bool is_made;
    bool must_be_kept;  // the store does not know the active space yet
    enum space_change change;
    char former[STORE_MODEL_SIZE];  // unless SPACE_SAME
    struct engine *former_engine;   // NULL: searches use the space of the model that runs
    struct relevance *former_relevance;
    size_t former_users;
};

void space_choice_init(struct space_choice *choice);
void space_choice_clear(struct space_choice *choice);
// Asks the store which space is the active one, and opens the former model where that is needed;
// once it has succeeded it does nothing. The functions below call it. Errors: the store's.
bool space_choice_make(struct service *service, struct error *err);
// Has the store keep the active space where it knows none: an empty store, or one of a version that
// kept none.
bool space_choice_keep(struct service *service, struct error *err);
// From now on searches use the space of the model that runs. Waits for those that have taken the
// former one, then closes its engine.
void space_choice_switch(struct service *service);

// Uploads take it too: their record belongs to the space that searches use.
bool search_space_take(struct service *service, struct search_space *space, struct error *err);
void search_space_return(struct service *service, const struct search_space *space);
