// Where the picture of a request comes from, in the forms that other programs' protocols have.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "service/embedding.h"
#include "service/service.h"

enum picture_form {
    PICTURE_ADDRESS,  // http(s), fetched as uploads' addresses are, or a data URI
    PICTURE_BASE64,   // the bytes, or a data URI
};

struct picture_source {
    uint8_t *bytes;  // owned; NULL: the picture is behind `url`
    size_t size;
    const char *url;  // borrowed from the text
};

// `text` ends in a NUL and must outlive the source; the caller clears that, also after a failure.
// More than max_bytes are refused before memory is taken. Errors: ERROR_INVALID, ERROR_TOO_LARGE,
// ERROR_INTERNAL (memory).
bool picture_source_read(struct picture_source *source, enum picture_form form, const char *text,
                         size_t length, size_t max_bytes, struct error *err);
void picture_source_clear(struct picture_source *source);

// service_embed_image or service_embed_url, service_caption_image or service_caption_url.
bool picture_source_embed(const struct picture_source *source, struct service *service,
                          enum queue_lane lane, struct embedding_result *result, struct error *err);
bool picture_source_caption(const struct picture_source *source, struct service *service,
                            const struct ingest_options *options, struct ingest_result *result,
                            struct error *err);
