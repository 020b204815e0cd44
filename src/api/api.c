#include "api/api.h"

#include "api/handlers.h"

#include "api/batch_body.h"
#include "api/mcp_backend.h"
#include "api/openapi.h"
#include "api/picture_body.h"
#include "api/request_trace.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/memory.h"
#include "observe/trace.h"

static size_t max_body_bytes(const struct api *api, unsigned flags) {
    if ((flags & (ROUTE_TAKES_PICTURES | ROUTE_TAKES_FOREIGN)) != 0)
        return BATCH_BODY_UPLOADS * api->max_upload_bytes + PICTURE_BODY_OVERHEAD;
    if ((flags & ROUTE_TAKES_CHANGE) != 0) return IMAGE_CHANGE_SIZE_MAX;
    if ((flags & ROUTE_TAKES_MESSAGE) != 0) return mcp_message_size_max(api->max_upload_bytes);
    return (flags & ROUTE_TAKES_PICTURE) != 0 ? api->max_upload_bytes + PICTURE_BODY_OVERHEAD : 0;
}

bool api_init(struct api *api, struct error *err) {
    const struct engine_info *info = engine_info(api->engine);
    metrics_set_info(api->metrics, METRIC_BUILD_INFO, api->version, info->kernel_tier);
    metrics_set_info(api->metrics, METRIC_MODEL_INFO, info->caption_model, info->embedding_model);
    api->started_ns = clock_monotonic_ns();
    api->openapi_document = openapi_document_create(api->version, &api->openapi_size, err);
    if (api->openapi_document == NULL) return false;
    api->route_count = api_route_count;
    api->routes = memory_alloc(api_route_count * sizeof *api->routes);
    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_route *route = &api_routes[i];
        api->routes[i] = (struct http_route){
            .method = route->method,
            .path = route->path,
            .handler = trace_is_on() ? request_trace_run : route->handler,
            .is_instant = (route->flags & ROUTE_INSTANT) != 0,
            .max_body_bytes = max_body_bytes(api, route->flags),
        };
    }
    return true;
}

void api_clear(struct api *api) {
    memory_free(api->routes);
    memory_free(api->openapi_document);
    api->routes = NULL;
    api->openapi_document = NULL;
}

void api_stop(struct api *api) { atomic_store(&api->is_stopping, true); }
