// The database that the original Python service filled: a table `images` with a vector column
// `embed_vector` and a JSON column `payload`; other columns differ by that service's version and
// are used where they are.
//
// Its vectors stay where they are and are the store's space for their model, with the index that
// they have: a million of them would be minutes of copying and more of indexing. What describes an
// image is copied to imgrouter_images, so that the original's table is not rewritten and that
// service can still read it. An image is deleted from both. What the original never kept stays
// unknown: sha256 and models are empty, sizes 0.
#pragma once

#include "store/postgres_connection.h"

// Copies the records that imgrouter_images lacks, registers the space and makes an HNSW index where
// there is none. Does nothing without such a table. Within a transaction that holds POSTGRES_LOCK.
bool postgres_original_take_over(struct postgres_connection *connection, struct error *err);
