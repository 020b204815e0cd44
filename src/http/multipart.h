// multipart/form-data (RFC 7578, RFC 2046) over a body that is held whole. Strict: what is not
// certainly a complete form is refused, so that half an upload is never stored.
//
//   body       = [preamble CRLF] delimiter *(part CRLF delimiter) close [CRLF epilogue]
//   delimiter  = "--" boundary *blank CRLF        close = "--" boundary "--" *blank
//   part       = *(header CRLF) CRLF bytes
// A line end is CRLF and nothing else. A part needs `Content-Disposition: form-data; name="…"`.
// File names lose their folders and are hints; `%22` in them is a quote (browsers write it so).
// Why not libmicrohttpd's own reader: docs/adr/0002-own-multipart-parser.md.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "http/server.h"

enum {
    MULTIPART_PARTS_MAX = 80,              // the 64 pictures of a batch, and some fields
    MULTIPART_BOUNDARY_MAX = 70,           // characters, RFC 2046 5.1.1
    MULTIPART_PART_HEADER_MAX = 8 * 1024,  // bytes of one part's headers
    MULTIPART_NAME_MAX = 255,              // bytes, of field names
};

struct multipart_form {
    struct http_part parts[MULTIPART_PARTS_MAX];  // bytes: into the body; texts: owned
    size_t part_count;
};

// Errors: ERROR_BAD_REQUEST, and ERROR_TOO_LARGE for too many parts or too long headers. The form
// is empty after a failure, and must be cleared after success.
bool multipart_parse(struct multipart_form *form, const char *content_type,
                     const unsigned char *body, size_t size, struct error *err);
void multipart_form_clear(struct multipart_form *form);
