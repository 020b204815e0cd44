// The store in Qdrant as a kind for the contract's tests: on the server that
// IMGROUTER_TEST_QDRANT_URL names, with the key IMGROUTER_TEST_QDRANT_API_KEY; only collections
// whose names begin with QDRANT_TEST_COLLECTION are touched.
#pragma once

#include "store/store.h"

#define QDRANT_TEST_COLLECTION "imgrouter_test"

const char *qdrant_find_obstacle(void);
void qdrant_prepare_empty(const char *folder);
struct store *qdrant_open(const char *folder, struct error *err);
