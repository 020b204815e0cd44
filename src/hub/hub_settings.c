// The environment variables of the hub's own tools, read as they read them, so that a machine that
// is set up for those is set up for this program.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "fetch/fetch_trusted.h"
#include "hub/hub.h"

enum { MAX_TOKEN_FILE = 4096 };  // bytes

// NULL for a variable that is not set or empty.
static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

static bool is_true(const char *name) {
    static const char *const yes[] = {"1", "ON", "YES", "TRUE"};
    const char *value = variable(name);
    for (size_t i = 0; value != NULL && i < sizeof yes / sizeof *yes; i++)
        if (strcasecmp(value, yes[i]) == 0) return true;
    return false;
}

// Writes a path with a leading "~/" replaced, and `tail` after it.
static bool set_path(char out[static HUB_PATH_SIZE], const char *path, const char *tail,
                     struct error *err) {
    const char *home = "";
    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
        home = variable("HOME");
        if (home == NULL)
            return error_set(err, ERROR_INVALID,
                             "the environment has neither HOME nor HF_HOME, so there is no place "
                             "for model files; set HF_HOME to a folder");
        path++;
    }
    int length = snprintf(out, HUB_PATH_SIZE, "%s%s%s", home, path, tail);
    return (length > 0 && length < HUB_PATH_SIZE) ||
           error_set(err, ERROR_INVALID, "the path of the model cache, %.80s…, is too long", path);
}

static bool read_home(char home[static HUB_PATH_SIZE], struct error *err) {
    const char *given = variable("HF_HOME"), *xdg = variable("XDG_CACHE_HOME");
    if (given != NULL) return set_path(home, given, "", err);
    return xdg != NULL ? set_path(home, xdg, "/huggingface", err)
                       : set_path(home, "~/.cache", "/huggingface", err);
}

static bool read_cache(char cache[static HUB_PATH_SIZE], const char *home, struct error *err) {
    const char *given = variable("HF_HUB_CACHE");
    if (given == NULL) given = variable("HUGGINGFACE_HUB_CACHE");
    return given != NULL ? set_path(cache, given, "", err) : set_path(cache, home, "/hub", err);
}

// Strips blanks and line ends; what is left goes into a header, so it must be plain characters.
static bool set_token(struct hub_settings *settings, const char *token, const char *origin,
                      struct error *err) {
    static const char blanks[] = " \t\r\n";
    token += strspn(token, blanks);
    size_t length = strlen(token);
    while (length > 0 && strchr(blanks, token[length - 1]) != NULL) length--;
    if (length >= sizeof settings->token)
        return error_set(err, ERROR_INVALID, "the token in %s is longer than any token", origin);
    for (size_t i = 0; i < length; i++)
        if (token[i] <= ' ' || token[i] > '~')
            return error_set(err, ERROR_INVALID,
                             "the token in %s contains characters that no token has", origin);
    memcpy(settings->token, token, length);
    settings->token[length] = '\0';
    return true;
}

static bool read_token(struct hub_settings *settings, const char *home, struct error *err) {
    static const char *const names[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (variable(names[i]) != NULL)
            return set_token(settings, variable(names[i]), names[i], err);
    if (is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return true;
    char path[HUB_PATH_SIZE];
    const char *given = variable("HF_TOKEN_PATH");
    if (!(given != NULL ? set_path(path, given, "", err) : set_path(path, home, "/token", err)))
        return false;
    size_t size;
    char *token = file_read_create(path, MAX_TOKEN_FILE, &size, NULL);
    if (token == NULL) return true;  // no file, no token
    bool is_set = set_token(settings, token, path, err);
    memory_free(token);
    return is_set;
}

static bool read_endpoint(char *endpoint, size_t size, struct error *err) {
    const char *given = variable("HF_ENDPOINT");
    if (given == NULL) given = "https://huggingface.co";
    size_t length = strlen(given);
    while (length > 0 && given[length - 1] == '/') length--;
    // An address has its own origin only when it can be read.
    if (length >= size || !url_has_same_origin(given, given) ||
        (!url_is_https(given) && !url_is_http(given)))
        return error_set(err, ERROR_INVALID,
                         "HF_ENDPOINT is %.100s, which is not an address like "
                         "https://huggingface.co",
                         given);
    memcpy(endpoint, given, length);
    endpoint[length] = '\0';
    return true;
}

bool hub_settings_read(struct hub_settings *settings, struct error *err) {
    char home[HUB_PATH_SIZE] = "";
    *settings = (struct hub_settings){0};
    settings->is_offline = is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE");
    return read_home(home, err) && read_cache(settings->cache, home, err) &&
           read_endpoint(settings->endpoint, sizeof settings->endpoint, err) &&
           read_token(settings, home, err);
}
