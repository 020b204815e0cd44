// Uploads, one or many: what comes of the picture of a request, and what is answered.
#pragma once

#include <jansson.h>

#include "api/picture_body.h"
#include "service/service.h"

bool upload_ingest(struct service *service, const struct picture_body *body, enum queue_lane lane,
                   struct ingest_result *result, struct error *err);
// The image, whether it was known, and where the time went. NULL when memory is out.
json_t *upload_json_create(const struct ingest_result *result);
