#include "cloud_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud/provider_private.h"

static const char *const prompt = "What is it?";
static const char *const models[] = {
    [PROVIDER_OPENROUTER] = "router-model",
    [PROVIDER_OPENAI] = "open-model",
    [PROVIDER_OPENAI_COMPATIBLE] = "any-model",
    [PROVIDER_GOOGLE_VISION] = NULL,
    [PROVIDER_AWS_REKOGNITION] = NULL,
    [PROVIDER_IMGROUTER] = NULL,
    [PROVIDER_FAKE] = NULL,
};

struct script scripts[PROVIDER_KIND_COUNT];
struct cloud *watched_cloud;
int64_t watched_budget_left;
atomic_uint clients_made;
bool fails_clients;

struct fetch_client *__real_fetch_client_create(struct error *err);
struct fetch_client *__wrap_fetch_client_create(struct error *err);
struct fetch_client *__wrap_fetch_client_create(struct error *err) {
    atomic_fetch_add(&clients_made, 1);
    if (!fails_clients) return __real_fetch_client_create(err);
    error_set(err, ERROR_INTERNAL, "out of memory");
    return NULL;
}

static pthread_mutex_t seen_mutex = PTHREAD_MUTEX_INITIALIZER;

static bool ask(const struct provider *provider, struct fetch_client *client,
                const struct cloud_question *question, struct cloud_answer *answer,
                struct cloud_failure *failure) {
    struct script *script = &scripts[provider->options.kind];
    unsigned turn = atomic_fetch_add(&script->asked, 1);
    const struct step *step =
        &script->steps[turn < script->step_count ? turn : script->step_count - 1];
    if (client == NULL) return provider_fail(failure, CLOUD_FAILED, "no client was given");
    (void)pthread_mutex_lock(&seen_mutex);
    script->timeout_ms = question->timeout_ms;
    (void)snprintf(script->model, sizeof script->model, "%s", question->model);
    (void)snprintf(script->prompt, sizeof script->prompt, "%s", question->prompt);
    (void)snprintf(script->traceparent, sizeof script->traceparent, "%s",
                   question->traceparent == NULL ? "" : question->traceparent);
    script->width = question->width;
    script->height = question->height;
    script->size = question->size;
    (void)pthread_mutex_unlock(&seen_mutex);
    if (watched_cloud != NULL) watched_budget_left = cloud_budget_left(watched_cloud);
    if (step->delay_ms > 0)
        (void)nanosleep(&(struct timespec){.tv_sec = step->delay_ms / 1000,
                                           .tv_nsec = step->delay_ms % 1000 * 1000000},
                        NULL);
    if (step->outcome != CLOUD_ANSWERED) {
        (void)provider_fail(failure, step->outcome, "HTTP %d", 500 + (int)step->outcome);
        failure->retry_after_ms = step->retry_after_ms;
        failure->may_cost = step->may_cost;
        failure->cost_nano_usd = step->cost_nano_usd;
        failure->input_tokens = step->input_tokens;
        failure->output_tokens = step->output_tokens;
        return false;
    }
    (void)snprintf(answer->caption, sizeof answer->caption, "a cat, says %s",
                   provider_kind_name(provider->options.kind));
    (void)snprintf(answer->model, sizeof answer->model, "%s-2025", question->model);
    answer->confidence = NAN;
    answer->cost_nano_usd = step->cost_nano_usd;
    answer->input_tokens = step->input_tokens;
    answer->output_tokens = step->output_tokens;
    return true;
}

static const char *object_to_small(uint32_t width, uint32_t height) {
    return width < 80 || height < 80 ? "the picture is too small" : NULL;
}

const struct provider_operations provider_openai = {.max_side = DEFAULT_SIDE, .ask = ask};
const struct provider_operations provider_google_vision = {
    .max_side = GOOGLE_SIDE, .ask = ask, .objection = object_to_small};
const struct provider_operations provider_aws_rekognition = {.max_side = DEFAULT_SIDE, .ask = ask};
const struct provider_operations provider_imgrouter = {.max_side = DEFAULT_SIDE, .ask = ask};
const struct provider_operations provider_fake = {.max_side = DEFAULT_SIDE, .ask = ask};

// Cheaper the further down the list; free for the last.
static const struct price prices[] = {
    [PROVIDER_OPENROUTER] = {.per_image_nano_usd = 6000},
    [PROVIDER_OPENAI] = {.per_image_nano_usd = 5000},
    [PROVIDER_OPENAI_COMPATIBLE] = {.per_image_nano_usd = 4000},
    [PROVIDER_GOOGLE_VISION] = {.per_image_nano_usd = 3000},
    [PROVIDER_AWS_REKOGNITION] = {.per_image_nano_usd = 2000},
    [PROVIDER_IMGROUTER] = {.per_image_nano_usd = 1000},
    [PROVIDER_FAKE] = {0},
};
static const struct price other_price = {.per_image_nano_usd = 9000};

