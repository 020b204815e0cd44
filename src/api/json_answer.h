// JSON on its way out: values that JSON cannot hold are mended here, once, so that every answer
// is valid whatever a client once sent.
#pragma once

#include <jansson.h>

#include "http/server.h"

// Writes the JSON as the body; takes the reference. NULL (out of memory) becomes a 500.
void answer_json(struct http_response *response, int status, json_t *json);
void answer_json_as(struct http_response *response, int status, const char *media_type,
                    json_t *json);

// Answers 200 with what was written into the buffer, which is taken over. ERROR_INTERNAL when it
// ran out of room or memory.
struct byte_buffer;
bool answer_buffer(struct http_response *response, const char *media_type,
                   struct byte_buffer *buffer, struct error *err);

// The JSON as compact text; the caller frees with memory_free. NULL when memory is out.
char *json_bytes_create(const json_t *json, size_t *size);

// A string of any bytes: one that was cut inside a character loses the rest of that character;
// in one that is no UTF-8 at all every foreign byte becomes "?". NULL only when memory is out.
json_t *json_text(const char *text);
// null for what is not finite.
json_t *json_rounded(double value, int decimals);
// Nano-dollars as dollars. A billionth is the ninth decimal: up to a million dollars, the 15 digits
// of an answer show every one.
json_t *json_usd(int64_t nano_usd);
