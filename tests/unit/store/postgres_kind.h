// See struct store_kind.
#pragma once

#include "store/store.h"

const char *postgres_find_obstacle(void);
void postgres_prepare(const char *folder);
struct store *postgres_open(const char *folder, struct error *err);
