// Closing a connection whose request body was refused unread. Closed at once, the kernel would
// answer what is still arriving with a reset, and that makes many clients lose the 413 they were
// just sent. So one thread reads and throws away what comes, for a while, and then closes.
#pragma once

#include "base/error.h"

struct lingering_close;

struct lingering_close *lingering_close_create(struct error *err);
void lingering_close_destroy(struct lingering_close *lingering);  // closes what is left
// Keeps a duplicate of the socket, whose owner may close it. Any thread.
void lingering_close_add(struct lingering_close *lingering, int socket);
