// The forms in which a request may carry a picture, read into one struct:
//   multipart/form-data with a field "file" (or "url")
//   application/json {"url": "..."}
//   the picture itself: image/* or application/octet-stream
#pragma once

#include "api/problem.h"
#include "http/server.h"
#include "route/policy.h"
#include "store/store.h"

struct picture_body {
    const void *bytes;  // borrowed from the request; NULL when the picture is behind `url`
    size_t size;
    char url[STORE_URL_SIZE];
    char file_name[STORE_NAME_SIZE];
    enum route_quality quality;
};

// The body must be a struct of zeros.
bool picture_body_read(struct picture_body *body, struct http_request *request,
                       struct problem *problem);

// The parts of it, each checked. A name is shown, never opened; NULL: none.
void picture_body_set_name(struct picture_body *body, const char *name);
bool picture_body_set_bytes(struct picture_body *body, const void *bytes, size_t size,
                            struct problem *problem);
bool picture_body_set_url(struct picture_body *body, const char *url, size_t size,
                          struct problem *problem);

// Room for what surrounds the picture in a form: boundaries, part headers, small fields.
enum { PICTURE_BODY_OVERHEAD = 64 * 1024 };
