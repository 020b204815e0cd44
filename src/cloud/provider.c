#include "cloud/provider.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cloud/provider_private.h"

static const struct provider_operations *const operations_of[] = {
    [PROVIDER_OPENROUTER] = &provider_openai,
    [PROVIDER_OPENAI] = &provider_openai,
    [PROVIDER_OPENAI_COMPATIBLE] = &provider_openai,
    [PROVIDER_GOOGLE_VISION] = &provider_google_vision,
    [PROVIDER_AWS_REKOGNITION] = &provider_aws_rekognition,
    [PROVIDER_IMGROUTER] = &provider_imgrouter,
    [PROVIDER_FAKE] = &provider_fake,
};

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
    if (url == NULL) url = provider_kind_base_url(provider->options.kind);
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

bool provider_server(const struct provider *provider, char host[static URL_HOST_SIZE], int *port) {
    return provider->base_url[0] != '\0' && url_server(provider->base_url, host, port);
}

uint32_t provider_kind_max_side(enum provider_kind kind) { return operations_of[kind]->max_side; }

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
