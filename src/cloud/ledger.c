#include "cloud/ledger.h"

int64_t ledger_budget_left(const struct ledger_limits *limits, const struct ledger_status *status) {
    int64_t left = limits->daily_nano_usd - status->spent_nano_usd - status->reserved_nano_usd;
    return left > 0 ? left : 0;
}
