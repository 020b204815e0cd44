// Reading a model's JSON configuration: numbers with limits, so that everything sized by them
// later is sane, and errors that name the file and the key.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kernels/kernels.h"

struct config_file;
struct config_section;  // an object inside the file; borrowed

// Errors: ERROR_NOT_FOUND, ERROR_INVALID (not JSON).
struct config_file *config_file_open(const char *folder, const char *name, struct error *err);
void config_file_close(struct config_file *file);
const struct config_section *config_file_root(const struct config_file *file);

// NULL when the key is absent or no object.
const struct config_section *config_section_find(const struct config_section *section,
                                                 const char *key);
bool config_has(const struct config_section *section, const char *key);  // there and not null

// The number under `key`, 1 … limit. Absent: `otherwise`, or an error when that is 0.
bool config_size(const struct config_file *file, const struct config_section *section,
                 const char *key, size_t limit, size_t otherwise, size_t *out, struct error *err);
// A token id, 0 … limit - 1; absent: an error.
bool config_token(const struct config_file *file, const struct config_section *section,
                  const char *key, size_t limit, int32_t *out, struct error *err);
// A positive number; absent: `otherwise`.
bool config_number(const struct config_file *file, const struct config_section *section,
                   const char *key, double otherwise, double *out, struct error *err);
bool config_flag(const struct config_section *section, const char *key, bool otherwise);
// One of two words; absent: *is_second is left alone; anything else is an error.
bool config_either(const struct config_file *file, const struct config_section *section,
                   const char *key, const char *first, const char *second, bool *is_second,
                   struct error *err);
// "gelu" or "quick_gelu"; absent: `otherwise`; anything else is an error.
bool config_activation(const struct config_file *file, const struct config_section *section,
                       const char *key, enum activation otherwise, enum activation *out,
                       struct error *err);
// Three numbers, as image_mean; absent: left alone.
bool config_triple(const struct config_file *file, const struct config_section *section,
                   const char *key, float out[static 3], struct error *err);
