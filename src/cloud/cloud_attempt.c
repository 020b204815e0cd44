#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "cloud/cloud_private.h"
#include "cloud/cloud_trace.h"

enum {
    // After a question's deadline a call is surely over: clocks, and a busy machine.
    EXPIRY_MARGIN_MS = 60 * 1000,
    SETTLE_ATTEMPTS = 3,
    SETTLE_PAUSE_MS = 25,  // doubled each time
};

int64_t cloud_time_left_ms(const struct cloud_asking *asking) {
    int64_t left_ns = asking->deadline_ns - clock_monotonic_ns();
    return left_ns > 0 ? left_ns / 1000000 : 0;
}

void cloud_pause_ms(int64_t ms) {
    struct timespec rest = {.tv_sec = (time_t)(ms / 1000),
                            .tv_nsec = (long)(ms % 1000) * 1000 * 1000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
}

enum attempt_end cloud_tell_gate(const struct cloud_member *member, enum gate_verdict verdict,
                                 char words[static CLOUD_REASON_SIZE]) {
    struct gate_state state;
    provider_gate_state(member->gate, clock_monotonic_ns(), &state);
    if (verdict == GATE_RATE_LIMITED)
        (void)snprintf(words, CLOUD_REASON_SIZE, "%s has had its requests of this minute",
                       member->name);
    else if (verdict == GATE_FULL)
        (void)snprintf(words, CLOUD_REASON_SIZE, "%s has as many requests at once as it may",
                       member->name);
    else if (state.opens_in_ms > 0)
        (void)snprintf(words, CLOUD_REASON_SIZE, "%s is left alone for %lld s after %u failure%s",
                       member->name, (long long)((state.opens_in_ms + 999) / 1000), state.failures,
                       state.failures == 1 ? "" : "s");
    else
        (void)snprintf(words, CLOUD_REASON_SIZE, "another request finds out whether %s is back",
                       member->name);
    return verdict == GATE_RATE_LIMITED ? ATTEMPT_TOO_MANY
           : verdict == GATE_FULL       ? ATTEMPT_FULL
                                        : ATTEMPT_SHUT_OUT;
}

static enum attempt_end tell_refusal(const struct cloud_asking *asking,
                                     const struct cloud_turn *turn, enum ledger_verdict verdict,
                                     char words[static CLOUD_REASON_SIZE]) {
    double dollars = price_usd(turn->ceiling_nano_usd);
    switch (verdict) {
        case LEDGER_OVER_MINUTE:
            (void)snprintf(words, CLOUD_REASON_SIZE,
                           "the cloud has had its %lld requests of this minute",
                           (long long)asking->cloud->limits.per_minute);
            return ATTEMPT_OVER_MINUTE;
        case LEDGER_OVER_DAY:
            (void)snprintf(words, CLOUD_REASON_SIZE, "the cloud has had its %lld requests of today",
                           (long long)asking->cloud->limits.per_day);
            return ATTEMPT_OVER_DAY;
        case LEDGER_OVER_PURSE:
            (void)snprintf(words, CLOUD_REASON_SIZE,
                           "%s: up to %.6f USD do not fit into what is left for %s today",
                           turn->member->name, dollars, asking->order->purse);
            return ATTEMPT_OVER_PURSE;
        default:
            (void)snprintf(words, CLOUD_REASON_SIZE,
                           "%s: up to %.6f USD do not fit into what is left of today's %.2f USD",
                           turn->member->name, dollars,
                           price_usd(asking->cloud->limits.daily_nano_usd));
            return ATTEMPT_OVER_PURSE;
    }
}

static bool reserve(const struct cloud_asking *asking, const struct cloud_turn *turn,
                    struct ledger_call *call, enum ledger_verdict *verdict, struct error *err) {
    struct ledger *ledger = asking->cloud->ledger;
    struct ledger_request request = {
        .provider = turn->member->name,
        .model = turn->model,
        .reason = asking->order->reason,
        .ceiling_nano_usd = turn->ceiling_nano_usd,
        .expires_in_ms = asking->question.timeout_ms + EXPIRY_MARGIN_MS,
        .limits = asking->cloud->limits,
        .purse = asking->order->purse,
        .purse_daily_nano_usd = asking->order->purse_daily_nano_usd,
    };
    int64_t started_ns = clock_monotonic_ns();
    bool is_done = ledger->operations->reserve(ledger, &request, call, verdict, err);
    asking->result->book_ms += clock_ms_since(started_ns);
    cloud_spending_note_change(asking->cloud->spending);
    return is_done;
}

// A provider's own figure before its tokens at our prices before the most that it can have been:
// what is not told may not be counted as less, else no budget would hold.
static void find_cost(const struct cloud_turn *turn, int64_t told_nano_usd, bool may_cost,
                      struct ledger_settlement *settlement) {
    if (told_nano_usd >= 0)
        settlement->cost_nano_usd = told_nano_usd;
    else if (settlement->input_tokens >= 0 && settlement->output_tokens >= 0)
        settlement->cost_nano_usd =
            price_of_usage(turn->price, settlement->input_tokens, settlement->output_tokens);
    else if (may_cost)
        settlement->cost_nano_usd = turn->ceiling_nano_usd;
    settlement->is_estimated = may_cost && told_nano_usd < 0 &&
                               (settlement->input_tokens < 0 || settlement->output_tokens < 0);
}

static void settle(struct cloud_asking *asking, const struct cloud_turn *turn,
                   const struct ledger_call *call, const struct ledger_settlement *settlement) {
    struct ledger *ledger = asking->cloud->ledger;
    struct error problem = {0};
    bool is_settled = false;
    int64_t started_ns = clock_monotonic_ns();
    for (int i = 0; i < SETTLE_ATTEMPTS && !is_settled; i++) {
        if (i > 0) cloud_pause_ms(SETTLE_PAUSE_MS << (i - 1));
        error_clear(&problem);
        is_settled = ledger->operations->settle(ledger, call, settlement, &problem);
    }
    asking->result->book_ms += clock_ms_since(started_ns);
    cloud_spending_note_change(asking->cloud->spending);
    // The reservation stays, and counts as spent once it has expired.
    if (!is_settled)
        log_warning(
            "what a call of %s cost (%.6f USD) could not be written down, so that the most it can "
            "have cost, %.6f USD, counts: %s",
            turn->member->name, price_usd(settlement->cost_nano_usd),
            price_usd(turn->ceiling_nano_usd), problem.text);
}

static void book_answer(struct cloud_asking *asking, const struct cloud_turn *turn,
                        const struct ledger_call *call, double duration_ms) {
    const struct cloud_answer *answer = &asking->result->answer;
    struct ledger_answer_key key = {.sha256 = asking->order->sha256,
                                    .provider = turn->member->name,
                                    .model = turn->model,
                                    .prompt = asking->question.prompt};
    struct ledger_settlement settlement = {
        .outcome = cloud_outcome_name(CLOUD_ANSWERED),
        .input_tokens = answer->input_tokens,
        .output_tokens = answer->output_tokens,
        .duration_ms = duration_ms,
        .key = &key,
        .answer = answer,
    };
    find_cost(turn, answer->cost_nano_usd, true, &settlement);
    asking->result->cost_nano_usd += settlement.cost_nano_usd;
    asking->result->is_estimated |= settlement.is_estimated;
    settle(asking, turn, call, &settlement);
}

static void book_failure(struct cloud_asking *asking, const struct cloud_turn *turn,
                         const struct ledger_call *call, const struct cloud_failure *failure,
                         double duration_ms) {
    struct ledger_settlement settlement = {
        .outcome = cloud_outcome_name(failure->outcome),
        .input_tokens = failure->input_tokens,
        .output_tokens = failure->output_tokens,
        .duration_ms = duration_ms,
    };
    find_cost(turn, failure->cost_nano_usd, failure->may_cost, &settlement);
    asking->result->cost_nano_usd += settlement.cost_nano_usd;
    asking->result->is_estimated |= settlement.is_estimated;
    // Nobody knows even whether there was a cost: the book keeps such sums apart.
    settlement.is_presumed = settlement.is_estimated;
    settlement.is_estimated = false;
    settle(asking, turn, call, &settlement);
}

static bool ask_in_time(struct cloud_asking *asking, const struct cloud_turn *turn,
                        struct fetch_client *client, struct cloud_failure *failure) {
    struct cloud_question question = asking->question;
    question.model = turn->model;
    // What is left after the reservation; a book that took it all leaves the provider a moment.
    question.timeout_ms = (long)cloud_time_left_ms(asking);
    if (question.timeout_ms == 0) question.timeout_ms = 1;
    char traceparent[TRACE_PARENT_SIZE];
    if (trace_current_parent(traceparent, &question.tracestate)) question.traceparent = traceparent;
    return provider_ask(turn->member->provider, client, &question, &asking->result->answer,
                        failure);
}

static enum attempt_end ask_and_settle(struct cloud_asking *asking, const struct cloud_turn *turn,
                                       const struct gate_pass *pass, struct fetch_client *client,
                                       const struct ledger_call *call,
                                       struct cloud_failure *failure) {
    struct span *span = cloud_trace_begin(turn);
    int64_t started_ns = clock_monotonic_ns();
    bool is_answered = ask_in_time(asking, turn, client, failure);
    cloud_trace_end(span, &asking->result->answer, is_answered ? NULL : failure);
    double duration_ms = clock_ms_since(started_ns);
    enum cloud_outcome outcome = is_answered ? CLOUD_ANSWERED : failure->outcome;
    asking->result->attempts++;
    atomic_fetch_add(&turn->member->outcomes[outcome], 1);
    provider_gate_leave(turn->member->gate, pass, is_answered ? NULL : failure,
                        clock_monotonic_ns());
    if (is_answered)
        book_answer(asking, turn, call, duration_ms);
    else
        book_failure(asking, turn, call, failure, duration_ms);
    return is_answered ? ATTEMPT_ANSWERED : ATTEMPT_FAILED;
}

enum attempt_end cloud_attempt(struct cloud_asking *asking, const struct cloud_turn *turn,
                               struct cloud_failure *failure,
                               char words[static CLOUD_REASON_SIZE]) {
    struct cloud_member *member = turn->member;
    struct gate_pass pass;
    enum gate_verdict gate = provider_gate_enter(member->gate, clock_monotonic_ns(), &pass);
    if (gate != GATE_PASSES) return cloud_tell_gate(member, gate, words);
    struct error problem = {0};
    struct ledger_call call;
    enum ledger_verdict book;
    enum attempt_end end;
    struct fetch_client *client = fetch_pool_take(asking->cloud->clients, &problem);
    if (client == NULL) {
        (void)snprintf(words, CLOUD_REASON_SIZE, "%s: %s", member->name, problem.text);
        end = ATTEMPT_SHUT_OUT;
    } else if (!reserve(asking, turn, &call, &book, &problem)) {
        (void)snprintf(words, CLOUD_REASON_SIZE, "the book of costs cannot be written: %s",
                       problem.text);
        end = ATTEMPT_NOT_BOOKED;
    } else if (book != LEDGER_RESERVED) {
        end = tell_refusal(asking, turn, book, words);
    } else {
        end = ask_and_settle(asking, turn, &pass, client, &call, failure);
        fetch_pool_give(asking->cloud->clients, client);
        return end;
    }
    if (client != NULL) fetch_pool_give(asking->cloud->clients, client);
    provider_gate_leave_unused(member->gate, &pass, clock_monotonic_ns());
    return end;
}
