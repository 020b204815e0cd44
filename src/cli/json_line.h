// JSON answers of the commands: one object a line.
#pragma once

#include <jansson.h>
#include <stddef.h>

// A JSON string of any bytes: file names need not be UTF-8, so those that are not get a '?' for
// each foreign byte.
json_t *json_line_text(const char *text);
json_t *json_line_numbers(const float *values, size_t count);
json_t *json_line_ids(const int *values, size_t count);
// Prints the object and a line end; takes the object.
void json_line_print(json_t *object);
