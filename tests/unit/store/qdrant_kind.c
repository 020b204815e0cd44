#include "qdrant_kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/qdrant_client.h"
#include "store/qdrant_store.h"

static const char *test_url(void) { return getenv("IMGROUTER_TEST_QDRANT_URL"); }
static const char *test_key(void) { return getenv("IMGROUTER_TEST_QDRANT_API_KEY"); }

const char *qdrant_find_obstacle(void) {
    return test_url() == NULL ? "IMGROUTER_TEST_QDRANT_URL is not set" : NULL;
}

void qdrant_prepare_empty(const char *folder) {
    (void)folder;
    struct error err = {0};
    json_t *result = NULL;
    struct qdrant_client *client = qdrant_client_create(test_url(), test_key(), &err);
    if (client == NULL || !qdrant_client_send(client, "GET", "/collections", NULL, &result, &err))
        fail_msg("%s", err.text);
    const json_t *collections = json_object_get(result, "collections");
    for (size_t i = 0; i < json_array_size(collections); i++) {
        const json_t *each = json_array_get(collections, i);
        const char *name = json_string_value(json_object_get(each, "name"));
        char path[256];
        if (strncmp(name, QDRANT_TEST_COLLECTION "_", sizeof QDRANT_TEST_COLLECTION) != 0) continue;
        (void)snprintf(path, sizeof path, "/collections/%s", name);
        if (!qdrant_client_send(client, "DELETE", path, NULL, NULL, &err)) fail_msg("%s", err.text);
    }
    json_decref(result);
    qdrant_client_destroy(client);
}

struct store *qdrant_open(const char *folder, struct error *err) {
    (void)folder;
    return qdrant_store_create(
        &(struct qdrant_options){
            .url = test_url(), .api_key = test_key(), .collection = QDRANT_TEST_COLLECTION},
        err);
}
