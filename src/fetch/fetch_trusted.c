#include "fetch/fetch_trusted.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
    MAX_UNREAD_BODY = 64 * 1024,  // bytes of an answer that is neither 200 nor 206
    MAX_TOKEN_HEADER = 2048,      // bytes
    MAX_TRACE_HEADER = 544,       // bytes; tracestate has up to 512
    MAX_RETRY_AFTER_S = 7 * 24 * 3600,
};

struct fetch_client {
    CURL *handle;
    char quarrel[CURL_ERROR_SIZE];
};

struct exchange {
    CURL *handle;
    const struct fetch_request *request;
    size_t unread_bytes;
    bool is_cut;      // an unread body was long enough to stop it
    bool is_refused;  // by the sink
    unsigned sends;
    struct error *err;
};

struct fetch_client *fetch_client_create(struct error *err) {
    struct fetch_client *client = memory_alloc(sizeof *client);
    client->handle = curl_easy_init();
    if (client->handle != NULL) return client;
    memory_free(client);
    error_set(err, ERROR_INTERNAL, "libcurl is out of memory");
    return NULL;
}

void fetch_client_destroy(struct fetch_client *client) {
    if (client == NULL) return;
    curl_easy_cleanup(client->handle);
    memory_free(client);
}

static size_t pass_body(char *bytes, size_t size, size_t count, void *context) {
    struct exchange *exchange = context;
    size_t chunk = size * count;
    long status = 0;
    (void)curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &status);
    const struct fetch_request *request = exchange->request;
    if (status != 200 && status != 206 && !request->takes_every_status) {
        exchange->unread_bytes += chunk;
        exchange->is_cut = exchange->unread_bytes > MAX_UNREAD_BODY;
        return exchange->is_cut ? 0 : chunk;
    }
    if (request->sink == NULL ||
        request->sink(request->context, status, bytes, chunk, exchange->err))
        return chunk;
    exchange->is_refused = true;
    return 0;
}

// Before a request goes out. libcurl sends one again by itself when a connection that it had kept
// ends without a byte of an answer.
static int allow_send(void *context, char *remote_address, char *local_address, int remote_port,
                      int local_port) {
    struct exchange *exchange = context;
    (void)remote_address, (void)local_address, (void)remote_port, (void)local_port;
    exchange->sends++;
    return exchange->sends > 1 && exchange->request->is_sent_once ? CURL_PREREQFUNC_ABORT
                                                                  : CURL_PREREQFUNC_OK;
}

// Called about once a second, and whenever bytes move; not 0 ends the exchange.
static int check_time(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                      curl_off_t up) {
    const struct exchange *exchange = context;
    (void)down_total, (void)down, (void)up_total, (void)up;
    return clock_monotonic_ns() >= atomic_load(exchange->request->give_up_ns);
}

// *form is NULL when there are no parts; the caller frees it with curl_mime_free.
static bool make_form(CURL *handle, const struct fetch_request *request, curl_mime **form) {
    *form = request->parts == NULL ? NULL : curl_mime_init(handle);
    if (*form == NULL) return request->parts == NULL;
    for (size_t i = 0; i < request->part_count; i++) {
        const struct fetch_part *part = &request->parts[i];
        curl_mimepart *field = curl_mime_addpart(*form);
        if (field == NULL || curl_mime_name(field, part->name) != CURLE_OK ||
            curl_mime_data(field, part->bytes, part->size) != CURLE_OK ||
            (part->file_name != NULL && curl_mime_filename(field, part->file_name) != CURLE_OK))
            return false;
    }
    return true;
}

