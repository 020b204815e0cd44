#include <stdlib.h>

#include "store/postgres_store_private.h"

void postgres_count_begin(struct postgres_count *count) {
    (void)pthread_mutex_lock(&count->mutex);
    count->begun++;
    (void)pthread_mutex_unlock(&count->mutex);
}

void postgres_count_end(struct postgres_count *count, long change) {
    (void)pthread_mutex_lock(&count->mutex);
    count->ended++;
    if (change >= 0 || count->images >= (size_t)-change) count->images += (size_t)change;
    (void)pthread_mutex_unlock(&count->mutex);
}

bool postgres_count_refresh(struct postgres_count *count, struct postgres_connection *connection,
                            struct error *err) {
    (void)pthread_mutex_lock(&count->mutex);
    uint64_t begun = count->begun;
    bool is_quiet = count->begun == count->ended;
    (void)pthread_mutex_unlock(&count->mutex);
    if (!is_quiet) return true;
    PGresult *row =
        postgres_query(connection, "SELECT count(*) FROM imgrouter_images", NULL, false, err);
    if (row == NULL) return false;
    size_t images = strtoul(PQgetvalue(row, 0, 0), NULL, 10);
    PQclear(row);
    (void)pthread_mutex_lock(&count->mutex);
    if (count->begun == begun) count->images = images;
    (void)pthread_mutex_unlock(&count->mutex);
    return true;
}
