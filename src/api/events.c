#include "api/events.h"

#include "api/api.h"
#include "api/handlers.h"
#include "api/job_json.h"
#include "api/json_answer.h"
#include "api/problem.h"
#include "base/memory.h"
#include "http/event_stream.h"

static void publish(struct event_hub *hub, const char *type, json_t *json) {
    size_t size = 0;
    char *bytes = json == NULL ? NULL : json_bytes_create(json, &size);
    // Out of memory: an event of no data, so that those who follow look for themselves.
    event_hub_publish(hub, bytes == NULL ? "reset" : type, bytes == NULL ? "{}" : bytes,
                      bytes == NULL ? 2 : size);
    memory_free(bytes);
    json_decref(json);
}

void events_tell_job(void *hub, const struct job *job, const char *stage,
                     const struct image_record *record) {
    publish(hub, "job", job_json_create(job, stage, record));
}

void events_tell_image(void *hub, const char *id, const char *change) {
    publish(hub, "image", json_pack("{s:s, s:s}", "id", id, "change", change));
}

void events_get(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    if (http_response_set_events(response, api->events,
                                 http_request_header(request, "Last-Event-ID"), &problem.error))
        http_response_set_status(response, 200);
    else
        problem_answer(&problem, response);
}
