// Pictures go to a running server, many in one POST /images/batch.
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/byte_buffer.h"
#include "base/memory.h"
#include "cli/index_target.h"
#include "cli/server_address.h"
#include "fetch/fetch_trusted.h"

enum {
    // Enough for the server's threads; a batch more of them is under way while one is answered.
    PICTURES_MAX = 16,
    BYTES_MAX = 16 * 1024 * 1024,  // with one largest picture more still a body that it takes
    THREADS = 2,
    CONNECT_TIMEOUT_MS = 10000,
    ANSWER_TIMEOUT_MS = 600000,  // 16 pictures behind other batches on a slow machine
    ANSWER_SIZE_MAX = 16 * 1024 * 1024,
};

struct index_server {
    struct index_target target;  // first, so that the one is found from the other
    char address[STORE_URL_SIZE];
    char url[STORE_URL_SIZE + 16];
    const char *quality;  // of the setting
};

static bool keep_answer(void *context, long status, const void *bytes, size_t size,
                        struct error *err) {
    (void)status;
    return byte_buffer_append(context, bytes, size) ||
           error_set(err, ERROR_UPSTREAM, "the server's answer is too long");
}

static void set_all(struct index_picture *pictures, size_t count, enum index_outcome outcome,
                    const struct error *reason) {
    for (size_t i = 0; i < count; i++) {
        pictures[i].outcome = outcome;
        pictures[i].reason = *reason;
    }
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static void read_problem(struct index_picture *picture, const json_t *problem) {
    json_int_t status = json_integer_value(json_object_get(problem, "status"));
    const char *detail = text_of(problem, "detail");
    picture->outcome = status == 503 ? INDEX_AGAIN : status == 507 ? INDEX_STOP : INDEX_FAILED;
    error_set(&picture->reason, picture->outcome == INDEX_FAILED ? ERROR_INVALID : ERROR_STORAGE,
              "%s", detail[0] != '\0' ? detail : "the server refuses it and does not say why");
}

static bool read_result(struct index_picture *picture, const json_t *result) {
    const json_t *problem = json_object_get(result, "problem");
    const json_t *was_known = json_object_get(result, "was_known");
    error_clear(&picture->reason);
    if (problem != NULL) {
        read_problem(picture, problem);
        return true;
    }
    picture->outcome = json_is_true(was_known) ? INDEX_KNOWN : INDEX_NEW;
    (void)snprintf(picture->id, sizeof picture->id, "%s", text_of(result, "id"));
    (void)snprintf(picture->caption, sizeof picture->caption, "%s", text_of(result, "caption"));
    return json_is_boolean(was_known) && strlen(picture->id) == IMAGE_ID_SIZE - 1;
}

static bool read_results(struct index_picture *pictures, size_t count, const json_t *answer) {
    const json_t *results = json_object_get(answer, "results");
    if (json_array_size(results) != count) return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *result = json_array_get(results, i);
        json_t *index = json_object_get(result, "index");
        if (!json_is_integer(index) || json_integer_value(index) != (json_int_t)i ||
            !read_result(&pictures[i], result))
            return false;
    }
    return true;
}

static void ingest(struct index_target *target, struct index_picture *pictures, size_t count);

// What the whole request was answered when not with results.
static void refuse(struct index_server *server, struct index_picture *pictures, size_t count,
                   long status, const char *detail) {
    struct error reason = {0};
    if (status == 413 && count > 1) {  // the server's limits are smaller than ours
        ingest(&server->target, pictures, count / 2);
        ingest(&server->target, pictures + count / 2, count - count / 2);
        return;
    }
    if (status == 413)
        error_set(&reason, ERROR_TOO_LARGE, "%s",
                  detail[0] != '\0' ? detail : "the server takes no picture as large as this");
    else if (status == 200)
        error_set(&reason, ERROR_UPSTREAM,
                  "the answer of %s is not one of imgrouter's; is it another program?",
                  server->address);
    else if (status == 404 || status == 405)
        error_set(&reason, ERROR_UPSTREAM,
                  "%s does not know POST /images/batch; is it an imgrouter of this version?",
                  server->address);
    else
        error_set(&reason, ERROR_UPSTREAM, "%s answered %ld: %s", server->address, status, detail);
    set_all(pictures, count,
            status == 413   ? INDEX_FAILED
            : status == 503 ? INDEX_AGAIN
                            : INDEX_STOP,
            &reason);
}

