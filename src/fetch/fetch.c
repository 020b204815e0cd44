// fetch_public, the client for addresses from strangers. libcurl is told to do as little as it can
// on its own: no redirects, proxies, cookies, credentials, decompression or kept connections. Each
// hop is a transfer of its own with a fresh check of its address, and what the other side sends is
// counted as it comes in, so neither an endless body nor a false length costs more than the limits.
#include "fetch/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/byte_buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "fetch/public_url.h"

enum {
    MAX_HEADER_BYTES = 64 * 1024,  // of one answer; libcurl limits a line, not their number
    LOW_SPEED_BYTES = 16,          // a second, over LOW_SPEED_SECONDS: slower is given up
    LOW_SPEED_SECONDS = 10,
    MAX_SHOWN_SIZE = 128,  // bytes of the address that an error repeats
};

bool fetch_global_init(struct error *err) {
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ||
           error_set(err, ERROR_INTERNAL, "libcurl could not be started");
}

void fetch_global_cleanup(void) { curl_global_cleanup(); }

void fetch_answer_clear(struct fetch_answer *answer) {
    memory_free(answer->body);
    *answer = (struct fetch_answer){0};
}

// One hop, and what its callbacks found out.
struct hop {
    CURL *handle;
    const struct fetch_limits *limits;
    struct byte_buffer *body;
    size_t header_bytes;
    bool was_refused;   // an address was not public
    bool is_too_large;  // the body went over the limit
    bool has_no_room;   // out of memory
    bool has_no_use;    // a body of an answer that is not 200: not read
};

static curl_socket_t open_checked_socket(void *context, curlsocktype purpose,
                                         struct curl_sockaddr *address) {
    struct hop *hop = context;
    if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
    if (!hop->limits->allows_private && !address_is_public(&address->addr)) {
        hop->was_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// The peer that was really reached, just before the request leaves: a second look at the same rule.
static int check_peer(void *context, char *peer_ip, char *local_ip, int peer_port, int local_port) {
    struct hop *hop = context;
    (void)local_ip;
    (void)peer_port;
    (void)local_port;
    if (hop->limits->allows_private) return CURL_PREREQFUNC_OK;
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    bool is_public = false;
    if (inet_pton(AF_INET, peer_ip, &ipv4.sin_addr) == 1)
        is_public = address_is_public((const struct sockaddr *)&ipv4);
    else if (inet_pton(AF_INET6, peer_ip, &ipv6.sin6_addr) == 1)
        is_public = address_is_public((const struct sockaddr *)&ipv6);
    if (is_public) return CURL_PREREQFUNC_OK;
    hop->was_refused = true;
    return CURL_PREREQFUNC_ABORT;
}

static size_t count_header(char *bytes, size_t size, size_t count, void *context) {
    (void)bytes;
    struct hop *hop = context;
    hop->header_bytes += size * count;
    return hop->header_bytes > MAX_HEADER_BYTES ? 0 : size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    struct hop *hop = context;
    size_t chunk = size * count;
    long status = 0;
    (void)curl_easy_getinfo(hop->handle, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        hop->has_no_use = true;
        return 0;
    }
    if (chunk > hop->limits->max_bytes - hop->body->size) {
        hop->is_too_large = true;
        return 0;
    }
    if (!byte_buffer_append(hop->body, bytes, chunk)) {
        hop->has_no_room = true;
        return 0;
    }
    return chunk;
}

static bool set_options(struct hop *hop, CURLU *url, long timeout_ms) {
    CURL *handle = hop->handle;
    const struct fetch_limits *limits = hop->limits;
    long connect_ms =
        limits->connect_timeout_ms < timeout_ms ? limits->connect_timeout_ms : timeout_ms;
#define SET(option, value) (curl_easy_setopt(handle, option, value) == CURLE_OK)
    return SET(CURLOPT_CURLU, url) && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, open_checked_socket) &&
           SET(CURLOPT_OPENSOCKETDATA, hop) && SET(CURLOPT_PREREQFUNCTION, check_peer) &&
           SET(CURLOPT_PREREQDATA, hop) && SET(CURLOPT_FRESH_CONNECT, 1L) &&
           SET(CURLOPT_FORBID_REUSE, 1L) && SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOPROXY, "*") &&
           SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
           SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) && SET(CURLOPT_UNRESTRICTED_AUTH, 0L) &&
           SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_HTTP09_ALLOWED, 0L) && SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_TIMEOUT_MS, timeout_ms) && SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms) &&
           SET(CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED_BYTES) &&
           SET(CURLOPT_LOW_SPEED_TIME, (long)LOW_SPEED_SECONDS) &&
           SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)limits->max_bytes) &&
           SET(CURLOPT_HEADERFUNCTION, count_header) && SET(CURLOPT_HEADERDATA, hop) &&
           SET(CURLOPT_WRITEFUNCTION, take_body) && SET(CURLOPT_WRITEDATA, hop) &&
           SET(CURLOPT_USERAGENT, "imgrouter");
#undef SET
}

