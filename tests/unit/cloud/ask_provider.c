// Asks one provider from the command line, for the tests of tests/e2e that hold providers against
// their stand-ins:
//
//     ask_provider KIND URL MODEL PICTURE.jpg        ("-" as URL or MODEL: none)
//
// Settings come from the environment: ASK_KEY, ASK_KEY_ID, ASK_SESSION_TOKEN, ASK_REGION,
// ASK_PROMPT, ASK_TRACEPARENT, ASK_TIMEOUT_MS (5000), ASK_WIDTH and ASK_HEIGHT (64), and ASK_TIMES
// (1): as often it is asked, over the same HTTP client. Prints a JSON object for each time: the
// answer, or the failure with its "outcome". What is wrong with the settings is printed as
// {"error", "text"}.
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cloud/ledger.h"
#include "cloud/provider.h"

enum { PICTURE_MAX = 16 * 1024 * 1024 };

static long environment_number(const char *name, long otherwise) {
    const char *value = getenv(name);
    return value == NULL ? otherwise : strtol(value, NULL, 10);
}

static const char *argument(const char *value) { return strcmp(value, "-") == 0 ? NULL : value; }

static void print_json(json_t *json) {
    if (json == NULL || json_dumpf(json, stdout, JSON_COMPACT) != 0) abort();
    (void)puts("");
    (void)fflush(stdout);
    json_decref(json);
}

static int print_error(const struct error *err) {
    print_json(json_pack("{s:s, s:s}", "error", error_kind_name(err->kind), "text", err->text));
    return 1;
}

static void print_answer(const struct cloud_answer *answer) {
    print_json(json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:I}", "outcome", cloud_outcome_name(CLOUD_ANSWERED),
        "caption", answer->caption, "tags", answer->tags, "model", answer->model, "confidence",
        isnan(answer->confidence) ? json_null() : json_real(answer->confidence), "input_tokens",
        (json_int_t)answer->input_tokens, "output_tokens", (json_int_t)answer->output_tokens,
        "cost_nano_usd", (json_int_t)answer->cost_nano_usd));
}

static void print_failure(const struct cloud_failure *failure) {
    print_json(json_pack(
        "{s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "outcome", cloud_outcome_name(failure->outcome),
        "words", failure->words, "may_cost", (int)failure->may_cost, "retry_after_ms",
        (json_int_t)failure->retry_after_ms, "input_tokens", (json_int_t)failure->input_tokens,
        "output_tokens", (json_int_t)failure->output_tokens, "cost_nano_usd",
        (json_int_t)failure->cost_nano_usd));
}

static int ask(const struct provider *provider, struct fetch_client *client, const char *path) {
    struct error err = {0};
    size_t size;
    char *jpeg = file_read_create(path, PICTURE_MAX, &size, &err);
    if (jpeg == NULL) return print_error(&err);
    const char *prompt = getenv("ASK_PROMPT");
    struct cloud_question question = {
        .jpeg = (const uint8_t *)jpeg,
        .size = size,
        .width = (uint32_t)environment_number("ASK_WIDTH", 64),
        .height = (uint32_t)environment_number("ASK_HEIGHT", 64),
        .prompt = prompt == NULL ? "What is this?" : prompt,
        .traceparent = getenv("ASK_TRACEPARENT"),
        .timeout_ms = environment_number("ASK_TIMEOUT_MS", 5000),
    };
    for (long i = environment_number("ASK_TIMES", 1); i > 0; i--) {
        struct cloud_answer answer;
        struct cloud_failure failure = {0};
        const char *objection = provider_objection(provider, question.width, question.height);
        if (objection != NULL)
            print_json(json_pack("{s:s}", "objection", objection));
        else if (provider_ask(provider, client, &question, &answer, &failure))
            print_answer(&answer);
        else
            print_failure(&failure);
    }
    memory_free(jpeg);
    return 0;
}

int main(int argument_count, char **arguments) {
    struct error err = {0};
    struct provider_options options = {
        .api_key = getenv("ASK_KEY"),
        .access_key_id = getenv("ASK_KEY_ID"),
        .session_token = getenv("ASK_SESSION_TOKEN"),
        .region = getenv("ASK_REGION"),
    };
    if (argument_count != 5 || !provider_kind_parse(arguments[1], &options.kind)) {
        (void)fputs("usage: ask_provider KIND URL MODEL PICTURE.jpg\n", stderr);
        return 2;
    }
    options.base_url = argument(arguments[2]);
    options.model = argument(arguments[3]);
    struct provider *provider = provider_create(&options, &err);
    struct fetch_client *client = fetch_client_create(&err);
    int code = provider == NULL || client == NULL ? print_error(&err)
                                                  : ask(provider, client, arguments[4]);
    provider_destroy(provider);
    fetch_client_destroy(client);
    return code;
}
