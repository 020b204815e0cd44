#include "api/job_json.h"

#include "api/image_answer.h"
#include "api/json_answer.h"
#include "base/clock.h"

static json_t *time_json(int64_t utc_ms) {
    char text[CLOCK_TEXT_SIZE];
    if (utc_ms == 0) return json_null();
    clock_utc_text(utc_ms, text);
    return json_string(text);
}

static json_t *source_json(const struct job *job) {
    if (job->url[0] != '\0')
        return json_pack("{s:s, s:o}", "source", "url", "url", json_text(job->url));
    return json_pack("{s:s, s:o}", "source", "upload", "filename", json_text(job->file_name));
}

static json_t *problem_json(const struct error *problem) {
    if (problem->kind == ERROR_NONE) return json_null();
    int status = error_http_status(problem->kind);
    return json_pack("{s:s, s:s, s:i, s:o, s:s}", "type", "about:blank", "title",
                     http_status_title(status), "status", status, "detail",
                     json_text(problem->text), "code", error_kind_name(problem->kind));
}

static json_t *image_json(const struct image_record *record) {
    if (record == NULL) return json_null();
    json_t *json = image_json_create(record);
    record_notice_add(json, record);
    return json;
}

json_t *job_json_create(const struct job *job, const char *stage,
                        const struct image_record *record) {
    static const char *const states[] = {"queued", "running", "done", "failed"};
    return json_pack("{s:s, s:s, s:s?, s:s, s:o, s:o, s:o, s:i, s:o, s:b, s:o, s:o}",  //
                     "id", job->id,                                                    //
                     "state", states[job->state],                                      //
                     "stage", stage,                                                   //
                     "priority", job->is_bulk ? "bulk" : "interactive",                //
                     "created_at", time_json(job->created_ms),                         //
                     "started_at", time_json(job->started_ms),                         //
                     "finished_at", time_json(job->finished_ms),                       //
                     "attempts", job->attempts,                                        //
                     "src", source_json(job),                                          //
                     "was_known", job->was_known,                                      //
                     "image", image_json(record),                                      //
                     "problem", problem_json(&job->problem));
}
