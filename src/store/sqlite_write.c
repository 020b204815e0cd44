// Changes: one transaction each, and what is in memory kept in step with it.
#include <limits.h>
#include <string.h>

#include "base/float_bytes.h"
#include "base/memory.h"
#include "store/sqlite_record.h"
#include "store/sqlite_store_private.h"
#include "store/tags.h"

static bool out_of_memory(struct error *err, size_t width) {
    return error_set(err, ERROR_INTERNAL, "out of memory for a vector of %zu numbers", width);
}

static bool store_vector(struct sqlite_store *self, const char *embedding_model, int64_t row,
                         const float *vector, size_t width, struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    unsigned char *bytes = width > INT_MAX / 4 ? NULL : memory_try_array(width, 4);
    if (bytes == NULL) return out_of_memory(err, width);
    float_bytes_write(vector, width, bytes);
    sqlite_bind_text(writer, SQL_ADD_SPACE, 1, embedding_model);
    bool is_done = sqlite_run(writer, SQL_ADD_SPACE, err);
    sqlite_bind_text(writer, SQL_PUT_VECTOR, 1, embedding_model);
    sqlite_bind_number(writer, SQL_PUT_VECTOR, 2, row);
    (void)sqlite3_bind_blob(writer->statements[SQL_PUT_VECTOR], 3, bytes, (int)(width * 4),
                            SQLITE_STATIC);
    is_done = is_done && sqlite_run(writer, SQL_PUT_VECTOR, err);
    memory_free(bytes);
    return is_done;
}

static bool insert_tags(struct sqlite_connection *writer, int64_t row, const char *tags,
                        struct error *err) {
    char tag[STORE_TAG_SIZE];
    while (tags_next(&tags, tag)) {
        sqlite_bind_text(writer, SQL_INSERT_TAG, 1, tag);
        sqlite_bind_number(writer, SQL_INSERT_TAG, 2, row);
        if (!sqlite_run(writer, SQL_INSERT_TAG, err)) return false;
    }
    return true;
}

static bool run_on_row(struct sqlite_connection *writer, enum sqlite_statement statement,
                       int64_t row, struct error *err) {
    sqlite_bind_number(writer, statement, 1, row);
    return sqlite_run(writer, statement, err);
}

static bool insert(struct sqlite_store *self, int64_t row, const struct image_record *record,
                   const float *vector, size_t width, struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    sqlite_bind_number(writer, SQL_INSERT_IMAGE, 1, row);
    bool is_bound = sqlite_record_bind(writer->statements[SQL_INSERT_IMAGE], 2, record) ||
                    sqlite_error_set(err, writer->database);
    return is_bound && sqlite_run(writer, SQL_INSERT_IMAGE, err) &&
           run_on_row(writer, SQL_ADD_WORDS, row, err) &&
           insert_tags(writer, row, record->tags, err) &&
           store_vector(self, record->embedding_model, row, vector, width, err);
}

static bool remember(struct sqlite_store *self, int64_t row, const struct image_record *record,
                     const float *vector, size_t width, struct error *err) {
    return vector_spaces_put(&self->spaces, record->embedding_model, row, vector, width, err) &&
           (!record->has_perceptual_hash ||
            hash_list_add(&self->hashes, row, record->perceptual_hash) ||
            error_set(err, ERROR_INTERNAL, "out of memory for one more picture"));
}

static void forget(struct sqlite_store *self, int64_t row) {
    vector_spaces_remove(&self->spaces, row);
    hash_list_remove(&self->hashes, row);
}

static bool remove_row(struct sqlite_connection *writer, int64_t row, struct error *err) {
    return run_on_row(writer, SQL_REMOVE_WORDS, row, err) &&
           run_on_row(writer, SQL_REMOVE, row, err);
}

// What a transaction has done to one image.
struct change {
    int64_t old_row;  // 0: none; its entries in memory go when it is committed
    int64_t new_row;  // 0: none; its entries in memory go when it is not
};

// The image as it is to be, in a transaction that has begun. With is_replacing one that is there
// makes way.
static bool write_image(struct sqlite_store *self, const struct image_record *record,
                        const float *vector, size_t width, bool is_replacing, struct change *change,
                        struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    char sha256[65];
    int64_t row;
    *change = (struct change){0};
    if (width == 0) return error_set(err, ERROR_INTERNAL, "a picture without a vector");
    if (!sqlite_find_row(writer, record->id, &row, sha256, err)) return false;
    if (row != 0 && sha256[0] != '\0' && strcmp(sha256, record->sha256) != 0)
        return error_set(err, ERROR_CONFLICT,
                         "another picture has the id %s already: the first 16 digits of "
                         "their SHA-256 are the same; delete that one to store this one",
                         record->id);
    if (row != 0 && !is_replacing) return true;
    change->old_row = row;
    change->new_row = atomic_fetch_add(&self->next_row, 1);
    return (row == 0 || remove_row(writer, row, err)) &&
           insert(self, change->new_row, record, vector, width, err) &&
           remember(self, change->new_row, record, vector, width, err);
}

static void settle(struct sqlite_store *self, const struct change *change, bool is_committed) {
    int64_t gone = is_committed ? change->old_row : change->new_row;
    if (gone != 0) forget(self, gone);
    if (is_committed && change->new_row != 0 && change->old_row == 0)
        atomic_fetch_add(&self->image_count, 1);
}

