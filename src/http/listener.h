// The listening socket, opened by us so that a refusal says what is wrong and what to do.
#pragma once

#include <stdint.h>

#include "base/error.h"

// A socket that listens on host:port; -1 with ERROR_UNAVAILABLE or ERROR_USAGE. *bound_port is
// the port taken, also when `port` is 0.
int listener_open(const char *host, uint16_t port, uint16_t *bound_port, struct error *err);
