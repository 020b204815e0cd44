// Between struct image_record and the columns of the images table, and between float vectors and
// their stored bytes. Text that another hand made longer than our fields is cut.
#pragma once

#include <sqlite3.h>

#include "store/store.h"

// Binds the columns IMAGE_COLUMNS to the parameters from `first` on. The record must live until
// the statement has run.
bool sqlite_record_bind(sqlite3_stmt *statement, int first, const struct image_record *record);
void sqlite_record_read(sqlite3_stmt *statement, struct image_record *record);
