// HTTP client for servers that the operator chose: the model hub and what it redirects to, a store.
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

// Takes the body of a 200 or 206, or of every answer if the request says so, as it comes in. false
// ends the exchange with the sink's error.
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
    const char *method;  // NULL: GET, HEAD or, with parts, POST
    const char *json;    // [json_size] a body to send, borrowed; NULL: none
    size_t json_size;
    const struct fetch_part *parts;  // a form to send; NULL: none
    size_t part_count;
    bool is_direct_on_loopback;  // no proxy for this machine's own addresses
    bool takes_every_status;     // the sink takes the bodies of errors too
    bool is_sent_once;           // never again of itself: it costs money
    const char *bearer_token;    // NULL or empty: none
    const char *secret_header;  // "api-key: …", NULL: none; never sent on to where a redirect leads
    const char *traceparent;    // W3C trace context to send on, NULL: none
    const char *tracestate;     // with it; NULL or empty: none
    const char *const *headers;  // [header_count] further ones, "X-Title: …"; they win over ours
    size_t header_count;
    // Signs with AWS's signature version 4, every header included: "aws:amz:REGION:SERVICE".
    const char *aws_sigv4;  // NULL: not
    const char *aws_access_key_id;
    const char *aws_secret_access_key;
    int64_t range_start;  // GET only; 0: from the beginning, without a Range header
    long connect_timeout_ms;
    long stall_timeout_ms;  // this long without a byte ends the exchange
    long timeout_ms;        // the whole exchange; 0: no limit
    fetch_sink *sink;       // NULL for HEAD
    void *context;
    // When the exchange ends at the latest, of the monotonic clock; another thread may move it
    // while the exchange runs, which is noticed within a second. NULL: the timeouts alone end it.
    const _Atomic int64_t *give_up_ns;
};

// True when an answer came, whatever its status. Errors: ERROR_TIMEOUT (no answer in time),
// ERROR_UNAVAILABLE (no connection came about), ERROR_UPSTREAM (it broke, or its certificate is
// not valid), ERROR_INVALID (the address is none), the sink's.
bool fetch_client_send(struct fetch_client *client, const struct fetch_request *request,
                       long *status, struct error *err);

// Whether the last exchange, failed or not, got as far as a connection: then the server may have
// done what was asked of it.
bool fetch_client_was_connected(struct fetch_client *client);
// A header of the last answer, NULL when absent; valid until the next send.
const char *fetch_client_header(struct fetch_client *client, const char *name);
// What the last answer's Retry-After (seconds, or a date) comes to; -1 when absent or unreadable.
int64_t fetch_client_retry_after_ms(struct fetch_client *client);
// Where the last answer redirects to, as a whole address; NULL when it does not.
const char *fetch_client_redirect(struct fetch_client *client);

// That an address names a server: http or https, a host, perhaps a port and a path; no name,
// password, query or fragment, which ERROR_USAGE tells without repeating the address. `setting` is
// what the user wrote it in.
bool url_check_server(const char *url, const char *setting, struct error *err);
// Same scheme, host and port: what a token for the one may also be sent to.
bool url_has_same_origin(const char *a, const char *b);
// Host (without the brackets of IPv6) and port of an address; false: it is none.
enum { URL_HOST_SIZE = 256 };
bool url_server(const char *url, char host[static URL_HOST_SIZE], int *port);
// "localhost", 127.0.0.0/8 and ::1 as they are written in addresses.
bool url_is_on_loopback(const char *url);
bool url_is_http(const char *url);
bool url_is_https(const char *url);
