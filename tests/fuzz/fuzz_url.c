// Addresses from strangers: whatever the bytes, the check ends without a fault, and what it lets
// through is http or https, without a user, on port 80 or 443.
#include <assert.h>
#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/public_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *url = malloc(size + 1);
    if (url == NULL) return 0;
    memcpy(url, data, size);
    url[size] = '\0';
    struct error err = {0};
    CURLU *parsed = public_url_create(url, false, &err);
    assert((parsed == NULL) == (err.kind != ERROR_NONE));
    if (parsed != NULL) {
        char *scheme = NULL, *user = NULL, *port = NULL;
        assert(curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
        assert(strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
        assert(curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
        assert(curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK);
        assert(strcmp(port, "80") == 0 || strcmp(port, "443") == 0);
        curl_free(scheme);
        curl_free(port);
        curl_url_cleanup(parsed);
    }
    free(url);
    return 0;
}
