// POST /images: a picture comes in, its caption goes out.
#include "api/api.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/picture_body.h"
#include "api/request_notes.h"
#include "api/upload.h"

void images_post(struct http_request *request, struct http_response *response, void *context) {
    const struct api *api = context;
    struct problem problem = {0};
    struct picture_body body = {0};
    struct ingest_result result = {0};
    if (picture_body_read(&body, request, &problem) &&
        upload_ingest(api->service, &body, QUEUE_INTERACTIVE, &result, &problem.error)) {
        request_note_upload(request, &result);
        answer_json(response, 200, upload_json_create(&result));
    } else {
        problem_answer(&problem, response);
    }
}
