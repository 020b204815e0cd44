#include "api/parameter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/job_store.h"
#include "store/store.h"

static const char *const summary_formats[] = {"json", "text", NULL};
static const char *const flags[] = {"true", "false", NULL};
static const char *const priorities[] = {"bulk", "interactive", NULL};
static const char *const qualities[] = {"fast", "auto", "high", NULL};

const struct api_parameter parameter_id = {
    .name = "id",
    .place = PARAMETER_PATH,
    .schema = "ImageId",
    .example = "d5951c5b4562a94e",
    .description = "The image's id: 16 hexadecimal digits, as the upload answered it.",
};
const struct api_parameter parameter_model = {
    .name = "model",
    .place = PARAMETER_PATH,
    .example = "CLIP-ViT-B-32-laion2B-s34B-b79K",
    .description = "A name of a model that answers here.",
};
const struct api_parameter parameter_query_text = {
    .name = "q",
    .schema = "QueryText",
    .example = "a red car in the snow",
    .description =
        "What to look for, in words; `-word` keeps out what fits that word. Give this, "
        "or `image_id`, or both.",
};
const struct api_parameter parameter_image_id = {
    .name = "image_id",
    .schema = "ImageId",
    .example = "d5951c5b4562a94e",
    .description = "Finds images that look like this stored one. Give this, or `q`, or both.",
};
const struct api_parameter parameter_k = {
    .name = "k",
    .type = PARAMETER_INTEGER,
    .minimum = 1,
    .maximum = STORE_SEARCH_MAX,
    .fallback = 10,
    .description = "Results at most.",
};
const struct api_parameter parameter_limit = {
    .name = "limit",
    .type = PARAMETER_INTEGER,
    .minimum = 1,
    .maximum = STORE_PAGE_MAX,
    .fallback = 50,
    .description = "Images a page at most.",
};
const struct api_parameter parameter_cursor = {
    .name = "cursor",
    .schema = "ImageCursor",
    .example = "",
    .description =
        "Where to go on: the `next_cursor` of the page before. Absent or empty: the "
        "newest images.",
};
const struct api_parameter parameter_thumbnail_size = {
    .name = "size",
    .type = PARAMETER_INTEGER,
    .minimum = 16,
    .maximum = 1024,
    .fallback = 256,
    .description = "The longer side at most, in pixels. Small pictures are not enlarged.",
};
const struct api_parameter parameter_file_name = {
    .name = "filename",
    .example = "holiday.jpg",
    .description = "The picture's file name, for a body that is the picture itself.",
};
const struct api_parameter parameter_quality = {
    .name = "quality",
    .choices = qualities,
    .example = "auto",
    .description =
        "Who captions: `auto` the local models first, and a cloud provider when theirs is not good "
        "enough or would come too late; `fast` never a provider; `high` a provider, and the local "
        "models only when there is no answer from there. Without providers all three are the same.",
};
const struct api_parameter parameter_web_file = {
    .name = "name",
    .place = PARAMETER_PATH,
    .example = "app.js",
    .description = "The name of a script or style sheet of the page.",
};
const struct api_parameter parameter_days = {
    .name = "days",
    .type = PARAMETER_INTEGER,
    .minimum = 1,
    .maximum = 366,
    .fallback = 7,
    .description = "So many days, today included.",
};
const struct api_parameter parameter_async = {
    .name = "async",
    .choices = flags,
    .example = "false",
    .description =
        "`true`: answers 202 and a job once the picture is safely on disk; the caption comes "
        "later. "
        "Look at the job, or follow `/events`.",
};
const struct api_parameter parameter_priority = {
    .name = "priority",
    .choices = priorities,
    .example = "bulk",
    .description =
        "Of a job: `bulk` after the uploads and searches that somebody waits for; `interactive` as "
        "one of them.",
};
const struct api_parameter parameter_job_id = {
    .name = "id",
    .place = PARAMETER_PATH,
    .schema = "JobId",
    .example = "0f8fad5bd9cb469fa16570867728950e",
    .description = "The job's id: 32 hexadecimal digits, as the upload answered it.",
};
const struct api_parameter parameter_job_state = {
    .name = "state",
    .choices = job_state_names,
    .example = "failed",
    .description = "Only jobs in this state.",
};
const struct api_parameter parameter_job_limit = {
    .name = "limit",
    .type = PARAMETER_INTEGER,
    .minimum = 1,
    .maximum = JOB_LIST_MAX,
    .fallback = 50,
    .description = "Jobs at most, the newest first.",
};
const struct api_parameter parameter_summary_format = {
    .name = "format",
    .choices = summary_formats,
    .example = "json",
    .description = "`text` for lines to read; goes before `Accept`.",
};
const struct api_parameter parameter_if_none_match = {
    .name = "If-None-Match",
    .place = PARAMETER_HEADER,
    .schema = "EntityTags",
    .example = "\"d5951c5b4562a94e\"",
    .description = "The `ETag` of what you have: the answer is 304 while that is still right.",
};

