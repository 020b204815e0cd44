// A cloud without providers, linked in place of the real one: it answers, or says what is in the
// way, as tests set it.
#pragma once

#include <stdatomic.h>

#include "cloud/cloud.h"

struct fake_cloud {
    size_t provider_count;
    bool is_away[CLOUD_PROVIDERS_MAX];
    int64_t price;
    int64_t budget_left;
    _Atomic enum cloud_obstacle obstacle;  // CLOUD_NO_OBSTACLE: it answers
    struct cloud_result result;
    atomic_int asks;
    atomic_bool is_blocked;  // asks wait until it is false
    // Of the last ask.
    char reason[LEDGER_REASON_SIZE];
    char sha256[LEDGER_SHA256_SIZE];
    char purse[LEDGER_NAME_SIZE];
    int64_t purse_daily;
    int64_t patience_ms;
    char model[CLOUD_MODEL_SIZE];
    char prompt[256];
    size_t first_provider, asked_count;
    uint32_t width, height;  // of the picture that was made
    uint8_t picture_start[2];
};

extern struct fake_cloud fake_cloud;
struct cloud *fake_cloud_reset(void);  // one provider, far from any limit, that answers "a red car"
