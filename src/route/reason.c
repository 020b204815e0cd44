#include <string.h>

#include "route/policy.h"

const char *route_reason_code(enum route_reason reason) {
    static const char *const codes[] = {
#define REASON(id, code, meaning) [REASON_##id] = code,
#include "route/reason_list.h"
#undef REASON
    };
    return codes[reason];
}

const char *route_reason_meaning(enum route_reason reason) {
    static const char *const meanings[] = {
#define REASON(id, code, meaning) [REASON_##id] = meaning,
#include "route/reason_list.h"
#undef REASON
    };
    return meanings[reason];
}

bool route_quality_parse(const char *text, enum route_quality *quality) {
    static const char *const names[] = {
        [QUALITY_AUTO] = "auto", [QUALITY_FAST] = "fast", [QUALITY_HIGH] = "high"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) != 0) continue;
        *quality = (enum route_quality)i;
        return true;
    }
    return false;
}
