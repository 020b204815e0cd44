// Answers without models, only when asked for, to try clients and for tests: everything follows
// from the picture's hash, so the same picture always gets the same answer. The words of a mock
// caption make the mock vector, so that searching for them finds the picture.
#pragma once

#include "engine/engine.h"

enum { MOCK_EMBEDDING_WIDTH = 512, MOCK_PICTURE_SIDE = 64 };

void mock_caption(const uint8_t hash[static 32], struct caption *caption);
void mock_embed_image(const uint8_t hash[static 32], struct embedding *embedding);
// ERROR_INVALID for text without a word.
bool mock_embed_text(const char *text, struct embedding *embedding, struct error *err);
