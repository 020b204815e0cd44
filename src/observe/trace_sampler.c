#include "observe/trace_sampler.h"

#include <stdlib.h>
#include <string.h>

enum { RANDOM_BITS = 56 };  // of a trace id that are surely random, says W3C: the last seven bytes

static bool parse_ratio(const char *text, double *ratio) {
    *ratio = 1;
    if (text == NULL || text[0] == '\0') return true;
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0 && value <= 1)) return false;
    *ratio = value;
    return true;
}

bool trace_sampler_parse(const char *name, const char *argument, struct trace_sampler *sampler) {
    static const char prefix[] = "parentbased_";
    *sampler = (struct trace_sampler){.follows_parent = true, .ratio = 1};
    if (name == NULL || name[0] == '\0') return true;
    bool follows_parent = strncmp(name, prefix, sizeof prefix - 1) == 0;
    const char *rest = name + (follows_parent ? sizeof prefix - 1 : 0);
    double ratio;
    if (strcmp(rest, "always_on") == 0)
        ratio = 1;
    else if (strcmp(rest, "always_off") == 0)
        ratio = 0;
    else if (strcmp(rest, "traceidratio") != 0 || !parse_ratio(argument, &ratio))
        return false;
    *sampler = (struct trace_sampler){.follows_parent = follows_parent, .ratio = ratio};
    return true;
}

bool trace_sampler_takes(const struct trace_sampler *sampler, const struct trace_context *parent,
                         const uint8_t trace_id[static TRACE_ID_BYTES]) {
    if (sampler->follows_parent && parent != NULL) return parent->is_sampled;
    uint64_t number = 0;
    for (int i = TRACE_ID_BYTES - RANDOM_BITS / 8; i < TRACE_ID_BYTES; i++)
        number = number << 8 | trace_id[i];
    return (double)number < sampler->ratio * (double)(UINT64_C(1) << RANDOM_BITS);
}
