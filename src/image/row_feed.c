#include "image/row_feed.h"

#include <string.h>

#include "base/memory.h"

// Rows decoded at a time: a few bands of the resizer, in the second-level cache also where a row
// has 12 KB.
enum { STRIP_ROWS = 32 };

struct row_feed {
    struct row_resizer *resizer;
    size_t row_bytes;
    uint32_t height;
    uint32_t capacity;  // rows
    uint8_t *rows;      // [capacity, row_bytes]: first .. end of the picture
    uint32_t first;
    uint32_t end;
};

struct row_feed *row_feed_create(struct row_resizer *resizer, uint32_t width, uint32_t height,
                                 struct error *err) {
    struct row_feed *feed = memory_try_zeroed(1, sizeof *feed);
    if (feed != NULL) {
        feed->resizer = resizer;
        feed->row_bytes = (size_t)width * 3;
        feed->height = height;
        feed->capacity = 2 * row_resizer_kept_rows(resizer) + 2 * STRIP_ROWS;
        feed->rows = memory_try_array(feed->capacity, feed->row_bytes);
        if (feed->rows != NULL) return feed;
        memory_free(feed);
    }
    (void)error_set(err, ERROR_INTERNAL,
                    "out of memory while scaling the picture; try again later");
    return NULL;
}

void row_feed_destroy(struct row_feed *feed) {
    if (feed == NULL) return;
    memory_free(feed->rows);
    memory_free(feed);
}

uint8_t *row_feed_room(struct row_feed *feed, uint32_t *rows) {
    if (feed->capacity - (feed->end - feed->first) < STRIP_ROWS) {
        uint32_t oldest = row_resizer_oldest(feed->resizer);
        if (oldest > feed->end) oldest = feed->end;
        memmove(feed->rows, feed->rows + (oldest - feed->first) * feed->row_bytes,
                (feed->end - oldest) * feed->row_bytes);
        feed->first = oldest;
    }
    uint32_t left = feed->height - feed->end;
    *rows = left < STRIP_ROWS ? left : STRIP_ROWS;
    return feed->rows + (feed->end - feed->first) * feed->row_bytes;
}

void row_feed_add(struct row_feed *feed, uint32_t rows) {
    feed->end += rows;
    row_resizer_take(
        feed->resizer,
        &(struct row_window){
            .rows = feed->rows, .stride = feed->row_bytes, .first = feed->first, .end = feed->end});
}
