// Carries rows from a decoder to a resizer, through room for a few of them.
#pragma once

#include "image/row_resizer.h"

struct row_feed;

// The resizer is borrowed. NULL: ERROR_INTERNAL (out of memory).
struct row_feed *row_feed_create(struct row_resizer *resizer, uint32_t width, uint32_t height,
                                 struct error *err);
void row_feed_destroy(struct row_feed *feed);

// Where the next rows go, tightly packed; *rows is how many, 0 when all have come.
uint8_t *row_feed_room(struct row_feed *feed, uint32_t *rows);
// They are there, all of them.
void row_feed_add(struct row_feed *feed, uint32_t rows);