void price_table_destroy(struct price_table *table) { memory_free(table); }

const struct price *price_find(const struct price_table *table, enum provider_kind kind,
                               const char *model) {
    (void)table;
    if (strcmp(model, "unpriced") == 0) return NULL;
    return strcmp(model, "other") == 0 ? &other_price : &prices[kind];
}

int64_t price_ceiling(const struct price *price, uint32_t width, uint32_t height,
                      size_t prompt_size, int64_t max_output) {
    if (price->per_image_nano_usd == 0) return 0;
    return price->per_image_nano_usd * 1000000 + (int64_t)width * 1000 + height +
           (int64_t)prompt_size * 10 + max_output;
}

int64_t price_of_usage(const struct price *price, int64_t input_tokens, int64_t output_tokens) {
    return price->per_image_nano_usd + 2 * input_tokens + 3 * output_tokens;
}

int64_t ceiling_of(enum provider_kind kind) {
    uint32_t side = kind == PROVIDER_GOOGLE_VISION ? GOOGLE_SIDE : DEFAULT_SIDE;
    return price_ceiling(&prices[kind], side, side / 2, strlen(prompt), CLOUD_OUTPUT_TOKENS_MAX);
}

static bool make_picture(void *context, uint32_t max_side, uint8_t **jpeg, size_t *size,
                         uint32_t *width, uint32_t *height, struct error *err) {
    struct world *world = context;
    atomic_fetch_add(&world->pictures_made, 1);
    if (world->fails_pictures) return error_set(err, ERROR_INTERNAL, "out of memory");
    *size = max_side;
    *jpeg = memory_alloc(*size);
    *width = world->width < max_side ? world->width : max_side;
    *height = world->height < max_side / 2 ? world->height : max_side / 2;
    return true;
}

void script_set(enum provider_kind kind, size_t count, const struct step *steps) {
    memcpy(scripts[kind].steps, steps, count * sizeof *steps);
    scripts[kind].step_count = count;
    atomic_store(&scripts[kind].asked, 0);
}

void world_init(struct world *world) {
    static const size_t in_order[] = {0, 1, 2};
    *world = (struct world){.width = 4000, .height = 2000};
    for (size_t i = 0; i < PROVIDER_KIND_COUNT; i++)
        script_set((enum provider_kind)i, 1, &(struct step)ANSWERS);
    static const enum provider_kind kinds[] = {PROVIDER_OPENROUTER, PROVIDER_OPENAI,
                                               PROVIDER_GOOGLE_VISION};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct provider_options options = {.kind = kinds[i], .model = models[kinds[i]]};
        world->options.providers[i] = provider_create(&options, NULL);
        assert_non_null(world->options.providers[i]);
    }
    world->book = memory_ledger_create();
    world->options.provider_count = 3;
    world->options.prices = memory_alloc(1);  // of which only the address is used
    world->options.ledger = &world->book->base;
    world->options.limits = (struct ledger_limits){1000, 1000, INT64_MAX / 2};
    world->options.timeout_ms = WORLD_TIMEOUT_MS;
    world->options.prompt = prompt;
    world->order = (struct cloud_order){.providers = in_order,
                                        .provider_count = 3,
                                        .sha256 = "ab12",
                                        .reason = "low_confidence",
                                        .make_picture = make_picture,
                                        .context = world};
}

void world_start(struct world *world) {
    struct error err = {0};
    world->cloud = cloud_create(&world->options, &err);
    assert_string_equal(err.text, "");
    assert_non_null(world->cloud);
}

void world_clear(struct world *world) {
    cloud_destroy(world->cloud);
    world->book->base.operations->destroy(&world->book->base);
}

void world_end(struct world *world) {
    for (size_t i = 0; i < world->book->call_count; i++)
        assert_int_equal(world->book->calls[i].settlements, 1);
    assert_int_equal(world->book->reserved_nano_usd, 0);
    for (size_t i = 0; i < cloud_provider_count(world->cloud); i++) {
        struct cloud_provider_state state;
        cloud_provider_state(world->cloud, i, &state);
        assert_int_equal(state.gate.in_flight, 0);
    }
    world_clear(world);
}

bool world_ask(struct world *world) {
    return cloud_ask(world->cloud, &world->order, &world->result);
}

unsigned times_asked(enum provider_kind kind) { return atomic_load(&scripts[kind].asked); }
