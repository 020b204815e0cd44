// The tool describe.
#include "api/duplicates_json.h"
#include "api/image_answer.h"
#include "api/mcp_picture.h"
#include "api/mcp_tools.h"

json_t *mcp_describe(struct api *api, const json_t *arguments, json_t *shown, struct error *err) {
    struct image_record record;
    struct duplicates duplicates;
    struct problem problem = {0};
    char uri[MCP_URI_SIZE];
    const char *id = json_string_value(json_object_get(arguments, "image_id"));
    if (!image_id_check(id, &problem)) {
        *err = problem.error;
        return NULL;
    }
    if (!service_get_image(api->service, id, &record, err) ||
        !service_find_duplicates(api->service, &record, &duplicates, err))
        return NULL;
    json_t *json = image_json_create(&record);
    mcp_uri_write(record.id, uri);
    json_object_set_new(json, "uri", json_string(uri));
    json_object_set_new(json, "duplicates", duplicates_json_create(&duplicates, NULL));
    record_notice_add(json, &record);
    if (json_is_true(json_object_get(arguments, "thumbnail")))
        mcp_thumbnail_show(api, record.id, shown);
    return json;
}
