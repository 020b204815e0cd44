#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cloud/cloud_private.h"

enum {
    BACKOFF_BASE_MS = 250,  // the longest pause before the first retry, doubled for the next one
    BACKOFF_MAX_MS = 4000,
    ROOM_PAUSE_MS = 250,  // between two looks whether the limit lets one through
    PLACE_PAUSE_MS = 20,  // likewise, whether another request has ended
};

struct picture {
    uint32_t max_side;
    uint32_t width, height;
    uint8_t *jpeg;  // NULL: it could not be made, problem says why
    size_t size;
    struct error problem;
};

// What was in the way at each provider whose turn it was.
struct obstacles {
    char words[CLOUD_PROVIDERS_MAX][CLOUD_REASON_SIZE];
    size_t count;
};

struct journey {
    struct cloud_asking asking;
    struct picture pictures[CLOUD_PROVIDERS_MAX];
    size_t picture_count;
    struct obstacles obstacles;
    int64_t patience_ms;  // what is left of it
};

static const char *model_of(const struct cloud_asking *asking, const struct cloud_member *member) {
    return asking->question.model != NULL ? asking->question.model
                                          : provider_model(member->provider);
}

// An answer that was paid for before. A ledger that does not answer here is not asked further.
static bool find_paid_answer(struct cloud_asking *asking) {
    struct ledger *ledger = asking->cloud->ledger;
    int64_t started_ns = clock_monotonic_ns();
    bool is_found = false;
    for (size_t i = 0; i < asking->order->provider_count && !is_found; i++) {
        size_t provider = asking->order->providers[i];
        const struct cloud_member *member = &asking->cloud->members[provider];
        struct ledger_answer_key key = {.sha256 = asking->order->sha256,
                                        .provider = member->name,
                                        .model = model_of(asking, member),
                                        .prompt = asking->question.prompt};
        if (!ledger->operations->find_answer(ledger, &key, &asking->result->answer, &is_found,
                                             NULL)) {
            is_found = false;
            break;
        }
        if (is_found) asking->result->provider = provider;
    }
    asking->result->is_cached = is_found;
    asking->result->book_ms += clock_ms_since(started_ns);
    return is_found;
}

static const struct picture *get_picture(struct journey *journey, uint32_t max_side) {
    for (size_t i = 0; i < journey->picture_count; i++)
        if (journey->pictures[i].max_side == max_side) return &journey->pictures[i];
    const struct cloud_order *order = journey->asking.order;
    struct picture *picture = &journey->pictures[journey->picture_count++];
    *picture = (struct picture){.max_side = max_side};
    if (!order->make_picture(order->context, max_side, &picture->jpeg, &picture->size,
                             &picture->width, &picture->height, &picture->problem))
        picture->jpeg = NULL;
    return picture;
}

static bool is_worth_a_retry(enum cloud_outcome outcome) {
    return outcome == CLOUD_LIMITED || outcome == CLOUD_FAILED || outcome == CLOUD_UNREACHABLE ||
           outcome == CLOUD_CUT_OFF;
}

// Full jitter, so that those who failed together do not come back together.
static int64_t random_pause_ms(unsigned retry) {
    int64_t most_ms = (int64_t)BACKOFF_BASE_MS << retry;
    if (most_ms > BACKOFF_MAX_MS) most_ms = BACKOFF_MAX_MS;
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0)
        number = (uint32_t)(clock_monotonic_ns() * 2654435761U >> 16);
    return (int64_t)(number % ((uint64_t)most_ms + 1));
}

// Waits before the next attempt; false: there is none, for the question cannot wait so long, too
// many are tried again already, or the provider is left alone by now.
static bool wait_for_retry(const struct cloud_asking *asking, const struct cloud_turn *turn,
                           const struct cloud_failure *failure, unsigned retry) {
    int64_t pause_ms = random_pause_ms(failure->retry_after_ms >= 0 ? 0 : retry);
    int64_t left_ms = cloud_time_left_ms(asking) - pause_ms;
    if (left_ms <= 0 || failure->retry_after_ms >= left_ms) return false;
    if (failure->retry_after_ms > 0) pause_ms += failure->retry_after_ms;
    if (provider_gate_look(turn->member->gate, clock_monotonic_ns()) == GATE_BREAKER_OPEN ||
        !provider_gate_may_retry(turn->member->gate))
        return false;
    cloud_pause_ms(pause_ms);
    return true;
}

