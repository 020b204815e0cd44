// The SHA-256 of a whole file, in lower-case hex.
#pragma once

#include "base/error.h"
#include "base/sha256.h"

bool file_checksum(const char *path, char hex[static SHA256_HEX_SIZE], struct error *err);
