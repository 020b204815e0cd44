#include "api/batch_body.h"

#include <stdio.h>
#include <string.h>

#include "api/json_body.h"
#include "api/parameter.h"
#include "base/memory.h"

static const char json_example[] = "{\"urls\": [\"https://example.org/picture.jpg\"]}";

// All addresses of a batch at their longest, every byte of them escaped as \u00xx would still fit.
enum { JSON_BODY_SIZE_MAX = 1024 * 1024 };

static bool batch_create(struct batch *batch, size_t count, const char *field,
                         struct problem *problem) {
    if (count == 0)
        return problem_set_field(problem, "body", field, "missing", "Field required",
                                 "There is no picture in the request; send one to %d of them as "
                                 "form fields \"file\", or as addresses: %s.",
                                 BATCH_PICTURES_MAX, json_example);
    if (count > BATCH_PICTURES_MAX)
        return error_set(&problem->error, ERROR_TOO_LARGE,
                         "The request has %zu pictures; send at most %d at once.", count,
                         BATCH_PICTURES_MAX);
    batch->items = memory_try_zeroed(count, sizeof *batch->items);
    if (batch->items == NULL)
        return error_set(&problem->error, ERROR_OVERLOADED, "out of memory; try again shortly");
    batch->count = count;
    return true;
}

void batch_clear(struct batch *batch) {
    memory_free(batch->items);
    *batch = (struct batch){0};
}

static const struct http_part *find_part(const struct http_part *parts, size_t count,
                                         const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(parts[i].name, name) == 0) return &parts[i];
    return NULL;
}

// The end of a path tells more than its beginning, so that is what stays of one that is too long.
static void set_whole_name(struct picture_body *body, const char *name) {
    size_t size = strlen(name);
    if (size >= sizeof body->file_name) name += size - (sizeof body->file_name - 1);
    while (((unsigned char)*name & 0xc0) == 0x80) name++;  // never from the middle of a character
    (void)snprintf(body->file_name, sizeof body->file_name, "%s", name);
}

static bool names_read(struct batch *batch, const struct http_part *part, struct problem *problem) {
    json_error_t error;
    json_t *names = json_loadb(part->size > 0 ? (const char *)part->bytes : "", part->size,
                               JSON_REJECT_DUPLICATES, &error);
    bool is_read = json_is_array(names) && json_array_size(names) == batch->count;
    for (size_t i = 0; is_read && i < batch->count; i++) {
        const json_t *name = json_array_get(names, i);
        is_read = json_is_string(name);
        if (is_read) set_whole_name(&batch->items[i].body, json_string_value(name));
    }
    json_decref(names);
    return is_read ||
           problem_set_field(problem, "body", "names", "list_type", "Input should be a valid list",
                             "The field \"names\" must be a JSON array of %zu strings, one for "
                             "each \"file\"; or leave it out.",
                             batch->count);
}

static bool form_read(struct batch *batch, struct http_request *request, struct problem *problem) {
    size_t count = 0, files = 0;
    const struct http_part *parts = http_request_parts(request, &count, &problem->error);
    if (parts == NULL)  // refused, or a form without a part
        return problem->error.kind == ERROR_NONE && batch_create(batch, 0, "file", problem);
    for (size_t i = 0; i < count; i++) files += strcmp(parts[i].name, "file") == 0;
    if (!batch_create(batch, files, "file", problem)) return false;
    struct batch_item *item = batch->items;
    for (size_t i = 0; i < count; i++) {
        const struct http_part *part = &parts[i];
        if (strcmp(part->name, "file") != 0) continue;
        picture_body_set_name(&item->body, part->file_name);
        (void)picture_body_set_bytes(&item->body, part->bytes, part->size, &item->problem);
        item++;
    }
    const struct http_part *names = find_part(parts, count, "names");
    const struct http_part *quality = find_part(parts, count, parameter_quality.name);
    const char *value = quality == NULL ? NULL : quality->size > 0 ? (char *)quality->bytes : "";
    return (names == NULL || names_read(batch, names, problem)) &&
           parameter_read_quality("body", value, quality == NULL ? 0 : quality->size,
                                  &batch->quality, problem);
}

static bool urls_read(struct batch *batch, const json_t *json, struct problem *problem) {
    const json_t *urls = json_object_get(json, "urls");
    const json_t *url;
    size_t i;
    bool is_list = json_is_array(urls);
    json_array_foreach((json_t *)urls, i, url) is_list = is_list && json_is_string(url);
    if (!is_list)
        return problem_set_field(problem, "body", "urls", urls == NULL ? "missing" : "list_type",
                                 urls == NULL ? "Field required" : "Input should be a valid list",
                                 "The JSON body must have the addresses of pictures in a list of "
                                 "strings: %s.",
                                 json_example);
    if (!batch_create(batch, json_array_size(urls), "urls", problem)) return false;
    json_array_foreach((json_t *)urls, i, url) {
        struct batch_item *item = &batch->items[i];
        (void)picture_body_set_url(&item->body, json_string_value(url), json_string_length(url),
                                   &item->problem);
    }
    const json_t *quality = json_object_get(json, parameter_quality.name);
    const char *value = quality == NULL           ? NULL
                        : json_is_string(quality) ? json_string_value(quality)
                                                  : "";
    return parameter_read_quality("body", value, value == NULL ? 0 : strlen(value), &batch->quality,
                                  problem);
}

static bool json_read(struct batch *batch, struct http_request *request, struct problem *problem) {
    json_t *json = json_body_read(request, JSON_BODY_SIZE_MAX, json_example, problem);
    if (json == NULL) return false;
    bool is_read = urls_read(batch, json, problem);
    json_decref(json);
    return is_read;
}

bool batch_body_read(struct batch *batch, struct http_request *request, struct problem *problem) {
    const char *media_type = http_request_media_type(request);
    const char *quality = http_request_query(request, parameter_quality.name);
    bool is_read = false;
    *batch = (struct batch){0};
    if (!parameter_read_quality("query", quality, quality != NULL ? strlen(quality) : 0,
                                &batch->quality, problem))
        return false;
    if (strcmp(media_type, "multipart/form-data") == 0) {
        is_read = form_read(batch, request, problem);
    } else if (strcmp(media_type, "application/json") == 0) {
        is_read = json_read(batch, request, problem);
    } else {
        problem->accepted = "multipart/form-data, application/json";
        error_set(&problem->error, ERROR_UNSUPPORTED,
                  "A body of this content type is not accepted; send a form "
                  "(multipart/form-data) with a field \"file\" for each picture, or JSON: %s.",
                  json_example);
    }
    if (!is_read) batch_clear(batch);
    return is_read;
}