// Asks one provider, again if that may help.
static enum attempt_end ask_provider(struct cloud_asking *asking, const struct cloud_turn *turn,
                                     char words[static CLOUD_REASON_SIZE]) {
    enum attempt_end end = ATTEMPT_SHUT_OUT;
    char unasked[CLOUD_REASON_SIZE];  // after a failure that one is what is told
    for (unsigned i = 0; i < CLOUD_ATTEMPTS; i++) {
        struct cloud_failure failure;
        end = cloud_attempt(asking, turn, &failure, i == 0 ? words : unasked);
        if (end != ATTEMPT_FAILED) break;
        (void)snprintf(words, CLOUD_REASON_SIZE, "%s: %s", turn->member->name, failure.words);
        if (i + 1 == CLOUD_ATTEMPTS || !is_worth_a_retry(failure.outcome) ||
            !wait_for_retry(asking, turn, &failure, i))
            break;
    }
    return end;
}

// Everything that can be known before a call: time, gate, price, picture. false: it is not this
// provider's turn; *end and words say why.
static bool prepare_turn(struct journey *journey, struct cloud_member *member,
                         struct cloud_turn *turn, enum attempt_end *end,
                         char words[static CLOUD_REASON_SIZE]) {
    struct cloud_asking *asking = &journey->asking;
    enum gate_verdict gate = provider_gate_look(member->gate, clock_monotonic_ns());
    if (gate != GATE_PASSES) {
        *end = cloud_tell_gate(member, gate, words);
        return false;
    }
    *end = ATTEMPT_SHUT_OUT;
    if (cloud_time_left_ms(asking) == 0) {
        (void)snprintf(words, CLOUD_REASON_SIZE, "%s: no time was left", member->name);
        return false;
    }
    *turn = (struct cloud_turn){.member = member, .model = model_of(asking, member)};
    turn->price =
        asking->question.model == NULL
            ? member->price
            : price_find(asking->cloud->prices, provider_kind_of(member->provider), turn->model);
    if (turn->price == NULL) {
        (void)snprintf(words, CLOUD_REASON_SIZE, "%s: no price is known for the model %s",
                       member->name, turn->model);
        return false;
    }
    const struct picture *picture = get_picture(journey, provider_max_side(member->provider));
    if (picture->jpeg == NULL) {
        (void)snprintf(words, CLOUD_REASON_SIZE, "%s: the picture cannot be made ready: %s",
                       member->name, picture->problem.text);
        return false;
    }
    const char *objection = provider_objection(member->provider, picture->width, picture->height);
    if (objection != NULL) {
        (void)snprintf(words, CLOUD_REASON_SIZE, "%s: %s", member->name, objection);
        return false;
    }
    asking->question.jpeg = picture->jpeg;
    asking->question.size = picture->size;
    asking->question.width = picture->width;
    asking->question.height = picture->height;
    turn->ceiling_nano_usd =
        price_ceiling(turn->price, picture->width, picture->height, strlen(asking->question.prompt),
                      CLOUD_OUTPUT_TOKENS_MAX);
    return true;
}

// The words about each provider as one sentence, the shortest first: so the least is lost where
// they do not all fit.
static void tell_obstacles(struct obstacles *obstacles, char words[static CLOUD_REASON_SIZE]) {
    size_t used = 0;
    for (size_t told = 0; told < obstacles->count; told++) {
        size_t next = told;
        for (size_t i = told + 1; i < obstacles->count; i++)
            if (strlen(obstacles->words[i]) < strlen(obstacles->words[next])) next = i;
        int wrote = snprintf(words + used, CLOUD_REASON_SIZE - used, "%s%s", told > 0 ? "; " : "",
                             obstacles->words[next]);
        // Those in front have been told.
        memmove(obstacles->words[next], obstacles->words[told], CLOUD_REASON_SIZE);
        used += (size_t)wrote;
        if (used >= CLOUD_REASON_SIZE) break;
    }
}

