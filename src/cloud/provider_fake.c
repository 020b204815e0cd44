// Answers without a network and at no cost, for trying out routes and budgets. The same picture
// gets the same caption; the model's name and the caption's first word say what it is worth.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "cloud/provider_private.h"

enum {
    MAX_SIDE = 512,
    IMAGE_TOKENS = 85,  // of a picture, as OpenAI's gpt-4o counts one with detail "low"
};

static int64_t count_words(const char *text) {
    int64_t count = 0;
    for (const char *c = text; *c != '\0'; c++) count += *c != ' ' && (c == text || c[-1] == ' ');
    return count;
}

static bool ask(const struct provider *provider, struct fetch_client *client,
                const struct cloud_question *question, struct cloud_answer *answer,
                struct cloud_failure *failure) {
    static const char *const kinds[] = {"quiet", "busy", "wide", "narrow", "bright", "dark"};
    static const char *const views[] = {"street", "garden", "harbour", "kitchen",
                                        "valley", "market", "station"};
    uint8_t digest[SHA256_SIZE];
    (void)provider;
    (void)client;
    (void)failure;
    sha256(question->jpeg, question->size, digest);
    (void)snprintf(answer->caption, sizeof answer->caption,
                   "mock: a %s %s, as a cloud would see it",
                   kinds[digest[0] % (sizeof kinds / sizeof *kinds)],
                   views[digest[1] % (sizeof views / sizeof *views)]);
    (void)snprintf(answer->model, sizeof answer->model, "mock");
    answer->confidence = NAN;
    answer->input_tokens = IMAGE_TOKENS + count_words(question->prompt);
    answer->output_tokens = count_words(answer->caption);
    answer->cost_nano_usd = -1;  // the price table's: budgets can be tried out, too
    return true;
}

const struct provider_operations provider_fake = {.max_side = MAX_SIDE, .ask = ask};
