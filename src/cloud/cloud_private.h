// What cloud.c (what was configured), cloud_ask.c (a question's way through the providers),
// cloud_attempt.c (one call, in the book) and cloud_spending.c (today's figures) share.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "cloud/cloud.h"
#include "cloud/fetch_pool.h"

struct cloud_member {
    struct provider *provider;
    const char *name;
    const struct price *price;  // of the provider's own model
    struct provider_gate *gate;
    atomic_uint_fast64_t outcomes[CLOUD_OUTCOME_COUNT];
};

struct cloud {
    struct cloud_member members[CLOUD_PROVIDERS_MAX];
    size_t count;
    struct price_table *prices;
    struct ledger *ledger;
    struct ledger_limits limits;
    long timeout_ms;
    const char *prompt;
    struct fetch_pool *clients;
    struct cloud_spending *spending;
};

// Today's figures of the book, remembered; cloud_spending.c.
struct cloud_spending *cloud_spending_create(struct ledger *ledger);
void cloud_spending_destroy(struct cloud_spending *spending);
// This process has written into the book.
void cloud_spending_note_change(struct cloud_spending *spending);
void cloud_spending_read(struct cloud_spending *spending, struct ledger_status *status);
// Asks the book first, if what is remembered is old or this process has written since.
void cloud_spending_refresh(struct cloud_spending *spending, struct ledger_status *status);

// One question under way.
struct cloud_asking {
    struct cloud *cloud;
    const struct cloud_order *order;
    struct cloud_question question;  // with the picture for the provider whose turn it is
    int64_t deadline_ns;
    struct cloud_result *result;
};

// What one provider is asked, and at what price.
struct cloud_turn {
    struct cloud_member *member;
    const char *model;
    const struct price *price;
    int64_t ceiling_nano_usd;
};

enum attempt_end {
    ATTEMPT_ANSWERED,     // result->answer
    ATTEMPT_FAILED,       // *failure; it was asked
    ATTEMPT_SHUT_OUT,     // not asked: gate, time or a client; words
    ATTEMPT_FULL,         // not asked: the provider has as many requests at once as it may; words
    ATTEMPT_TOO_MANY,     // not asked: the provider has had its requests of this minute; words
    ATTEMPT_OVER_PURSE,   // not asked: this call is too dear; words
    ATTEMPT_OVER_MINUTE,  // not asked: no call is let through now; words
    ATTEMPT_OVER_DAY,     // not asked: no call is let through any more; words
    ATTEMPT_NOT_BOOKED,   // not asked: the ledger does not answer; words
};

// Asks once: gate, reservation, call, settlement. What it cost, the time that the book took and the
// count of attempts are added to asking->result.
enum attempt_end cloud_attempt(struct cloud_asking *asking, const struct cloud_turn *turn,
                               struct cloud_failure *failure, char words[static CLOUD_REASON_SIZE]);

// Why a gate lets nobody in, as a sentence.
enum attempt_end cloud_tell_gate(const struct cloud_member *member, enum gate_verdict verdict,
                                 char words[static CLOUD_REASON_SIZE]);
// Until the deadline, in milliseconds; 0: it is over.
int64_t cloud_time_left_ms(const struct cloud_asking *asking);
void cloud_pause_ms(int64_t ms);
