// HTTP client for servers that the operator chose: the model hub and what it redirects to.
// Proxies from the environment (http_proxy, https_proxy, no_proxy) are honoured, connections are
// kept between requests, and redirects are left to the caller, who decides what a token may see.
// Blocking; a client belongs to one thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fetch_client;

struct fetch_client *fetch_client_create(struct error *err);
void fetch_client_destroy(struct fetch_client *client);

// Takes the body of a 200 or 206 (and of others, if asked) as it comes in. false ends the exchange
// with the sink's error.
typedef bool fetch_sink(void *context, long status, const void *bytes, size_t size,
                        struct error *err);

// A field of a form, multipart/form-data.
struct fetch_part {
    const char *name;
    const char *file_name;  // NULL: a plain field
    const void *bytes;
    size_t size;
};

struct fetch_request {
    const char *url;  // http or https
    bool is_head;
    const struct fetch_part *parts;  // NULL: GET or HEAD; else they are posted
    size_t part_count;
    bool is_direct_on_loopback;  // no proxy for this machine's own addresses
    bool takes_refusals;         // the sink also takes the bodies of answers other than 200 and 206
    const char *bearer_token;    // NULL or empty: none
    int64_t range_start;         // GET only; 0: from the beginning, without a Range header
    long connect_timeout_ms;
    long stall_timeout_ms;  // this long without a byte ends the exchange
    long timeout_ms;        // the whole exchange; 0: no limit
    fetch_sink *sink;       // NULL for HEAD
    void *context;
};

// True when an answer came, whatever its status. Errors: ERROR_TIMEOUT (no answer in time),
// ERROR_UNAVAILABLE (no connection came about), ERROR_UPSTREAM (it broke, or its certificate is
// not valid), ERROR_INVALID (the address is none), the sink's.
bool fetch_client_send(struct fetch_client *client, const struct fetch_request *request,
                       long *status, struct error *err);

// A header of the last answer, NULL when absent; valid until the next send.
const char *fetch_client_header(struct fetch_client *client, const char *name);
// Where the last answer redirects to, as a whole address; NULL when it does not.
const char *fetch_client_redirect(struct fetch_client *client);

// Same scheme, host and port: what a token for the one may also be sent to.
bool url_has_same_origin(const char *a, const char *b);
bool url_is_http(const char *url);
bool url_is_https(const char *url);