static enum cloud_obstacle obstacle_of(enum attempt_end end, enum cloud_obstacle before) {
    switch (end) {
        case ATTEMPT_OVER_PURSE:
            return CLOUD_IS_OVER_BUDGET;
        case ATTEMPT_OVER_MINUTE:
        case ATTEMPT_TOO_MANY:
            return CLOUD_IS_LIMITED;
        case ATTEMPT_FULL:
            return CLOUD_IS_BUSY;
        case ATTEMPT_OVER_DAY:
            return CLOUD_IS_OVER_DAY;
        case ATTEMPT_NOT_BOOKED:
            return CLOUD_IS_AWAY;
        default:
            return before;
    }
}

// Asks them one after another.
static bool ask_providers(struct journey *journey) {
    struct cloud_asking *asking = &journey->asking;
    struct cloud_result *result = asking->result;
    enum cloud_obstacle obstacle = CLOUD_IS_AWAY;
    for (size_t i = 0; i < asking->order->provider_count; i++) {
        struct cloud_turn turn;
        enum attempt_end end;
        char *words = journey->obstacles.words[journey->obstacles.count];
        result->provider = asking->order->providers[i];
        if (prepare_turn(journey, &asking->cloud->members[result->provider], &turn, &end, words))
            end = ask_provider(asking, &turn, words);
        if (end == ATTEMPT_ANSWERED) return true;
        journey->obstacles.count++;
        obstacle = obstacle_of(end, obstacle);
        // The same would be said of every other provider.
        if (end == ATTEMPT_OVER_MINUTE || end == ATTEMPT_OVER_DAY || end == ATTEMPT_NOT_BOOKED)
            break;
    }
    result->obstacle = result->attempts > 0 ? CLOUD_HAS_FAILED : obstacle;
    return false;
}

// Waits while there are as many requests at once as may be, within half of the question's time, or
// while the limit of a minute is reached, as patience allows; false: no longer.
static bool wait_for_room(struct journey *journey) {
    struct cloud_asking *asking = &journey->asking;
    enum cloud_obstacle obstacle = asking->result->obstacle;
    bool is_busy =
        obstacle == CLOUD_IS_BUSY && cloud_time_left_ms(asking) > asking->question.timeout_ms / 2;
    bool is_limited = obstacle == CLOUD_IS_LIMITED && journey->patience_ms > 0;
    if (!is_busy && !is_limited) return false;
    int64_t pause_ms = is_busy ? PLACE_PAUSE_MS : ROOM_PAUSE_MS;
    cloud_pause_ms(pause_ms);
    if (is_limited) {
        journey->patience_ms -= pause_ms;
        asking->deadline_ns += pause_ms * 1000000;
    }
    journey->obstacles.count = 0;
    return true;
}

bool cloud_ask(struct cloud *cloud, const struct cloud_order *order, struct cloud_result *result) {
    assert(order->provider_count <= CLOUD_PROVIDERS_MAX);
    int64_t started_ns = clock_monotonic_ns();
    struct journey *journey = memory_alloc(sizeof *journey);
    *result = (struct cloud_result){0};
    journey->asking = (struct cloud_asking){
        .cloud = cloud, .order = order, .question = order->question, .result = result};
    struct cloud_question *question = &journey->asking.question;
    if (question->timeout_ms <= 0) question->timeout_ms = cloud->timeout_ms;
    if (question->prompt == NULL) question->prompt = cloud->prompt;
    journey->asking.deadline_ns = started_ns + (int64_t)question->timeout_ms * 1000000;
    journey->patience_ms = order->patience_ms;
    bool is_answered = find_paid_answer(&journey->asking);
    do is_answered = is_answered || ask_providers(journey);
    while (!is_answered && wait_for_room(journey));
    if (is_answered) result->obstacle = CLOUD_NO_OBSTACLE;
    tell_obstacles(&journey->obstacles, result->words);
    for (size_t i = 0; i < journey->picture_count; i++) memory_free(journey->pictures[i].jpeg);
    memory_free(journey);
    result->duration_ms = clock_ms_since(started_ns);
    return is_answered;
}
