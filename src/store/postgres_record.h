// Between struct image_record and the columns of imgrouter_images, and between float vectors and
// pgvector's binary form. Text that another hand made longer than our fields is cut.
#pragma once

#include "store/postgres_connection.h"
#include "store/store.h"

// The columns of a record, in the order of postgres_record_read, of imgrouter_images AS i. An image
// of the original service has no embedding_model: it is the name of that service's space.
#define POSTGRES_RECORD                                                                   \
    "i.id, i.sha256, i.caption, i.origin, i.caption_model,"                               \
    " coalesce(i.embedding_model,"                                                        \
    " (SELECT name FROM imgrouter_spaces WHERE is_original), 'original'),"                \
    " i.confidence, i.clip_score, i.source, i.file_name, i.url, i.tags, i.mime, i.width," \
    " i.height, i.size_bytes, i.created_ms, i.perceptual_hash, i.receipt"
enum { POSTGRES_RECORD_COLUMNS = 19 };

void postgres_record_read(const PGresult *rows, int row, struct image_record *record);
// Adds a record's values as parameters $1 to $21, in the order of POSTGRES_INSERT. `receipt` is
// from receipt_write; `words` are two texts for its full-text index, from postgres_words.h. All
// must live until the statement has run.
void postgres_record_add(struct postgres_parameters *parameters, const struct image_record *record,
                         const char *receipt, const char *caption_words, const char *other_words);
#define POSTGRES_WORDS_OF(caption, others)              \
    "setweight(to_tsvector('imgrouter_words', " caption \
    "), 'A') ||"                                        \
    " setweight(to_tsvector('imgrouter_words', " others "), 'B')"
#define POSTGRES_INSERT                                                                    \
    "INSERT INTO imgrouter_images (id, sha256, caption, origin, caption_model,"            \
    " embedding_model, confidence, clip_score, source, file_name, url, tags, mime, width," \
    " height, size_bytes, created_ms, perceptual_hash, receipt, words)"                    \
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17," \
    " $18, $19, " POSTGRES_WORDS_OF("$20", "$21") ")"

// pgvector's binary form: width and flags as 16-bit, then float32, all big-endian.
// Widths are those of postgres_space.h.
bool postgres_vector_encode(const float *vector, size_t width, unsigned char **bytes, size_t *size,
                            struct error *err);  // caller frees *bytes with memory_free
// False when the bytes are not a vector of this width.
bool postgres_vector_decode(const void *bytes, size_t size, float *vector, size_t width);

// An SQL array literal of texts, or NULL when memory is out. Caller frees with memory_free.
char *postgres_array_create(const char *const *texts, size_t count);
