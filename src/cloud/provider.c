#include "cloud/provider.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/memory.h"
#include "cloud/ledger.h"
#include "cloud/provider_private.h"

static const struct {
    const char *name;
    const char *base_url;
} kinds[] = {
#define PROVIDER(id, name, base_url) [PROVIDER_##id] = {name, base_url},
#include "cloud/provider_list.h"
#undef PROVIDER
};

static const struct provider_operations *const operations_of[] = {
    [PROVIDER_OPENROUTER] = &provider_openai,
    [PROVIDER_OPENAI] = &provider_openai,
    [PROVIDER_OPENAI_COMPATIBLE] = &provider_openai,
    [PROVIDER_GOOGLE_VISION] = &provider_google_vision,
    [PROVIDER_AWS_REKOGNITION] = &provider_aws_rekognition,
    [PROVIDER_IMGROUTER] = &provider_imgrouter,
    [PROVIDER_FAKE] = &provider_fake,
};

const char *provider_kind_name(enum provider_kind kind) { return kinds[kind].name; }

bool provider_kind_parse(const char *name, enum provider_kind *kind) {
    // The original service's name for it.
    if (strcasecmp(name, "mock") == 0) name = provider_kind_name(PROVIDER_FAKE);
    for (size_t i = 0; i < PROVIDER_KIND_COUNT; i++) {
        if (strcasecmp(name, kinds[i].name) != 0) continue;
        *kind = (enum provider_kind)i;
        return true;
    }
    return false;
}

// What goes into a header must not end it.
static bool check_secret(const char *secret, const char *kind, struct error *err) {
    if (secret == NULL) return true;
    size_t length = 0;
    while (secret[length] > ' ' && secret[length] != 0x7f && length < CLOUD_SECRET_SIZE) length++;
    return secret[length] == '\0' ||
           error_set(err, ERROR_USAGE,
                     "the key of %s has a blank or a control character in it, or is longer than "
                     "%d bytes",
                     kind, CLOUD_SECRET_SIZE - 1);
}

static bool set_base_url(struct provider *provider, struct error *err) {
    const char *name = provider_kind_name(provider->options.kind);
    const char *url = provider->options.base_url;
    if (url == NULL) url = kinds[provider->options.kind].base_url;
    if (url == NULL) return true;  // the kind's own check decides
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/') length--;
    if (length >= sizeof provider->base_url)
        return error_set(err, ERROR_USAGE, "the address of %s is longer than %d bytes", name,
                         CLOUD_URL_SIZE - 1);
    (void)snprintf(provider->base_url, sizeof provider->base_url, "%.*s", (int)length, url);
    if (length == 0) return true;
    if (!url_check_server(provider->base_url, "the address of a cloud provider", err)) return false;
    if (url_is_http(url) && !url_is_on_loopback(url) && provider->options.api_key != NULL)
        log_warning(
            "the address of %s is not https: key and pictures go over the network as they "
            "are",
            name);
    return true;
}

struct provider *provider_create(const struct provider_options *options, struct error *err) {
    struct provider *provider = memory_alloc(sizeof *provider);
    const char *name = provider_kind_name(options->kind);
    provider->options = *options;
    provider->operations = operations_of[options->kind];
    if (check_secret(options->api_key, name, err) &&
        check_secret(options->access_key_id, name, err) &&
        check_secret(options->session_token, name, err) && set_base_url(provider, err) &&
        (provider->operations->check == NULL || provider->operations->check(provider, err)))
        return provider;
    provider_destroy(provider);
    return NULL;
}

void provider_destroy(struct provider *provider) { memory_free(provider); }

enum provider_kind provider_kind_of(const struct provider *provider) {
    return provider->options.kind;
}

const char *provider_model(const struct provider *provider) {
    return provider->options.model != NULL ? provider->options.model
                                           : provider_kind_name(provider->options.kind);
}

uint32_t provider_max_side(const struct provider *provider) {
    return provider->operations->max_side;
}

const char *provider_objection(const struct provider *provider, uint32_t width, uint32_t height) {
    return provider->operations->objection == NULL ? NULL
                                                   : provider->operations->objection(width, height);
}

bool provider_ask(const struct provider *provider, struct fetch_client *client,
                  const struct cloud_question *question, struct cloud_answer *answer,
                  struct cloud_failure *failure) {
    *answer = (struct cloud_answer){0};
    return provider->operations->ask(provider, client, question, answer, failure);
}

const char *cloud_outcome_name(enum cloud_outcome outcome) {
    static const char *const names[] = {
        [CLOUD_ANSWERED] = "answered",
        [CLOUD_LIMITED] = "limited",
        [CLOUD_BROKE] = "broke",
        [CLOUD_DENIED] = "denied",
        [CLOUD_REFUSED] = "refused",
        [CLOUD_FAILED] = "failed",
        [CLOUD_UNREACHABLE] = "unreachable",
        [CLOUD_TIMED_OUT] = "timed_out",
        [CLOUD_CUT_OFF] = "cut_off",
    };
    return names[outcome];
}
