// The contract of store.h as tests, held against every kind of store (contract_kinds.c). A test
// begins with an empty store.
#pragma once

#include "store_fixture.h"

enum {
    CONTRACT_DURABLE = 1,  // what was put is there after a restart
    CONTRACT_BITS = 2,     // vectors come back bit for bit, whatever their length
};

struct store_kind {
    const char *name;
    int traits;
    // Why it cannot be tested here, or NULL when it can.
    const char *(*find_obstacle)(void);
    // Empties what an earlier test left; `folder` is new and empty.
    void (*prepare)(const char *folder);
    struct store *(*open)(const char *folder, struct error *err);
};
extern const struct store_kind store_kinds[];  // the last has no name

struct contract_fixture {
    struct test_folder folder;
    const struct store_kind *kind;
    struct store *store;
};
// Closes the store and opens it again, where it is durable.
void contract_restart(struct contract_fixture *fixture);

struct contract_test {
    const char *name;
    void (*run)(void **state);  // *state is a struct contract_fixture
    int needs;                  // traits
};
// Each list ends with a test without a name.
extern const struct contract_test contract_images[];
extern const struct contract_test contract_searches[];
extern const struct contract_test contract_spaces[];
