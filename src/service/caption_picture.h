// Captioning a picture that is not stored: the same way as an upload's (caption_route.h), and
// nothing is kept but what the book of costs keeps of a cloud provider's call.
#pragma once

#include "service/service.h"

// *result tells of the picture what an upload would, but for id, time and duplicates, which only
// stored ones have. options->file_name is not used. Errors: those of service_ingest_image but the
// store's.
bool service_caption_image(struct service *service, const void *bytes, size_t size,
                           const struct ingest_options *options, struct ingest_result *result,
                           struct error *err);
// A picture from an address: fetched, then as above.
bool service_caption_url(struct service *service, const char *url,
                         const struct ingest_options *options, struct ingest_result *result,
                         struct error *err);