static bool set_transfer_error(const struct hop *hop, CURLcode code, const char *url,
                               struct error *err) {
    if (hop->was_refused)
        return error_set(
            err, ERROR_INVALID,
            "the address %.*s may not be fetched: it leads to a private or local network",
            MAX_SHOWN_SIZE, url);
    if (hop->is_too_large || code == CURLE_FILESIZE_EXCEEDED)
        return error_set(err, ERROR_TOO_LARGE,
                         "what is at %.*s has more than the %zu bytes that are allowed",
                         MAX_SHOWN_SIZE, url, hop->limits->max_bytes);
    if (hop->has_no_room || code == CURLE_OUT_OF_MEMORY)
        return error_set(err, ERROR_INTERNAL, "out of memory fetching a picture");
    const char *reason = "the connection broke or the answer was not proper HTTP";
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return error_set(err, ERROR_TIMEOUT,
                             "fetching %.*s took too long; try again, or upload the picture itself",
                             MAX_SHOWN_SIZE, url);
        case CURLE_COULDNT_RESOLVE_HOST:
            reason = "its host name is not known";
            break;
        case CURLE_COULDNT_CONNECT:
            reason = "its server does not accept connections";
            break;
        case CURLE_PEER_FAILED_VERIFICATION:
            reason = "its server's certificate is not valid";
            break;
        case CURLE_SSL_CONNECT_ERROR:
            reason = "no secure connection came about";
            break;
        case CURLE_PARTIAL_FILE:
            reason = "the picture broke off before its announced end";
            break;
        default:
            break;
    }
    return error_set(err, ERROR_UPSTREAM, "cannot fetch %.*s: %s", MAX_SHOWN_SIZE, url, reason);
}

static bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// The address that a redirect leads to, checked like the first. `url` is what the user typed.
static CURLU *next_url(struct hop *hop, CURLU *current, const char *url, struct error *err) {
    char *location = NULL;
    (void)curl_easy_getinfo(hop->handle, CURLINFO_REDIRECT_URL, &location);
    if (location == NULL) {
        error_set(err, ERROR_UPSTREAM, "cannot fetch %.*s: it redirects to nowhere", MAX_SHOWN_SIZE,
                  url);
        return NULL;
    }
    CURLU *next = public_url_create(location, hop->limits->allows_private, NULL);
    if (next == NULL) {
        error_set(err, ERROR_INVALID,
                  "the address %.*s redirects to an address that may not be fetched",
                  MAX_SHOWN_SIZE, url);
    } else if (public_url_is_downgrade(current, next)) {
        error_set(err, ERROR_INVALID, "the address %.*s redirects from https to plain http",
                  MAX_SHOWN_SIZE, url);
        curl_url_cleanup(next);
        next = NULL;
    }
    return next;
}

// One request. True: *next is where to go on, or NULL when `hop->body` holds the picture.
static bool run_hop(struct hop *hop, CURLU *current, const char *url, int64_t deadline_ns,
                    CURLU **next, struct error *err) {
    int64_t left_ms = (deadline_ns - clock_monotonic_ns()) / 1000000;
    if (left_ms <= 0) return set_transfer_error(hop, CURLE_OPERATION_TIMEDOUT, url, err);
    hop->handle = curl_easy_init();
    if (hop->handle == NULL || !set_options(hop, current, (long)left_ms)) {
        curl_easy_cleanup(hop->handle);
        return error_set(err, ERROR_INTERNAL, "libcurl refused an option or is out of memory");
    }
    CURLcode code = curl_easy_perform(hop->handle);
    long status = 0;
    (void)curl_easy_getinfo(hop->handle, CURLINFO_RESPONSE_CODE, &status);
    bool is_done = false;
    if (code != CURLE_OK && !hop->has_no_use) {
        set_transfer_error(hop, code, url, err);
    } else if (is_redirect(status)) {
        *next = next_url(hop, current, url, err);
        is_done = *next != NULL;
    } else if (status != 200) {
        error_set(err, ERROR_UPSTREAM,
                  "cannot fetch %.*s: its server answered with status %ld instead of a picture",
                  MAX_SHOWN_SIZE, url, status);
    } else {
        is_done = true;
    }
    curl_easy_cleanup(hop->handle);
    return is_done;
}

bool fetch_public(const char *url, const struct fetch_limits *limits, struct fetch_answer *answer,
                  struct error *err) {
    *answer = (struct fetch_answer){0};
    int64_t deadline_ns = clock_monotonic_ns() + (int64_t)limits->timeout_ms * 1000000;
    CURLU *current = public_url_create(url, limits->allows_private, err);
    if (current == NULL) return false;
    struct byte_buffer body;
    byte_buffer_init(&body, limits->max_bytes);
    bool is_done = false;
    for (int redirects = 0;; redirects++) {
        struct hop hop = {.limits = limits, .body = &body};
        CURLU *next = NULL;
        if (!run_hop(&hop, current, url, deadline_ns, &next, err)) break;
        if (next == NULL) {
            is_done = true;
            break;
        }
        curl_url_cleanup(current);
        current = next;
        if (redirects == limits->max_redirects) {
            error_set(err, ERROR_UPSTREAM, "cannot fetch %.*s: it redirects more than %d times",
                      MAX_SHOWN_SIZE, url, limits->max_redirects);
            break;
        }
    }
    curl_url_cleanup(current);
    if (is_done) {
        answer->status = 200;
        answer->body = byte_buffer_take(&body, &answer->size);
    }
    byte_buffer_clear(&body);
    return is_done;
}
