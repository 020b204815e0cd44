#include "fake_cloud.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

struct fake_cloud fake_cloud;

struct cloud *fake_cloud_reset(void) {
    fake_cloud = (struct fake_cloud){
        .provider_count = 1,
        .price = 1000,
        .budget_left = NANO_USD_PER_USD,
        .result = {
            .answer = {.caption = "a red car", .model = "openai/gpt-4o-mini", .confidence = NAN},
            .cost_nano_usd = 425000,
            .duration_ms = 800,
            .book_ms = 0.5,
            .attempts = 1}};
    return (struct cloud *)&fake_cloud;
}

// Asks come from several threads at once.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void copy(char *to, size_t size, const char *text) {
    (void)snprintf(to, size, "%s", text == NULL ? "" : text);
}

static void keep_order(const struct cloud_order *order) {
    (void)pthread_mutex_lock(&mutex);
    copy(fake_cloud.reason, sizeof fake_cloud.reason, order->reason);
    copy(fake_cloud.sha256, sizeof fake_cloud.sha256, order->sha256);
    copy(fake_cloud.purse, sizeof fake_cloud.purse, order->purse);
    copy(fake_cloud.model, sizeof fake_cloud.model, order->question.model);
    copy(fake_cloud.prompt, sizeof fake_cloud.prompt, order->question.prompt);
    fake_cloud.purse_daily = order->purse_daily_nano_usd;
    fake_cloud.patience_ms = order->patience_ms;
    fake_cloud.first_provider = order->providers[0];
    fake_cloud.asked_count = order->provider_count;
    (void)pthread_mutex_unlock(&mutex);
}

static void keep_picture(const struct cloud_order *order) {
    uint8_t *jpeg = NULL;
    size_t size;
    uint32_t width, height;
    if (order->make_picture(order->context, 512, &jpeg, &size, &width, &height, NULL)) {
        (void)pthread_mutex_lock(&mutex);
        fake_cloud.width = width;
        fake_cloud.height = height;
        memcpy(fake_cloud.picture_start, jpeg, 2);
        (void)pthread_mutex_unlock(&mutex);
    }
    memory_free(jpeg);
}

bool cloud_ask(struct cloud *cloud, const struct cloud_order *order, struct cloud_result *result) {
    (void)cloud;
    keep_order(order);
    atomic_fetch_add(&fake_cloud.asks, 1);
    while (atomic_load(&fake_cloud.is_blocked))
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    keep_picture(order);
    *result = fake_cloud.result;
    result->provider = order->providers[0];
    result->obstacle = fake_cloud.obstacle;
    return result->obstacle == CLOUD_NO_OBSTACLE;
}

size_t cloud_provider_count(const struct cloud *cloud) {
    (void)cloud;
    return fake_cloud.provider_count;
}

void cloud_provider_state(struct cloud *cloud, size_t provider,
                          struct cloud_provider_state *state) {
    (void)cloud;
    *state = (struct cloud_provider_state){
        .kind = provider == 0 ? PROVIDER_OPENROUTER : PROVIDER_OPENAI,
        .model = "openai/gpt-4o-mini",
        .verdict = fake_cloud.is_away[provider] ? GATE_BREAKER_OPEN : GATE_PASSES};
}

int64_t cloud_budget_left(struct cloud *cloud) {
    (void)cloud;
    return fake_cloud.budget_left;
}

int64_t cloud_ceiling(const struct cloud *cloud, size_t provider, const char *model,
                      const char *prompt, uint32_t width, uint32_t height) {
    (void)cloud, (void)provider, (void)prompt, (void)width, (void)height;
    return model != NULL && strcmp(model, "unpriced") == 0 ? -1 : fake_cloud.price;
}
