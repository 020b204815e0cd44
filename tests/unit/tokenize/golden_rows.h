// Rows of tests/golden/tokenize, "text TAB ids" or the other way round, and vocabulary files of
// tests/suites.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { PATH_SIZE = 1024, MAX_ROW_IDS = 4096 };

void data_path(char path[PATH_SIZE], const char *folder, const char *file);

// Calls the function with both fields of every row, \xHH already bytes; returns how many rows.
size_t for_each_row(const char *file, void (*function)(void *context, char *first, char *second),
                    void *context);
// "320 1125 539" → 3 ids
size_t parse_ids(const char *text, int32_t *ids, size_t capacity);
void assert_ids_equal(const char *what, const int32_t *found, size_t found_count,
                      const int32_t *wanted, size_t wanted_count);

// Loads every case folder of the suite and compares the error with the case's `error`, part of the
// sentence or empty; returns how many cases.
size_t check_suite(const char *suite, bool (*load)(const char *folder, struct error *err));

const char *temporary_file_write(const void *bytes, size_t size);
void temporary_file_remove(void);
