// The tables of imgrouter.db.
#pragma once

#include "store/sqlite_migrations.h"

extern const struct sqlite_migrations sqlite_schema;