static bool set_options(struct fetch_client *client, const struct fetch_request *request,
                        struct exchange *exchange, struct curl_slist *headers, curl_mime *form) {
    CURL *handle = client->handle;
    char range[32];
    (void)snprintf(range, sizeof range, "%lld-", (long long)request->range_start);
    curl_easy_reset(handle);  // keeps connections
    client->quarrel[0] = '\0';
#define SET(option, value) (curl_easy_setopt(handle, option, value) == CURLE_OK)
    return SET(CURLOPT_URL, request->url) && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_NOBODY, request->is_head ? 1L : 0L) &&
           SET(CURLOPT_HTTPHEADER, headers) && SET(CURLOPT_ERRORBUFFER, client->quarrel) &&
           SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
           SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms) &&
           SET(CURLOPT_TIMEOUT_MS, request->timeout_ms) && SET(CURLOPT_LOW_SPEED_LIMIT, 1L) &&
           SET(CURLOPT_LOW_SPEED_TIME, (request->stall_timeout_ms + 999) / 1000) &&
           SET(CURLOPT_WRITEFUNCTION, pass_body) && SET(CURLOPT_WRITEDATA, exchange) &&
           SET(CURLOPT_PREREQFUNCTION, allow_send) && SET(CURLOPT_PREREQDATA, exchange) &&
           SET(CURLOPT_USERAGENT, "imgrouter") &&
           (request->give_up_ns == NULL ||
            (SET(CURLOPT_NOPROGRESS, 0L) && SET(CURLOPT_XFERINFOFUNCTION, check_time) &&
             SET(CURLOPT_XFERINFODATA, exchange))) &&
           (request->range_start == 0 || SET(CURLOPT_RANGE, range)) &&
           (request->json == NULL ||
            (SET(CURLOPT_POSTFIELDS, request->json) &&
             SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->json_size))) &&
           (request->aws_sigv4 == NULL ||
            (SET(CURLOPT_AWS_SIGV4, request->aws_sigv4) &&
             SET(CURLOPT_USERNAME, request->aws_access_key_id) &&
             SET(CURLOPT_PASSWORD, request->aws_secret_access_key))) &&
           (request->method == NULL || SET(CURLOPT_CUSTOMREQUEST, request->method)) &&
           (form == NULL || SET(CURLOPT_MIMEPOST, form)) &&
           (!request->is_direct_on_loopback || !url_is_on_loopback(request->url) ||
            SET(CURLOPT_PROXY, ""));
#undef SET
}

// NULL when `headers` is, or memory out; the list is freed then.
static struct curl_slist *add_header(struct curl_slist *headers, const char *line) {
    struct curl_slist *longer = headers == NULL ? NULL : curl_slist_append(headers, line);
    if (longer == NULL) curl_slist_free_all(headers);
    return longer;
}

// NULL when out of memory. Compressed answers would lose their Content-Length.
static struct curl_slist *make_headers(const struct fetch_request *request) {
    struct curl_slist *headers = curl_slist_append(NULL, "Accept-Encoding: identity");
    bool has_type = false;
    for (size_t i = 0; i < request->header_count; i++) {
        headers = add_header(headers, request->headers[i]);
        has_type = has_type || strncasecmp(request->headers[i], "Content-Type:", 13) == 0;
    }
    if (request->json != NULL) {
        if (!has_type) headers = add_header(headers, "Content-Type: application/json");
        // Else a long body waits to be asked for. libcurl 7.88 signs even what it is to leave out,
        // so where it signs only bodies over 1 MB wait, and AWS asks at once.
        if (request->aws_sigv4 == NULL) headers = add_header(headers, "Expect:");
    }
    if (request->traceparent != NULL) {
        char line[MAX_TRACE_HEADER];
        (void)snprintf(line, sizeof line, "traceparent: %s", request->traceparent);
        headers = add_header(headers, line);
        if (request->tracestate != NULL && request->tracestate[0] != '\0') {
            (void)snprintf(line, sizeof line, "tracestate: %s", request->tracestate);
            headers = add_header(headers, line);
        }
    }
    if (request->secret_header != NULL) headers = add_header(headers, request->secret_header);
    if (request->bearer_token == NULL || request->bearer_token[0] == '\0') return headers;
    char line[MAX_TOKEN_HEADER];
    int length = snprintf(line, sizeof line, "Authorization: Bearer %s", request->bearer_token);
    if (length >= 0 && (size_t)length < sizeof line) return add_header(headers, line);
    curl_slist_free_all(headers);
    return NULL;
}

static enum error_kind failure_kind(CURLcode code) {
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return ERROR_TIMEOUT;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
        case CURLE_PROXY:
            return ERROR_UNAVAILABLE;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
            return ERROR_INVALID;
        default:
            return ERROR_UPSTREAM;
    }
}

bool fetch_client_send(struct fetch_client *client, const struct fetch_request *request,
                       long *status, struct error *err) {
    struct exchange exchange = {.handle = client->handle, .request = request, .err = err};
    struct curl_slist *headers = make_headers(request);
    curl_mime *form = NULL;
    bool is_done = false;
    *status = 0;
    if (headers == NULL || !make_form(client->handle, request, &form) ||
        !set_options(client, request, &exchange, headers, form)) {
        error_set(err, ERROR_INTERNAL, "libcurl refused an option or is out of memory");
        goto out;
    }
    CURLcode code = curl_easy_perform(client->handle);
    (void)curl_easy_getinfo(client->handle, CURLINFO_RESPONSE_CODE, status);
    is_done = code == CURLE_OK || exchange.is_cut;
    if (code == CURLE_ABORTED_BY_CALLBACK && request->give_up_ns != NULL)
        error_set(err, ERROR_TIMEOUT, "no answer came in time");
    else if (code == CURLE_ABORTED_BY_CALLBACK)
        error_set(err, ERROR_UPSTREAM, "the connection ended before an answer came");
    else if (!is_done && !exchange.is_refused)
        error_set(err, failure_kind(code), "%s",
                  client->quarrel[0] != '\0' ? client->quarrel : curl_easy_strerror(code));
out:
    // The handle outlives what it points to.
    (void)curl_easy_setopt(client->handle, CURLOPT_HTTPHEADER, NULL);
    (void)curl_easy_setopt(client->handle, CURLOPT_POSTFIELDS, NULL);
    (void)curl_easy_setopt(client->handle, CURLOPT_MIMEPOST, NULL);
    curl_slist_free_all(headers);
    curl_mime_free(form);
    return is_done;
}

