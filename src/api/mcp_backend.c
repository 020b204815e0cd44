#include "api/mcp_backend.h"

#include <string.h>

#include "api/json_answer.h"
#include "api/mcp_resources.h"
#include "api/mcp_tools.h"
#include "api/web_asset.h"
#include "base/memory.h"
#include "mcp/schema_check.h"

enum { MESSAGE_OVERHEAD = 64 * 1024 };  // an address, a query, and what is around a picture

static const struct tool {
    const char *name;
    mcp_tool_function *function;
} tools[] = {
    {"search", mcp_search},
    {"similar", mcp_similar},
    {"caption", mcp_caption},
    {"describe", mcp_describe},
};

size_t mcp_message_size_max(size_t max_upload_bytes) {
    return max_upload_bytes / 3 * 4 + 4 + MESSAGE_OVERHEAD;
}

// Made anew each time: JSON that threads share would have to be locked.
static json_t *tools_json(void) {
    return json_loadb(web_mcp_tools_json, (size_t)(web_mcp_tools_json_end - web_mcp_tools_json),
                      JSON_REJECT_DUPLICATES, NULL);
}

static const struct tool *tool_find(const char *name) {
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (strcmp(tools[i].name, name) == 0) return &tools[i];
    return NULL;
}

static bool arguments_check(const char *name, const json_t *arguments, struct error *err) {
    json_t *list = tools_json();
    bool is_good = false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *tool = json_array_get(list, i);
        if (strcmp(json_string_value(json_object_get(tool, "name")), name) == 0)
            is_good = schema_check(json_object_get(tool, "inputSchema"), arguments, name, err);
    }
    json_decref(list);
    return is_good || error_set(err, ERROR_INTERNAL, "The server ran out of memory; try again.");
}

// Content that is only text, as every client can show it.
static json_t *text_content(json_t *text) {
    return json_pack("{s:s, s:o}", "type", "text", "text", text);
}

static json_t *failure_json(const struct error *err) {
    return json_pack("{s:[o], s:b}", "content", text_content(json_text(err->text)), "isError", 1);
}

// Takes over `answer` and `shown`.
static json_t *success_json(json_t *answer, json_t *shown) {
    size_t size = 0;
    char *text = json_bytes_create(answer, &size);
    json_t *first = text != NULL ? json_stringn(text, size) : NULL;
    memory_free(text);
    json_array_insert_new(shown, 0, text_content(first));
    return json_pack("{s:o, s:o, s:b}", "content", shown, "structuredContent", answer, "isError",
                     0);
}

static void count(const struct api *api, const char *tool, const struct error *err) {
    const char *outcome = err->kind == ERROR_NONE              ? "answered"
                          : error_http_status(err->kind) < 500 ? "refused"
                                                               : "failed";
    metrics_add(api->metrics, METRIC_MCP_CALLS, tool, outcome, 1);
}

static json_t *tool_call(struct api *api, const json_t *params, struct rpc_error *error) {
    const char *name = json_string_value(json_object_get(params, "name"));
    json_t *given = json_object_get(params, "arguments");
    const struct tool *tool = name != NULL ? tool_find(name) : NULL;
    struct error err = {0};
    if (tool == NULL || (given != NULL && !json_is_object(given))) {
        rpc_fail(error, RPC_INVALID_PARAMS,
                 tool == NULL ? "There is no tool of this name; tools/list tells which there are."
                              : "The arguments of a tool are an object.");
        return NULL;
    }
    json_t *arguments = given != NULL ? json_incref(given) : json_object();
    json_t *shown = json_array();
    json_t *answer =
        arguments_check(name, arguments, &err) ? tool->function(api, arguments, shown, &err) : NULL;
    json_decref(arguments);
    if (answer == NULL) error_set(&err, ERROR_INTERNAL, "The server ran out of memory; try again.");
    count(api, tool->name, &err);
    if (answer != NULL) return success_json(answer, shown);
    json_decref(shown);
    return failure_json(&err);
}

static json_t *answer(void *context, const char *method, const json_t *params,
                      struct rpc_error *error) {
    struct api *api = context;
    if (strcmp(method, "tools/list") == 0) return json_pack("{s:o}", "tools", tools_json());
    if (strcmp(method, "tools/call") == 0) return tool_call(api, params, error);
    if (strcmp(method, "resources/list") == 0) return mcp_resources_list(api, params, error);
    if (strcmp(method, "resources/read") == 0) return mcp_resource_read(api, params, error);
    return mcp_resource_templates_list();
}

void mcp_backend_init(struct mcp_backend *backend, struct api *api) {
    *backend = (struct mcp_backend){.answer = answer, .context = api, .version = api->version};
}
