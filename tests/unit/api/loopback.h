// The API behind a real server on a loopback port, and a client that sends one request a
// connection and gives the whole answer back.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

int loopback_setup(void **state);     // for cmocka groups
int loopback_teardown(void **state);  // the same
int loopback_reset(void **state);     // before each test

struct experiment;
void loopback_run_experiment(const struct experiment *experiment);  // NULL: none
struct metrics *loopback_metrics(void);
void loopback_stop_work(bool is_stopping);  // as a server that is going to stop

struct answer {
    int status;
    char *head;  // all header lines
    char *body;
    size_t size;
    json_t *json;  // NULL when the body is none
};

struct answer loopback_send(const char *method, const char *target, const char *headers,
                            const void *body, size_t size);
struct answer loopback_get(const char *target);
void answer_clear(struct answer *answer);

// Value of a header line, or NULL; valid until the next call.
const char *answer_header(const struct answer *answer, const char *name);
// Text member of the JSON, "" when it is not there.
const char *answer_text(const struct answer *answer, const char *name);
// Every refusal has this shape: the status, problem+json with the same status, a detail.
void assert_problem(const struct answer *answer, int status);
