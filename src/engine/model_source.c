#include "engine/model_source.h"

#include <string.h>

enum model_source model_source_of(const char *name) {
    static const char demo[] = "imgrouter-demo-";
    if (strcmp(name, MOCK_MODEL_NAME) == 0) return MODEL_MOCK;
    return strncmp(name, demo, sizeof demo - 1) == 0 ? MODEL_DEMO : MODEL_FULL;
}

const char *model_source_name(enum model_source source) {
    static const char *const names[] = {
        [MODEL_FULL] = "full", [MODEL_DEMO] = "demo", [MODEL_MOCK] = "mock"};
    return names[source];
}
