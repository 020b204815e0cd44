#include "api/job_json.h"

#include "api/image_answer.h"
#include "api/json_answer.h"
#include "api/problem.h"
#include "base/clock.h"

static json_t *time_json(int64_t utc_ms) {
    char text[CLOCK_TEXT_SIZE];
    if (utc_ms == 0) return json_null();
    clock_utc_text(utc_ms, text);
    return json_string(text);
}

static json_t *image_json(const struct image_record *record) {
    if (record == NULL) return json_null();
    json_t *json = image_json_create(record);
    record_notice_add(json, record);
    return json;
}

json_t *job_json_create(const struct job *job, const char *stage,
                        const struct image_record *record) {
    return json_pack(
        "{s:s, s:s, s:s?, s:s, s:o, s:o, s:o, s:i, s:o, s:b, s:o, s:o}",  //
        "id", job->id,                                                    //
        "state", job_state_names[job->state],                             //
        "stage", stage,                                                   //
        "priority", job->is_bulk ? "bulk" : "interactive",                //
        "created_at", time_json(job->created_ms),                         //
        "started_at", time_json(job->started_ms),                         //
        "finished_at", time_json(job->finished_ms),                       //
        "attempts", job->attempts,                                        //
        "src",
        source_json_create(job->url[0] != '\0' ? SOURCE_URL : SOURCE_UPLOAD, job->url,
                           job->file_name),  //
        "was_known", job->was_known,         //
        "image", image_json(record),         //
        "problem",
        job->problem.kind == ERROR_NONE ? json_null() : problem_json_create(&job->problem));
}
