#include "cli/json_line.h"

#include <stdio.h>

#include "base/memory.h"

enum { FLOAT_DIGITS = 9 };  // enough to give back the same float (C17 5.2.4.2.2, FLT_DECIMAL_DIG)

json_t *json_line_text(const char *text) {
    json_t *value = json_string(text);
    if (value != NULL) return value;
    char *copy = memory_copy_text(text);
    for (char *c = copy; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    value = json_string(copy);
    memory_free(copy);
    return value;
}

json_t *json_line_numbers(const float *values, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) (void)json_array_append_new(array, json_real(values[i]));
    return array;
}

json_t *json_line_ids(const int *values, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) (void)json_array_append_new(array, json_integer(values[i]));
    return array;
}

void json_line_print(json_t *object) {
    (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(FLOAT_DIGITS));
    (void)putchar('\n');
    (void)fflush(stdout);
    json_decref(object);
}