static bool write_one(struct sqlite_store *self, const struct image_record *record,
                      const float *vector, size_t width, bool is_replacing, bool *was_new,
                      struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    struct change change = {0};
    (void)pthread_mutex_lock(&self->write_mutex);
    bool is_done = sqlite_run(writer, SQL_BEGIN, err) &&
                   write_image(self, record, vector, width, is_replacing, &change, err) &&
                   sqlite_run(writer, SQL_COMMIT, err);
    settle(self, &change, is_done);
    *was_new = is_done && change.new_row != 0;
    sqlite_end_transaction(writer);
    (void)pthread_mutex_unlock(&self->write_mutex);
    return is_done;
}

bool sqlite_put(struct store *store, const struct image_record *record, const float *vector,
                size_t width, bool *was_new, struct error *err) {
    return write_one(as_sqlite(store), record, vector, width, false, was_new, err);
}

bool sqlite_replace(struct store *store, const struct image_record *record, const float *vector,
                    size_t width, struct error *err) {
    bool was_new;
    return write_one(as_sqlite(store), record, vector, width, true, &was_new, err);
}

bool sqlite_put_many(struct store *store, const struct store_entry *entries, size_t count,
                     struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *writer = &self->writer;
    struct change *changes = memory_try_zeroed(count, sizeof *changes);
    if (changes == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for %zu images", count);
    (void)pthread_mutex_lock(&self->write_mutex);
    bool is_done = sqlite_run(writer, SQL_BEGIN, err);
    for (size_t i = 0; is_done && i < count; i++)
        is_done = write_image(self, &entries[i].record, entries[i].vector, entries[i].width, true,
                              &changes[i], err);
    is_done = is_done && sqlite_run(writer, SQL_COMMIT, err);
    for (size_t i = 0; i < count; i++) settle(self, &changes[i], is_done);
    sqlite_end_transaction(writer);
    (void)pthread_mutex_unlock(&self->write_mutex);
    memory_free(changes);
    return is_done;
}

// Begins a transaction and finds the image; the caller ends both.
static bool begin_with(struct sqlite_store *self, const char *id, int64_t *row, struct error *err) {
    char sha256[65];
    (void)pthread_mutex_lock(&self->write_mutex);
    return sqlite_run(&self->writer, SQL_BEGIN, err) &&
           sqlite_find_row(&self->writer, id, row, sha256, err) &&
           (*row != 0 || sqlite_no_image(err, id));
}

static bool end(struct sqlite_store *self, bool is_done) {
    sqlite_end_transaction(&self->writer);
    (void)pthread_mutex_unlock(&self->write_mutex);
    return is_done;
}

// The index takes the vector after the COMMIT, unlike a new image's: it may replace one, which
// could not be brought back. Only running out of memory can then fail, and the next start mends it.
bool sqlite_put_vector(struct store *store, const char *id, const char *embedding_model,
                       const float *vector, size_t width, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct vector_index *index = NULL;
    int64_t row;
    bool is_done = begin_with(self, id, &row, err) &&
                   vector_spaces_take(&self->spaces, embedding_model, width, &index, err) &&
                   store_vector(self, embedding_model, row, vector, width, err) &&
                   sqlite_run(&self->writer, SQL_COMMIT, err) &&
                   vector_spaces_put(&self->spaces, embedding_model, row, vector, width, err);
    vector_spaces_return(&self->spaces, index);
    return end(self, is_done);
}

static bool change_caption(struct sqlite_connection *writer, int64_t row, const char *caption,
                           struct error *err) {
    sqlite_bind_number(writer, SQL_CHANGE_CAPTION, 1, row);
    sqlite_bind_text(writer, SQL_CHANGE_CAPTION, 2, caption);
    sqlite_bind_text(writer, SQL_CHANGE_CAPTION, 3, ORIGIN_USER);
    return sqlite_run(writer, SQL_CHANGE_CAPTION, err);
}

static bool change_tags(struct sqlite_connection *writer, int64_t row, const char *tags,
                        struct error *err) {
    sqlite_bind_number(writer, SQL_CHANGE_TAGS, 1, row);
    sqlite_bind_text(writer, SQL_CHANGE_TAGS, 2, tags);
    return sqlite_run(writer, SQL_CHANGE_TAGS, err) &&
           run_on_row(writer, SQL_REMOVE_TAGS, row, err) && insert_tags(writer, row, tags, err);
}

static bool read_back(struct sqlite_connection *writer, int64_t row, struct image_record *record,
                      struct error *err) {
    sqlite_bind_number(writer, SQL_GET_ROW, 1, row);
    bool is_done = sqlite_next(writer, SQL_GET_ROW, err) == SQLITE_ROW;
    if (is_done) sqlite_record_read(writer->statements[SQL_GET_ROW], record);
    sqlite_finish(writer, SQL_GET_ROW);
    return is_done;
}

bool sqlite_update(struct store *store, const char *id, const struct image_change *change,
                   struct image_record *updated, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *writer = &self->writer;
    int64_t row;
    bool is_done = begin_with(self, id, &row, err) &&
                   run_on_row(writer, SQL_REMOVE_WORDS, row, err) &&
                   (change->caption == NULL || change_caption(writer, row, change->caption, err)) &&
                   (change->tags == NULL || change_tags(writer, row, change->tags, err)) &&
                   run_on_row(writer, SQL_ADD_WORDS, row, err) &&
                   (updated == NULL || read_back(writer, row, updated, err)) &&
                   sqlite_run(writer, SQL_COMMIT, err);
    return end(self, is_done);
}

bool sqlite_remove(struct store *store, const char *id, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    int64_t row;
    bool is_done = begin_with(self, id, &row, err) && remove_row(&self->writer, row, err) &&
                   sqlite_run(&self->writer, SQL_COMMIT, err);
    if (is_done) {
        forget(self, row);
        atomic_fetch_sub(&self->image_count, 1);
    }
    return end(self, is_done);
}