static char *names_create(const struct index_picture *pictures, size_t count, size_t *size) {
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *name = json_string(pictures[i].name);  // NULL for what is not UTF-8
        json_array_append_new(names, name != NULL ? name : json_string(""));
    }
    *size = json_dumpb(names, NULL, 0, JSON_COMPACT);
    char *text = memory_try(*size);
    if (text != NULL) (void)json_dumpb(names, text, *size, JSON_COMPACT);
    json_decref(names);
    return text;
}

static bool send(const struct index_server *server, const struct index_picture *pictures,
                 size_t count, struct byte_buffer *answer, long *status, struct error *err) {
    struct fetch_part parts[PICTURES_MAX + 2];
    size_t names_size;
    char *names = names_create(pictures, count, &names_size);
    if (names == NULL) return error_set(err, ERROR_INTERNAL, "out of memory");
    parts[0] = (struct fetch_part){.name = "names", .bytes = names, .size = names_size};
    parts[1] = (struct fetch_part){
        .name = "quality", .bytes = server->quality, .size = strlen(server->quality)};
    for (size_t i = 0; i < count; i++)
        parts[i + 2] = (struct fetch_part){.name = "file",
                                           .file_name = "picture",
                                           .bytes = pictures[i].bytes,
                                           .size = pictures[i].size};
    struct fetch_client *client = fetch_client_create(err);
    bool is_done = client != NULL && fetch_client_send(client,
                                                       &(struct fetch_request){
                                                           .url = server->url,
                                                           .parts = parts,
                                                           .part_count = count + 2,
                                                           .is_direct_on_loopback = true,
                                                           .takes_every_status = true,
                                                           .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                                           .stall_timeout_ms = ANSWER_TIMEOUT_MS,
                                                           .sink = keep_answer,
                                                           .context = answer},
                                                       status, err);
    fetch_client_destroy(client);
    memory_free(names);
    return is_done;
}

static void ingest(struct index_target *target, struct index_picture *pictures, size_t count) {
    struct index_server *server = (struct index_server *)target;
    struct byte_buffer bytes;
    struct error problem = {0};
    long status = 0;
    byte_buffer_init(&bytes, ANSWER_SIZE_MAX);
    if (!send(server, pictures, count, &bytes, &status, &problem)) {
        error_wrap(&problem, "%s", server->address);
        set_all(pictures, count, INDEX_STOP, &problem);
    } else {
        json_error_t error;
        json_t *answer = json_loadb(bytes.size > 0 ? bytes.bytes : "", bytes.size, 0, &error);
        if (status != 200 || !read_results(pictures, count, answer))
            refuse(server, pictures, count, status, text_of(answer, "detail"));
        json_decref(answer);
    }
    byte_buffer_clear(&bytes);
}

static void destroy(struct index_target *target) { memory_free(target); }

struct index_target *index_server_create(const struct settings *settings, struct error *err) {
    char address[STORE_URL_SIZE];
    if (!server_address_read(settings->server, address, err)) return NULL;
    struct index_server *server = memory_alloc(sizeof *server);
    memcpy(server->address, address, sizeof server->address);
    server->quality = settings->quality;
    (void)snprintf(server->url, sizeof server->url, "%s/images/batch", server->address);
    server->target = (struct index_target){.name = server->address,
                                           .threads = THREADS,
                                           .pictures_max = PICTURES_MAX,
                                           .bytes_max = BYTES_MAX,
                                           .ingest = ingest,
                                           .destroy = destroy};
    return &server->target;
}
