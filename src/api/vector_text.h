// Vectors on their way out.
#pragma once

#include "base/byte_buffer.h"
#include "engine/engine.h"

// "[0.1,-0.25]", with as many digits as a float needs to come back as it was. False when the buffer
// has no room.
bool vector_append_json(struct byte_buffer *buffer, const struct embedding *embedding);
// The floats' bytes, least byte first, as base64.
bool vector_append_base64(struct byte_buffer *buffer, const struct embedding *embedding);
