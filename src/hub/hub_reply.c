#include "hub/hub_reply.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SECONDS = 1000000 };  // no sane server asks for more; keeps arithmetic small

static long read_seconds(const char *text) {
    if (*text < '0' || *text > '9') return -1;  // a date, which the hub does not send
    long seconds = strtol(text, NULL, 10);
    return seconds > MAX_SECONDS ? MAX_SECONDS : seconds;
}

long reply_wait_seconds(const char *retry_after, const char *rate_limit) {
    if (retry_after != NULL && read_seconds(retry_after) >= 0) return read_seconds(retry_after);
    // RateLimit: "resolvers";r=0;t=113
    const char *reset = rate_limit == NULL ? NULL : strstr(rate_limit, ";t=");
    return reset == NULL ? -1 : read_seconds(reset + 3);
}

static bool set_refused(struct hub_remote *remote, const char *code, struct error *err) {
    const struct hub_settings *settings = remote->settings;
    const char *name = remote->model->repository;
    if (strcmp(code, "GatedRepo") == 0)
        return error_set(err, ERROR_UNAUTHORIZED,
                         "the model %s is open only to those who accepted its terms: accept them "
                         "at %s/%s and set HF_TOKEN to a token of that account",
                         name, settings->endpoint, name);
    if (settings->token[0] == '\0')
        return error_set(err, ERROR_UNAUTHORIZED,
                         "the hub %s does not give out %s without a token: the name is wrong, or "
                         "the repository is private; check the name, or set HF_TOKEN",
                         settings->endpoint, name);
    return error_set(err, ERROR_UNAUTHORIZED,
                     "the hub %s does not give out %s to this token: check the name, and that "
                     "HF_TOKEN is valid and may read the repository",
                     settings->endpoint, name);
}

bool reply_set_error(struct hub_remote *remote, long status, const char *path, struct error *err) {
    const char *endpoint = remote->settings->endpoint, *name = remote->model->repository;
    const char *code = fetch_client_header(remote->client, "X-Error-Code");
    if (code == NULL) code = "";
    if (status == 401 || status == 403 || strcmp(code, "GatedRepo") == 0)
        return set_refused(remote, code, err);
    if (status == 404 && strcmp(code, "EntryNotFound") == 0)
        return error_set(err, ERROR_NOT_FOUND, "the repository %s has no file %s", name, path);
    if (status == 404 && strcmp(code, "RevisionNotFound") == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "the hub %s does not have the version of %s that this program asks for",
                         endpoint, name);
    if (status == 404)
        return error_set(err, ERROR_NOT_FOUND,
                         "the hub %s has no repository %s; check the name, or set HF_TOKEN if it "
                         "is private",
                         endpoint, name);
    if (status == 429) {
        long seconds = reply_wait_seconds(fetch_client_header(remote->client, "Retry-After"),
                                          fetch_client_header(remote->client, "RateLimit"));
        return error_set(
            err, ERROR_RATE_LIMITED,
            "the hub %s has had too many requests from here; try again in %ld "
            "seconds%s",
            endpoint, seconds < 0 ? 300 : seconds,  // its windows are five minutes
            remote->settings->token[0] == '\0' ? ", or set HF_TOKEN, which raises the limit" : "");
    }
    return error_set(err, ERROR_UPSTREAM,
                     "the hub %s answered with status %ld for %s of %s; try again later", endpoint,
                     status, path, name);
}

bool reply_set_silence(const struct hub_remote *remote, const struct error *failure,
                       struct error *err) {
    if (failure->kind != ERROR_TIMEOUT && failure->kind != ERROR_UNAVAILABLE &&
        failure->kind != ERROR_UPSTREAM)
        return error_set(err, failure->kind, "%s", failure->text);
    return error_set(err, failure->kind,
                     "the hub %s does not answer (%.160s); check the network and proxy settings, "
                     "set HF_ENDPOINT to a mirror, or copy the model's files into a folder and "
                     "give it with --models DIR",
                     remote->settings->endpoint, failure->text);
}
