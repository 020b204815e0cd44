// Pictures from addresses that users give us. The room has two clients of different trust:
// fetch_public here (public addresses only, no proxy, no credentials) and fetch_trusted.h for
// servers that the operator configured. Blocking; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
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

// GET an address that a user gave. http and https only, no user:password; unless allows_private,
// ports 80 and 443 only and every hop's resolved address checked when the socket is opened.
// Errors: ERROR_INVALID (bad or forbidden address), ERROR_TOO_LARGE, ERROR_TIMEOUT,
// ERROR_UPSTREAM (not 200, TLS, connection). The text repeats what the user typed at most, never
// what another server said or where a redirect led.
bool fetch_public(const char *url, const struct fetch_limits *limits, struct fetch_answer *answer,
                  struct error *err);

// True when a connection to this address may be made for a user: global unicast, none of the
// special-purpose blocks. IPv4 inside IPv6 (mapped, NAT64) is judged by the inner address; the
// other embeddings (compatible, 6to4, Teredo) are refused.
bool address_is_public(const struct sockaddr *address);
// The only ports that a stranger's address may name: 80 and 443.
bool port_is_public(long port);
