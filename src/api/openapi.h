// The OpenAPI 3.1 document, made from the table of routes.
#pragma once

#include <stddef.h>

#include "base/error.h"

// The caller frees with memory_free.
char *openapi_document_create(const char *version, size_t *size, struct error *err);
