// The forms in which a request may carry many pictures, read into one list:
//   multipart/form-data with a field "file" for each; "names" may have a JSON array of the names to
//   keep in place of the files' own, which lose their folders on the way
//   application/json {"urls": ["...", ...]}
#pragma once

#include "api/picture_body.h"
#include "service/service.h"

enum {
    BATCH_PICTURES_MAX = 64,
    // The whole body may be as large as so many of the largest uploads. The batches that are at
    // work at once then hold half of what the server holds of bodies: the rest is for uploads.
    BATCH_BODY_UPLOADS = 2,
};

struct batch_item {
    struct picture_body body;
    struct problem problem;  // of kind ERROR_NONE: nothing is wrong with this picture so far
    struct ingest_result result;
};

struct batch {
    struct batch_item *items;
    size_t count;
    enum route_quality quality;  // of all
};

// A picture that is wrong in itself has its problem in its item; false is for what is wrong with
// the request. Pictures are borrowed from the request. The batch must be cleared after success.
bool batch_body_read(struct batch *batch, struct http_request *request, struct problem *problem);
void batch_clear(struct batch *batch);
