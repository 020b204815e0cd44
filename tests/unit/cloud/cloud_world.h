// A cloud of scripted providers, with prices that are easily told and a book in memory. The
// providers and the price table are defined here, so that the linker does not take the real ones.
#pragma once

#include <stdatomic.h>

#include "cloud/cloud.h"
#include "memory_ledger.h"

enum { STEPS_MAX = 8, WORLD_TIMEOUT_MS = 5000, DEFAULT_SIDE = 512, GOOGLE_SIDE = 640 };

// How a provider answers once. Money and tokens: -1: not told.
struct step {
    enum cloud_outcome outcome;
    int64_t retry_after_ms;
    bool may_cost;
    int64_t cost_nano_usd, input_tokens, output_tokens;
    long delay_ms;
};

// What a provider does, and what it was asked last.
struct script {
    struct step steps[STEPS_MAX];  // the last one goes on for ever
    size_t step_count;
    atomic_uint asked;
    long timeout_ms;
    char model[CLOUD_MODEL_SIZE], prompt[64], traceparent[64];
    uint32_t width, height;
    size_t size;
};

// Where it is set: the cloud whose budget is read while a provider works.
extern struct cloud *watched_cloud;
extern int64_t watched_budget_left;
// HTTP clients made so far, and whether the next one fails (the linker has fetch_client_create
// replaced).
extern atomic_uint clients_made;
extern bool fails_clients;
extern struct script scripts[PROVIDER_KIND_COUNT];

// The result of a question asked with world_ask, and all that it is about.
struct world {
    struct cloud *cloud;
    struct memory_ledger *book;  // the cloud's
    struct cloud_options options;
    struct cloud_order order;
    struct cloud_result result;
    atomic_uint pictures_made;
    bool fails_pictures;
    uint32_t width, height;  // of the picture
};

#define ANSWERS \
    { CLOUD_ANSWERED, -1, false, 100, 10, 5, 0 }
#define FAILS(outcome) \
    { CLOUD_##outcome, -1, false, -1, -1, -1, 0 }

// Providers openrouter, openai, google_vision in this order, all answering. Options can be changed
// before world_start.
void world_init(struct world *world);
void world_start(struct world *world);
// Also checks that every reservation was settled exactly once, and every gate left.
void world_end(struct world *world);
void world_clear(struct world *world);  // without these checks
void script_set(enum provider_kind kind, size_t count, const struct step *steps);
bool world_ask(struct world *world);
unsigned times_asked(enum provider_kind kind);
// The ceiling of a picture of the world's first size, asked with the world's prompt.
int64_t ceiling_of(enum provider_kind kind);
