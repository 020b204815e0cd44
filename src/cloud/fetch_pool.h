// HTTP clients that are lent, so that connections to providers are kept between questions. Any
// thread; a client is used by the one that took it.
#pragma once

#include "fetch/fetch_trusted.h"

struct fetch_pool;

struct fetch_pool *fetch_pool_create(void);
void fetch_pool_destroy(struct fetch_pool *pool);  // when all are given back; takes NULL
// To be given back. The one that was used last comes first: its connections are the freshest.
struct fetch_client *fetch_pool_take(struct fetch_pool *pool, struct error *err);
void fetch_pool_give(struct fetch_pool *pool, struct fetch_client *client);
