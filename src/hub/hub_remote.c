// Every attempt at the bytes starts at the hub's own address and follows its redirects anew: the
// addresses of the stores behind it are signed and expire.
#include "hub/hub_remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hub/hub_reply.h"

enum {
    URL_SIZE = 8192,          // bytes; signed addresses are a kilobyte or two
    MAX_ATTEMPTS = 5,         // without any progress between them, as huggingface_hub
    FIRST_WAIT_MS = 250,      // doubled each time, and half of it left to chance
    MAX_WAIT_SECONDS = 30,    // that the hub may ask for; longer is the user's decision
    MAX_REDIRECTS = 5,        // the hub needs two
    STALL_TIMEOUT_MS = 30000  // without a byte
};

static void sleep_ms(long ms) {
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

// Jittered, so that machines that failed together do not come back together.
static void wait_before(int attempt) {
    long most = (long)FIRST_WAIT_MS << attempt;
    sleep_ms(most / 2 + (long)(clock_monotonic_ns() / 1000 % (most / 2)));
}

// True after waiting when the hub asked for a wait that we are ready to make.
static bool wait_as_asked(struct hub_remote *remote) {
    long seconds = reply_wait_seconds(fetch_client_header(remote->client, "Retry-After"),
                                      fetch_client_header(remote->client, "RateLimit"));
    if (seconds < 0 || seconds > MAX_WAIT_SECONDS) return false;
    log_warning("the hub asks to wait %ld seconds", seconds);
    sleep_ms(seconds * 1000);
    return true;
}

static bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Our own repository names, commits and file names need no escaping.
static bool make_url(const struct hub_remote *remote, const char *revision, const char *path,
                     char url[static URL_SIZE], struct error *err) {
    int length = snprintf(url, URL_SIZE, "%s/%s/resolve/%s/%s", remote->settings->endpoint,
                          remote->model->repository, revision, path);
    return (length > 0 && length < URL_SIZE) ||
           error_set(err, ERROR_INVALID, "the address of %s is too long", path);
}

// Moves `url` to where the last answer leads. The token is for the endpoint's origin only, which
// exchange() looks at for each address; a fall from https to http is refused.
static bool follow(struct hub_remote *remote, char url[static URL_SIZE], struct error *err) {
    const char *next = fetch_client_redirect(remote->client);
    if (next == NULL || strlen(next) >= URL_SIZE)
        return error_set(err, ERROR_UPSTREAM, "the hub %s redirects to nowhere",
                         remote->settings->endpoint);
    if (!url_is_https(next) && (url_is_https(url) || !url_is_http(next)))
        return error_set(err, ERROR_INVALID,
                         "the hub %s redirects to an insecure address, which is refused",
                         remote->settings->endpoint);
    memmove(url, next, strlen(next) + 1);
    return true;
}

static bool exchange(struct hub_remote *remote, const char *url, struct fetch_request *request,
                     long *status, struct error *err) {
    bool is_hub = url_has_same_origin(url, remote->settings->endpoint);
    request->url = url;
    request->bearer_token = is_hub ? remote->settings->token : NULL;
    request->connect_timeout_ms = remote->connect_timeout_ms;
    return fetch_client_send(remote->client, request, status, err);
}

// HEAD, following redirects within the host (renamed repositories) but not to another: the answer
// that counts is the hub's own.
static bool ask(struct hub_remote *remote, char url[static URL_SIZE], long *status,
                struct error *err) {
    for (int hops = 0; hops <= MAX_REDIRECTS; hops++) {
        struct fetch_request request = {.is_head = true,
                                        .stall_timeout_ms = remote->connect_timeout_ms,
                                        .timeout_ms = remote->connect_timeout_ms};
        if (!exchange(remote, url, &request, status, err)) return false;
        const char *location = fetch_client_header(remote->client, "Location");
        bool is_within = location != NULL && location[0] == '/' && location[1] != '/';
        if (!is_redirect(*status) || !is_within) return true;
        if (!follow(remote, url, err)) return false;
    }
    return error_set(err, ERROR_UPSTREAM, "the hub %s redirects in a circle",
                     remote->settings->endpoint);
}

static bool read_commit(struct hub_remote *remote, struct remote_file *file) {
    const char *commit = fetch_client_header(remote->client, "X-Repo-Commit");
    if (commit == NULL || !cache_commit_is_valid(commit)) return false;
    memcpy(file->commit, commit, HUB_COMMIT_SIZE);
    return true;
}

// W/"abc" and "abc" become abc.
static bool read_etag(struct hub_remote *remote, struct remote_file *file) {
    const char *etag = fetch_client_header(remote->client, "X-Linked-Etag");
    if (etag == NULL) etag = fetch_client_header(remote->client, "ETag");
    if (etag == NULL) return false;
    if (strncmp(etag, "W/", 2) == 0) etag += 2;
    if (*etag == '"') etag++;
    (void)snprintf(file->etag, sizeof file->etag, "%.*s", (int)strcspn(etag, "\""), etag);
    return cache_etag_is_valid(file->etag);
}

static bool read_size(struct hub_remote *remote, long status, struct remote_file *file) {
    const char *size = fetch_client_header(remote->client, "X-Linked-Size");
    if (size == NULL && !is_redirect(status))
        size = fetch_client_header(remote->client, "Content-Length");
    if (size == NULL || *size < '0' || *size > '9') return false;
    char *end;
    errno = 0;
    file->size_bytes = strtoll(size, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool read_answer(struct hub_remote *remote, long status, const char *path,
                        struct remote_file *file, struct error *err) {
    if (read_commit(remote, file) && read_etag(remote, file) && read_size(remote, status, file))
        return true;
    return error_set(err, ERROR_UPSTREAM,
                     "what answers at %s for %s is no model hub: the answer has no commit, tag or "
                     "size; check HF_ENDPOINT and proxy settings",
                     remote->settings->endpoint, path);
}

bool remote_look_up(struct hub_remote *remote, const char *revision, const char *path,
                    struct remote_file *file, bool *is_there, struct error *err) {
    char url[URL_SIZE];
    *file = (struct remote_file){0};
    for (int attempt = 0;; attempt++) {
        if (!make_url(remote, revision, path, url, err)) return false;
        bool is_last = attempt + 1 == MAX_ATTEMPTS;
        struct error failure = {0};
        long status;
        if (!ask(remote, url, &status, &failure)) {
            // Only what broke half-way may go better at once; silence has cost its time already.
            if (failure.kind != ERROR_UPSTREAM || is_last)
                return reply_set_silence(remote, &failure, err);
        } else if (status == 200 || is_redirect(status)) {
            *is_there = true;
            return read_answer(remote, status, path, file, err);
        } else if (status == 404) {
            const char *code = fetch_client_header(remote->client, "X-Error-Code");
            *is_there = false;
            if (code == NULL || strcmp(code, "EntryNotFound") != 0)
                return reply_set_error(remote, status, path, err);
            if (!read_commit(remote, file)) file->commit[0] = '\0';
            return true;
        } else if (status == 429) {
            if (is_last || !wait_as_asked(remote))
                return reply_set_error(remote, status, path, err);
            continue;
        } else if (status < 500 || is_last) {
            return reply_set_error(remote, status, path, err);
        }
        wait_before(attempt);
    }
}

// Where the bytes go. `done` is how many of them are there.
struct intake {
    struct hub_remote *remote;
    const struct remote_download *download;
    int64_t done;
    int64_t asked_from;  // the Range that this request asked for
    bool has_begun;      // a byte of this answer has come in
    bool is_final;       // the failure will not get better by trying again
};

static bool fail(struct intake *intake, struct error *err, enum error_kind kind,
                 const char *sentence) {
    intake->is_final = true;
    return error_set(err, kind, "%s: %s", intake->download->path, sentence);
}

static bool cut_to(struct intake *intake, int64_t size, struct error *err) {
    intake->done = size;
    return ftruncate(intake->download->descriptor, size) == 0 ||
           fail(intake, err, ERROR_STORAGE, strerror(errno));
}

// An answer of 200 to a Range request is the whole file from its beginning, and a 206 may begin
// elsewhere than was asked for.
static bool begin(struct intake *intake, long status, struct error *err) {
    intake->has_begun = true;
    if (status == 200) return intake->done == 0 || cut_to(intake, 0, err);
    const char *range = fetch_client_header(intake->remote->client, "Content-Range");
    long long first = -1;
    if (range != NULL && strncmp(range, "bytes ", 6) == 0) first = strtoll(range + 6, NULL, 10);
    if (first == intake->asked_from) return true;
    return cut_to(intake, 0, err) &&
           error_set(err, ERROR_UPSTREAM, "%s: the server sent another part than asked for",
                     intake->download->path);
}

static bool take(void *context, long status, const void *bytes, size_t size, struct error *err) {
    struct intake *intake = context;
    const struct remote_download *download = intake->download;
    if (!intake->has_begun && !begin(intake, status, err)) return false;
    if ((int64_t)size > download->file->size_bytes - intake->done)
        return fail(intake, err, ERROR_INVALID, "the server sent more bytes than it announced");
    while (size > 0) {
        ssize_t put = pwrite(download->descriptor, bytes, size, intake->done);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0)
            return fail(intake, err, ERROR_STORAGE,
                        errno == ENOSPC ? "the disk of the model cache is full" : strerror(errno));
        bytes = (const char *)bytes + put;
        size -= (size_t)put;
        intake->done += put;
    }
    return download->progress == NULL ||
           download->progress(download->context, download->path, intake->done,
                              download->file->size_bytes) ||
           fail(intake, err, ERROR_UNAVAILABLE, "the download was stopped");
}

// One GET through its redirects. True when an answer came; *is_hub: from the endpoint itself.
static bool get(struct intake *intake, const char *first_url, long *status, bool *is_hub,
                struct error *err) {
    struct hub_remote *remote = intake->remote;
    char url[URL_SIZE];
    memcpy(url, first_url, strlen(first_url) + 1);
    for (int hops = 0; hops <= MAX_REDIRECTS; hops++) {
        intake->has_begun = false;
        intake->asked_from = intake->done;
        struct fetch_request request = {.range_start = intake->done,
                                        .stall_timeout_ms = STALL_TIMEOUT_MS,
                                        .sink = take,
                                        .context = intake};
        if (!exchange(remote, url, &request, status, err)) return false;
        *is_hub = url_has_same_origin(url, remote->settings->endpoint);
        if (!is_redirect(*status)) return true;
        if (!follow(remote, url, err)) {
            intake->is_final = true;
            return false;
        }
    }
    intake->is_final = true;
    return error_set(err, ERROR_UPSTREAM, "the hub %s redirects in a circle",
                     remote->settings->endpoint);
}

static bool set_broken(const struct intake *intake, enum error_kind kind, const char *reason,
                       struct error *err) {
    return error_set(err, kind,
                     "%s of %s does not come through (%.160s); try again later: what is here "
                     "already is kept",
                     intake->download->path, intake->remote->model->repository, reason);
}

// After an answer without the rest of the file: false with the error when another try is no use.
static bool may_go_on(struct intake *intake, long status, bool is_hub, bool is_last,
                      struct error *err) {
    // The stores behind the hub refuse addresses that have expired: the hub gives new ones.
    bool may_pass = status == 200 || status == 206 || status >= 500 || status == 416 ||
                    (!is_hub && (status == 401 || status == 403));
    if (status == 429 && !is_last && wait_as_asked(intake->remote)) return true;
    if (status == 416 && !cut_to(intake, 0, err)) return false;
    if (may_pass && !is_last) return true;
    if (!is_hub || status == 200 || status == 206 || status == 416) {
        char reason[32];
        (void)snprintf(reason, sizeof reason, "status %ld", status);
        return set_broken(intake, ERROR_UPSTREAM, reason, err);
    }
    return reply_set_error(intake->remote, status, intake->download->path, err);
}

bool remote_download(struct hub_remote *remote, const struct remote_download *download,
                     struct error *err) {
    struct intake intake = {.remote = remote, .download = download};
    int64_t size = download->file->size_bytes;
    char url[URL_SIZE];
    struct stat status;
    if (!make_url(remote, download->file->commit, download->path, url, err)) return false;
    if (fstat(download->descriptor, &status) != 0)
        return error_set(err, ERROR_STORAGE, "%s: %s", download->path, strerror(errno));
    intake.done = status.st_size;
    if (intake.done > size && !cut_to(&intake, 0, err)) return false;
    int64_t most = intake.done;  // that was ever here: starting over is no progress
    for (int attempt = 0; intake.done < size; attempt++) {
        struct error failure = {0};
        bool is_hub = true;
        long answered = 0;
        bool has_answer = get(&intake, url, &answered, &is_hub, &failure);
        if (intake.is_final) return error_set(err, failure.kind, "%s", failure.text);
        if (intake.done == size) break;
        if (intake.done > most) {  // it moves: the patience starts anew
            most = intake.done;
            attempt = 0;
        }
        bool is_last = attempt + 1 == MAX_ATTEMPTS;
        if (has_answer) {
            if (!may_go_on(&intake, answered, is_hub, is_last, err)) return false;
        } else if (is_last) {
            return set_broken(&intake, failure.kind, failure.text, err);
        }
        wait_before(attempt);
    }
    return true;
}
