#include <stddef.h>

#include "contract.h"
#include "postgres_kind.h"
#include "qdrant_kind.h"

static struct store *open_memory(const char *folder, struct error *err) {
    (void)folder, (void)err;
    return memory_store_create();
}

const struct store_kind store_kinds[] = {
    {.name = "sqlite", .traits = CONTRACT_DURABLE | CONTRACT_BITS, .open = sqlite_store_create},
    {.name = "memory", .traits = CONTRACT_BITS, .open = open_memory},
    {.name = "pgvector",
     .traits = CONTRACT_DURABLE | CONTRACT_BITS,
     .find_obstacle = postgres_find_obstacle,
     .prepare = postgres_prepare,
     .open = postgres_open},
    {.name = "qdrant",
     .traits = CONTRACT_DURABLE,
     .find_obstacle = qdrant_find_obstacle,
     .prepare = qdrant_prepare_empty,
     .open = qdrant_open},
    {.name = NULL},
};
