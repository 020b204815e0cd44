// The address of a running server, as --server names it.
#pragma once

#include "base/error.h"
#include "store/store.h"

// Without slashes at its end. ERROR_USAGE: not of http or https, or too long.
bool server_address_read(const char *text, char address[static STORE_URL_SIZE], struct error *err);
