// POST /images: a picture comes in, its caption goes out, or with async=true a job that makes it.
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/job_json.h"
#include "api/json_answer.h"
#include "api/parameter.h"
#include "api/picture_body.h"
#include "api/request_notes.h"
#include "api/upload.h"
#include "image/decode.h"

static bool read_choice(const struct http_request *request, const struct api_parameter *parameter,
                        const char **value, struct problem *problem) {
    *value = http_request_query(request, parameter->name);
    return parameter_check_choice(parameter, "query", *value, *value == NULL ? 0 : strlen(*value),
                                  problem);
}

// What cannot become an image is refused now, as far as its first bytes tell.
static bool check_picture(const struct api *api, const struct picture_body *body,
                          struct error *err) {
    if (body->bytes == NULL) return true;
    if (body->size > api->max_upload_bytes)
        return error_set(err, ERROR_TOO_LARGE,
                         "the picture has %zu bytes and at most %zu are taken; send a smaller one",
                         body->size, api->max_upload_bytes);
    return image_format_is_readable(image_sniff(body->bytes, body->size)) ||
           error_set(err, ERROR_UNSUPPORTED, "this is no picture that can be read; send %s",
                     image_formats_text());
}

static void accept_job(struct api *api, const struct picture_body *body, const char *priority,
                       struct http_response *response, struct problem *problem) {
    struct job job;
    struct job_request wanted = {
        .bytes = body->bytes,
        .size = body->size,
        .url = body->url,
        .file_name = body->file_name,
        .is_bulk = priority == NULL || strcmp(priority, "bulk") == 0,
        .quality = body->quality,
    };
    if (!jobs_require(api, &problem->error) || !check_picture(api, body, &problem->error) ||
        !jobs_accept(api->jobs, &wanted, &job, &problem->error))
        return;
    char place[sizeof "/jobs/" + JOB_ID_SIZE];
    (void)snprintf(place, sizeof place, "/jobs/%s", job.id);
    http_response_add_header(response, "Location", place);
    answer_json(response, 202, job_json_create(&job, NULL, NULL));
}

void images_post(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    struct picture_body body = {0};
    struct ingest_result result = {0};
    const char *is_later = NULL, *priority = NULL;
    if (!read_choice(request, &parameter_async, &is_later, &problem) ||
        !read_choice(request, &parameter_priority, &priority, &problem) ||
        !picture_body_read(&body, request, &problem)) {
        problem_answer(&problem, response);
    } else if (is_later != NULL && strcmp(is_later, "true") == 0) {
        accept_job(api, &body, priority, response, &problem);
        if (problem.error.kind != ERROR_NONE) problem_answer(&problem, response);
    } else if (upload_ingest(api->service, &body, QUEUE_INTERACTIVE, &result, &problem.error)) {
        request_note_upload(request, &result);
        answer_json(response, 200, upload_json_create(&result));
    } else {
        problem_answer(&problem, response);
    }
}
