// HTTP client on libcurl. Two uses with different trust: fetch_public for addresses that users
// give us (guarded: public addresses only, no proxy, no credentials), fetch_trusted for servers
// the operator configured (proxies from the environment are honoured). Blocking; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

bool fetch_global_init(struct error *err);  // once, before threads
void fetch_global_cleanup(void);

struct fetch_limits {
    size_t max_bytes;
    long timeout_ms;  // the whole exchange, all hops together
    long connect_timeout_ms;
    int max_redirects;
    bool allows_private;  // IMGROUTER_URL_ALLOW_PRIVATE: loopback and private networks too
};

struct fetch_answer {
    long status;
    char *body;  // owned; fetch_answer_clear
    size_t size;
};
void fetch_answer_clear(struct fetch_answer *answer);

// GET an address that a user gave. http and https only, no user:password, every hop's resolved
// address checked when the socket is opened. Errors: ERROR_INVALID (bad or forbidden address),
// ERROR_TOO_LARGE, ERROR_TIMEOUT, ERROR_UPSTREAM (not 200, TLS, connection). The text never
// repeats what the other server said.
bool fetch_public(const char *url, const struct fetch_limits *limits, struct fetch_answer *answer,
                  struct error *err);

// True when a connection to this address may be made for a user: global unicast, none of the
// special-purpose blocks, addresses embedded in IPv6 judged by the inner IPv4.
bool address_is_public(const struct sockaddr *address);
