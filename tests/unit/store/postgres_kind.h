// See struct store_kind.
#pragma once

#include "store/store.h"

const char *postgres_find_obstacle(void);
void postgres_prepare(const char *folder);
struct store *postgres_open(const char *folder, struct error *err);
struct store *postgres_open_reader(struct error *err);
// Any statements, past the store. The number in the first row's first column, or 0.
int64_t postgres_kind_query(const char *sql);
