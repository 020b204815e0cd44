// What an answer is worth, told by the name of the model that gave it. The name is kept with every
// picture, so this can still be told when other models run.
#pragma once

// Best first: what a better source said never makes way for a worse one.
enum model_source { MODEL_FULL, MODEL_DEMO, MODEL_MOCK };

#define MOCK_MODEL_NAME "mock"

// "mock" is a mock; a name that begins with "imgrouter-demo-" (the folders of models/demo) is a
// demo model, with or without a fingerprint behind; any other is a full one.
enum model_source model_source_of(const char *name);
const char *model_source_name(enum model_source source);  // "full", "demo", "mock"
