#include "api/entity_tag.h"

#include <string.h>

bool entity_tag_is_known(const struct http_request *request, const char *entity_tag) {
    const char *header = http_request_header(request, "If-None-Match");
    if (header == NULL) return false;
    // A list of tags, compared weakly. Ours hold neither commas nor quotes, so one of them is in
    // the list when its text, quotes included, is in the header.
    return strcmp(header, "*") == 0 || strstr(header, entity_tag) != NULL;
}
