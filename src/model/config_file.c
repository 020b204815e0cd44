#include "model/config_file.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/model_path.h"

enum { MAX_CONFIG_BYTES = 4 << 20 };  // real ones have 5 KB

// A config_section is a jansson object under another name, so that the room's other files need
// not know the JSON library.
struct config_file {
    char path[PATH_MAX];
    json_t *root;
};

static json_t *object_of(const struct config_section *section) {
    return (json_t *)(uintptr_t)section;
}

static json_t *value_of(const struct config_section *section, const char *key) {
    json_t *value = json_object_get(object_of(section), key);
    return json_is_null(value) ? NULL : value;
}

struct config_file *config_file_open(const char *folder, const char *name, struct error *err) {
    struct config_file *file = memory_alloc(sizeof *file);
    char *text = NULL;
    if (!model_path_join(file->path, folder, name, err)) goto fail;
    size_t size;
    text = file_read_create(file->path, MAX_CONFIG_BYTES, &size, err);
    if (text == NULL) goto fail;
    json_error_t problem;
    file->root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    if (file->root == NULL) {
        error_set(err, ERROR_INVALID, "%s is not valid JSON (line %d: %s)", file->path,
                  problem.line, problem.text);
        goto fail;
    }
    if (!json_is_object(file->root)) {
        error_set(err, ERROR_INVALID, "%s does not hold a JSON object", file->path);
        goto fail;
    }
    memory_free(text);
    return file;
fail:
    memory_free(text);
    config_file_close(file);
    return NULL;
}

void config_file_close(struct config_file *file) {
    if (file == NULL) return;
    json_decref(file->root);
    memory_free(file);
}

const struct config_section *config_file_root(const struct config_file *file) {
    return (const struct config_section *)file->root;
}

const struct config_section *config_section_find(const struct config_section *section,
                                                 const char *key) {
    json_t *value = value_of(section, key);
    return json_is_object(value) ? (const struct config_section *)value : NULL;
}

bool config_has(const struct config_section *section, const char *key) {
    return value_of(section, key) != NULL;
}

bool config_size(const struct config_file *file, const struct config_section *section,
                 const char *key, size_t limit, size_t otherwise, size_t *out, struct error *err) {
    json_t *value = value_of(section, key);
    if (value == NULL && otherwise > 0) {
        *out = otherwise;
        return true;
    }
    if (value == NULL)
        return error_set(err, ERROR_INVALID, "%s: \"%s\" is missing; it cannot be guessed",
                         file->path, key);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 1 || (uint64_t)number > limit)
        return error_set(err, ERROR_INVALID, "%s: \"%s\" must be a whole number from 1 to %zu",
                         file->path, key, limit);
    *out = (size_t)number;
    return true;
}

bool config_token(const struct config_file *file, const struct config_section *section,
                  const char *key, size_t limit, int32_t *out, struct error *err) {
    json_t *value = value_of(section, key);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || (uint64_t)number >= limit)
        return error_set(err, ERROR_INVALID, "%s: \"%s\" must be a token id below %zu", file->path,
                         key, limit);
    *out = (int32_t)number;
    return true;
}

bool config_number(const struct config_file *file, const struct config_section *section,
                   const char *key, double otherwise, double *out, struct error *err) {
    json_t *value = value_of(section, key);
    *out = value == NULL ? otherwise : json_number_value(value);
    if ((value == NULL || json_is_number(value)) && isfinite(*out) && *out > 0) return true;
    return error_set(err, ERROR_INVALID, "%s: \"%s\" must be a positive number", file->path, key);
}

bool config_flag(const struct config_section *section, const char *key, bool otherwise) {
    json_t *value = value_of(section, key);
    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

bool config_either(const struct config_file *file, const struct config_section *section,
                   const char *key, const char *first, const char *second, bool *is_second,
                   struct error *err) {
    json_t *value = value_of(section, key);
    const char *word = json_string_value(value);
    if (value == NULL) return true;
    *is_second = word != NULL && strcmp(word, second) == 0;
    if (*is_second || (word != NULL && strcmp(word, first) == 0)) return true;
    return error_set(err, ERROR_INVALID, "%s: \"%s\" is \"%s\"; this program knows %s and %s",
                     file->path, key, word == NULL ? "no text" : word, first, second);
}

bool config_activation(const struct config_file *file, const struct config_section *section,
                       const char *key, enum activation otherwise, enum activation *out,
                       struct error *err) {
    bool is_quick = otherwise == ACTIVATION_QUICK_GELU;
    bool is_read = config_either(file, section, key, "gelu", "quick_gelu", &is_quick, err);
    *out = is_quick ? ACTIVATION_QUICK_GELU : ACTIVATION_GELU;
    return is_read;
}

bool config_triple(const struct config_file *file, const struct config_section *section,
                   const char *key, float out[static 3], struct error *err) {
    json_t *value = value_of(section, key);
    if (value == NULL) return true;
    float numbers[3];
    bool is_valid = json_array_size(value) == 3;
    for (size_t i = 0; i < 3 && is_valid; i++) {
        json_t *number = json_array_get(value, i);
        numbers[i] = (float)json_number_value(number);
        is_valid = json_is_number(number) && isfinite(numbers[i]);
    }
    if (!is_valid)
        return error_set(err, ERROR_INVALID, "%s: \"%s\" must be three numbers", file->path, key);
    memcpy(out, numbers, sizeof numbers);
    return true;
}