const char *fetch_client_header(struct fetch_client *client, const char *name) {
    struct curl_header *header = NULL;
    CURLHcode code = curl_easy_header(client->handle, name, 0, CURLH_HEADER, -1, &header);
    return code == CURLHE_OK ? header->value : NULL;
}

bool fetch_client_was_connected(struct fetch_client *client) {
    long sent = 0;
    (void)curl_easy_getinfo(client->handle, CURLINFO_REQUEST_SIZE, &sent);
    return sent > 0;
}

int64_t fetch_client_retry_after_ms(struct fetch_client *client) {
    curl_off_t seconds = 0;
    if (fetch_client_header(client, "Retry-After") == NULL ||
        curl_easy_getinfo(client->handle, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK)
        return -1;
    return (int64_t)(seconds < MAX_RETRY_AFTER_S ? seconds : MAX_RETRY_AFTER_S) * 1000;
}

const char *fetch_client_redirect(struct fetch_client *client) {
    char *location = NULL;
    (void)curl_easy_getinfo(client->handle, CURLINFO_REDIRECT_URL, &location);
    return location;
}

static bool has_part(CURLU *url, CURLUPart part) {
    char *text = NULL;
    bool is_there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return is_there;
}

bool url_check_server(const char *url, const char *setting, struct error *err) {
    CURLU *parsed = curl_url();
    bool is_good = parsed != NULL && (url_is_http(url) || url_is_https(url)) &&
                   curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
                   !has_part(parsed, CURLUPART_QUERY) && !has_part(parsed, CURLUPART_FRAGMENT);
    curl_url_cleanup(parsed);
    return is_good || error_set(err, ERROR_USAGE,
                                "%s must be an address like http://127.0.0.1:6333, without a name, "
                                "a password and a query",
                                setting);
}

static bool parts_are_equal(CURLU *a, CURLU *b, CURLUPart part) {
    char *left = NULL, *right = NULL;
    bool is_equal = curl_url_get(a, part, &left, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                    curl_url_get(b, part, &right, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                    strcasecmp(left, right) == 0;
    curl_free(left);
    curl_free(right);
    return is_equal;
}

bool url_has_same_origin(const char *a, const char *b) {
    CURLU *left = curl_url(), *right = curl_url();
    bool is_same = left != NULL && right != NULL &&
                   curl_url_set(left, CURLUPART_URL, a, 0) == CURLUE_OK &&
                   curl_url_set(right, CURLUPART_URL, b, 0) == CURLUE_OK &&
                   parts_are_equal(left, right, CURLUPART_SCHEME) &&
                   parts_are_equal(left, right, CURLUPART_HOST) &&
                   parts_are_equal(left, right, CURLUPART_PORT);
    curl_url_cleanup(left);
    curl_url_cleanup(right);
    return is_same;
}

bool url_server(const char *url, char host[static URL_HOST_SIZE], int *port) {
    CURLU *parsed = curl_url();
    char *name = NULL, *number = NULL;
    bool is_done = parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
                   curl_url_get(parsed, CURLUPART_HOST, &name, 0) == CURLUE_OK &&
                   curl_url_get(parsed, CURLUPART_PORT, &number, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (is_done) {
        size_t size = strlen(name);
        bool has_brackets = size > 2 && name[0] == '[';
        (void)snprintf(host, URL_HOST_SIZE, "%.*s", (int)(has_brackets ? size - 2 : size),
                       name + has_brackets);
        *port = (int)strtol(number, NULL, 10);
    }
    curl_free(name);
    curl_free(number);
    curl_url_cleanup(parsed);
    return is_done;
}

bool url_is_http(const char *url) { return strncasecmp(url, "http://", 7) == 0; }

bool url_is_https(const char *url) { return strncasecmp(url, "https://", 8) == 0; }

bool url_is_on_loopback(const char *url) {
    char *host = NULL;
    CURLU *parsed = curl_url();
    bool is_loopback =
        parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
         (strncmp(host, "127.", 4) == 0 && host[strspn(host, "0123456789.")] == '\0'));
    curl_free(host);
    curl_url_cleanup(parsed);
    return is_loopback;
}
