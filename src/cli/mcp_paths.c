#include "cli/mcp_paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/memory.h"
#include "image/decode.h"

enum { PATH_SIZE = 4096 };

// Beside `data` in every tool that takes a picture.
static void tools_extend(json_t *result) {
    json_t *tools = json_object_get(result, "tools");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        json_t *schema = json_object_get(json_array_get(tools, i), "inputSchema");
        json_t *properties = json_object_get(schema, "properties");
        if (json_object_get(properties, "data") == NULL) continue;
        json_object_set_new(
            properties, "path",
            json_pack("{s:s, s:i, s:s}", "type", "string", "minLength", 1, "description",
                      "The path of a picture file on this machine; ~/ is the home folder."));
    }
}

// The file's bytes as base64. Only of a picture: nothing else is to leave this machine.
static json_t *file_json(const char *path, size_t max_bytes, struct error *err) {
    char whole[PATH_SIZE];
    const char *home = path[0] == '~' && path[1] == '/' ? getenv("HOME") : NULL;
    size_t size = 0;
    struct byte_buffer text;
    json_t *json = NULL;
    int length = snprintf(whole, sizeof whole, "%s%s", home != NULL ? home : "",
                          home != NULL ? path + 1 : path);
    if (length < 0 || (size_t)length >= sizeof whole) {
        error_set(err, ERROR_INVALID, "The path is too long.");
        return NULL;
    }
    char *bytes = file_read_create(whole, max_bytes, &size, err);
    if (bytes == NULL) return NULL;
    byte_buffer_init(&text, max_bytes / 3 * 4 + 8);
    if (image_sniff((const uint8_t *)bytes, size) == IMAGE_UNKNOWN)
        error_set(err, ERROR_UNSUPPORTED, "%s is not a picture, or of an unknown format", path);
    else if (base64_append(&text, (const uint8_t *)bytes, size))
        json = json_stringn(text.bytes, text.size);
    if (json == NULL) error_set(err, ERROR_INTERNAL, "there is no memory for %s", path);
    byte_buffer_clear(&text);
    memory_free(bytes);
    return json;
}

// The arguments with data in place of path.
static json_t *arguments_create(const struct mcp_paths *paths, const json_t *arguments,
                                struct error *err) {
    json_t *path = json_object_get(arguments, "path");
    if (!json_is_string(path)) {
        error_set(err, ERROR_INVALID, "path must be of the type string.");
        return NULL;
    }
    if (json_object_get(arguments, "data") != NULL) {
        error_set(err, ERROR_INVALID, "Name the picture in exactly one way: path or data.");
        return NULL;
    }
    const char *text = json_string_value(path), *slash = strrchr(text, '/');
    json_t *data = file_json(text, paths->max_bytes, err);
    if (data == NULL) return NULL;
    json_t *changed = json_copy((json_t *)arguments);
    json_object_del(changed, "path");
    json_object_set_new(changed, "data", data);
    return json_pack("{s:o, s:s}", "arguments", changed, "name", slash != NULL ? slash + 1 : text);
}

static json_t *failure_json(const struct error *err) {
    return json_pack("{s:[{s:s, s:o}], s:b}", "content", "type", "text", "text",
                     json_string(err->text), "isError", 1);
}

// Whether a tool of this name takes a file's name too, when the picture is kept.
static bool takes_name(const json_t *params) {
    const char *tool = json_string_value(json_object_get(params, "name"));
    return tool != NULL && strcmp(tool, "caption") == 0;
}

static json_t *call(const struct mcp_paths *paths, const json_t *params, struct rpc_error *error) {
    const struct mcp_backend *inner = paths->inner;
    const json_t *arguments = json_object_get(params, "arguments");
    struct error err = {0};
    if (json_object_get(arguments, "path") == NULL)
        return inner->answer(inner->context, "tools/call", params, error);
    json_t *read = arguments_create(paths, arguments, &err);
    if (read == NULL) return failure_json(&err);
    json_t *changed = json_object_get(read, "arguments");
    if (takes_name(params) && json_object_get(changed, "filename") == NULL)
        json_object_set(changed, "filename", json_object_get(read, "name"));
    json_t *sent = json_copy((json_t *)params);
    json_object_set(sent, "arguments", changed);
    json_decref(read);
    json_t *result = inner->answer(inner->context, "tools/call", sent, error);
    json_decref(sent);
    return result;
}

static json_t *answer(void *context, const char *method, const json_t *params,
                      struct rpc_error *error) {
    const struct mcp_paths *paths = context;
    if (strcmp(method, "tools/call") == 0) return call(paths, params, error);
    json_t *result = paths->inner->answer(paths->inner->context, method, params, error);
    if (result != NULL && strcmp(method, "tools/list") == 0) tools_extend(result);
    return result;
}

void mcp_paths_init(struct mcp_backend *backend, const struct mcp_paths *paths) {
    *backend = (struct mcp_backend){
        .answer = answer, .context = (void *)paths, .version = paths->inner->version};
}