const struct api_parameter parameter_last_event_id = {
    .name = "Last-Event-ID",
    .place = PARAMETER_HEADER,
    .schema = "EventId",
    .example = "cdde8f30-5",
    .description = "The `id` of the last event that came: what came after it is sent first.",
};

static bool integer_fail(const struct api_parameter *parameter, const char *type,
                         const char *message, struct problem *problem) {
    return problem_set_field(problem, "query", parameter->name, type, message,
                             "The parameter %s must be a whole number from %ld to %ld.",
                             parameter->name, parameter->minimum, parameter->maximum);
}

bool parameter_read_integer(const struct http_request *request,
                            const struct api_parameter *parameter, long *value,
                            struct problem *problem) {
    *value = parameter->fallback;
    const char *text = http_request_query(request, parameter->name);
    if (text == NULL) return true;
    size_t sign = text[0] == '-' ? 1 : 0;
    size_t digits = strspn(text + sign, "0123456789");  // strtol would take blanks and "+" too
    if (digits == 0 || text[sign + digits] != '\0') {
        return integer_fail(parameter, "int_parsing",
                            "Input should be a valid integer, unable to parse string as an integer",
                            problem);
    }
    *value = strtol(text, NULL, 10);  // out of range gives LONG_MIN or LONG_MAX, refused below
    if (*value < parameter->minimum) {
        return integer_fail(parameter, "greater_than_equal", "Input should be larger", problem);
    }
    if (*value > parameter->maximum) {
        return integer_fail(parameter, "less_than_equal", "Input should be smaller", problem);
    }
    return true;
}

bool parameter_check_choice(const struct api_parameter *parameter, const char *place,
                            const char *value, size_t size, struct problem *problem) {
    if (value == NULL) return true;
    for (const char *const *choice = parameter->choices; *choice != NULL; choice++) {
        if (strlen(*choice) == size && memcmp(*choice, value, size) == 0) return true;
    }
    char accepted[128] = "";
    size_t used = 0;
    for (const char *const *choice = parameter->choices; *choice != NULL; choice++) {
        const char *gap = choice == parameter->choices ? "" : choice[1] == NULL ? " or " : ", ";
        used += (size_t)snprintf(accepted + used, sizeof accepted - used, "%s%s", gap, *choice);
        if (used >= sizeof accepted) break;
    }
    return problem_set_field(problem, place, parameter->name, "literal_error",
                             "Input should be one of the accepted values",
                             "The parameter %s must be %s.", parameter->name, accepted);
}

bool parameter_read_quality(const char *place, const char *value, size_t size,
                            enum route_quality *quality, struct problem *problem) {
    if (!parameter_check_choice(&parameter_quality, place, value, size, problem)) return false;
    char name[8];  // longer than any of the choices, one of which it is
    if (value == NULL) return true;
    (void)snprintf(name, sizeof name, "%.*s", (int)size, value);
    return route_quality_parse(name, quality);
}
