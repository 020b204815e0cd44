// GET /jobs, GET /jobs/{id} and DELETE /jobs/{id}.
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/job_json.h"
#include "api/json_answer.h"
#include "api/parameter.h"
#include "base/memory.h"

static const char *job_id_read(const struct http_request *request, struct problem *problem) {
    const char *id = http_request_path_parameter(request, 0);
    if (strlen(id) == JOB_ID_SIZE - 1 && strspn(id, "0123456789abcdef") == JOB_ID_SIZE - 1)
        return id;
    error_set(&problem->error, ERROR_NOT_FOUND,
              "No job has this id; an id is %d hexadecimal digits, as the upload answered it.",
              JOB_ID_SIZE - 1);
    return NULL;
}

// The image may have been deleted since.
static bool add_job(struct api *api, json_t *jobs, const struct job *job, const char *stage,
                    struct error *err) {
    struct image_record record;
    struct error problem = {0};
    bool has_image =
        job->state == JOB_DONE && service_get_image(api->service, job->image_id, &record, &problem);
    if (problem.kind != ERROR_NONE && problem.kind != ERROR_NOT_FOUND)
        return error_set(err, problem.kind, "%s", problem.text);
    json_array_append_new(jobs, job_json_create(job, stage, has_image ? &record : NULL));
    return true;
}

bool jobs_require(const struct api *api, struct error *err) {
    return api->jobs != NULL ||
           error_set(err, ERROR_UNAVAILABLE,
                     "This server keeps no jobs, because another one has them in the same data "
                     "folder; ask that one, or upload without async.");
}

void job_get(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    struct job job;
    const char *stage = NULL;
    json_t *jobs = json_array();
    const char *id = job_id_read(request, &problem);
    if (id != NULL && jobs_require(api, &problem.error) &&
        jobs_get(api->jobs, id, &job, &stage, &problem.error) &&
        add_job(api, jobs, &job, stage, &problem.error))
        answer_json(response, 200, json_incref(json_array_get(jobs, 0)));
    else
        problem_answer(&problem, response);
    json_decref(jobs);
}

static enum job_state state_of(const char *name) {
    int state = JOB_STATE_COUNT;
    for (int i = 0; name != NULL && i < JOB_STATE_COUNT; i++)
        if (strcmp(parameter_job_state.choices[i], name) == 0) state = i;
    return (enum job_state)state;
}

void jobs_list_get(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    struct job *found = NULL;
    const char **stages = NULL;
    json_t *jobs = json_array();
    size_t count = 0;
    long limit = 0;
    const char *state = http_request_query(request, parameter_job_state.name);
    if (!parameter_check_choice(&parameter_job_state, "query", state,
                                state == NULL ? 0 : strlen(state), &problem) ||
        !parameter_read_integer(request, &parameter_job_limit, &limit, &problem) ||
        !jobs_require(api, &problem.error))
        goto out;
    found = memory_try_array((size_t)limit, sizeof *found);
    stages = memory_try_array((size_t)limit, sizeof *stages);
    if (found == NULL || stages == NULL) {
        error_set(&problem.error, ERROR_INTERNAL,
                  "The server has no memory for %ld jobs; ask for fewer.", limit);
        goto out;
    }
    if (!jobs_list(api->jobs, state_of(state), (size_t)limit, found, stages, &count,
                   &problem.error))
        goto out;
    for (size_t i = 0; i < count; i++)
        if (!add_job(api, jobs, &found[i], stages[i], &problem.error)) goto out;
    struct jobs_figures figures;
    jobs_measure(api->jobs, &figures);
    answer_json(response, 200,
                json_pack("{s:O, s:I, s:I}", "jobs", jobs, "waiting", (json_int_t)figures.waiting,
                          "running", (json_int_t)figures.running));
out:
    if (problem.error.kind != ERROR_NONE) problem_answer(&problem, response);
    json_decref(jobs);
    memory_free(stages);
    memory_free(found);
}

void job_delete(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    const char *id = job_id_read(request, &problem);
    if (id != NULL && jobs_require(api, &problem.error) &&
        jobs_remove(api->jobs, id, &problem.error))
        http_response_set_status(response, 204);
    else
        problem_answer(&problem, response);
}
