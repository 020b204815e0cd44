// A book in memory that remembers every call, so that tests can see what was reserved and settled,
// and that fails when it is told to. Any thread; the fields are read when no call is under way.
#pragma once

#include <pthread.h>

#include "cloud/ledger.h"

enum { MEMORY_CALLS_MAX = 2048, MEMORY_ANSWERS_MAX = 16 };

struct memory_call {
    char provider[LEDGER_NAME_SIZE], model[CLOUD_MODEL_SIZE], reason[LEDGER_REASON_SIZE];
    char purse[LEDGER_NAME_SIZE];
    int64_t ceiling_nano_usd, expires_in_ms;
    unsigned settlements;
    struct ledger_settlement settlement;  // key and answer apart
    char outcome[LEDGER_REASON_SIZE];
};

struct memory_answer {
    char sha256[LEDGER_SHA256_SIZE], provider[LEDGER_NAME_SIZE], model[CLOUD_MODEL_SIZE];
    char prompt[128];
    struct cloud_answer answer;
};

struct memory_ledger {
    struct ledger base;
    pthread_mutex_t mutex;
    struct memory_call calls[MEMORY_CALLS_MAX];
    size_t call_count;
    struct memory_answer answers[MEMORY_ANSWERS_MAX];
    size_t answer_count;
    int64_t spent_nano_usd, reserved_nano_usd;
    int64_t most_nano_usd;  // that was ever spent and reserved together
    unsigned finds, reserves, settles, status_reads;
    bool fails_find, fails_reserve, fails_status;
    unsigned minute_refusals;  // as many reservations find the minute over
    unsigned settle_failures;  // as many are still to fail
};

struct memory_ledger *memory_ledger_create(void);
