#include "store/image_compare.h"

#include <float.h>
#include <math.h>
#include <string.h>

// Of a unit vector's numbers. Making a vector unit long in fp32 moves each of them by a few times
// 2^-24; 1e-6 is that with room, and less than the order of results ever depends on.
static const double ROUNDING = 1e-6;

// Not every JSON reader gives back the same double (Rust's serde_json, which Qdrant uses, may be
// off by the last bit), so a few last bits do not count.
static bool real_is_same(double a, double b) {
    return fabs(a - b) <= 4 * DBL_EPSILON * fmax(fabs(a), fabs(b));
}

static bool receipt_is_same(const struct receipt *a, const struct receipt *b) {
    char text_a[RECEIPT_TEXT_SIZE], text_b[RECEIPT_TEXT_SIZE];
    receipt_write(a, text_a);
    receipt_write(b, text_b);
    return strcmp(text_a, text_b) == 0;
}

bool image_record_is_same(const struct image_record *a, const struct image_record *b) {
    return strcmp(a->id, b->id) == 0 && strcmp(a->sha256, b->sha256) == 0 &&
           strcmp(a->caption, b->caption) == 0 && strcmp(a->origin, b->origin) == 0 &&
           strcmp(a->caption_model, b->caption_model) == 0 &&
           strcmp(a->embedding_model, b->embedding_model) == 0 &&
           strcmp(a->file_name, b->file_name) == 0 && strcmp(a->url, b->url) == 0 &&
           strcmp(a->tags, b->tags) == 0 && strcmp(a->mime, b->mime) == 0 &&
           a->source == b->source && a->width == b->width && a->height == b->height &&
           real_is_same(a->confidence, b->confidence) &&
           real_is_same(a->clip_score, b->clip_score) && a->size_bytes == b->size_bytes &&
           a->created_ms == b->created_ms && a->has_perceptual_hash == b->has_perceptual_hash &&
           (!a->has_perceptual_hash || a->perceptual_hash == b->perceptual_hash) &&
           receipt_is_same(&a->receipt, &b->receipt);
}

static double length(const float *vector, size_t width) {
    double square = 0;
    for (size_t i = 0; i < width; i++) square += (double)vector[i] * (double)vector[i];
    return sqrt(square);
}

enum vector_likeness vector_compare(const float *a, const float *b, size_t width) {
    if (memcmp(a, b, width * sizeof *a) == 0) return VECTORS_EQUAL;
    double length_a = length(a, width), length_b = length(b, width);
    if (!(length_a > 0) || !(length_b > 0)) return VECTORS_DIFFER;
    for (size_t i = 0; i < width; i++) {
        double apart = (double)a[i] / length_a - (double)b[i] / length_b;
        if (!(fabs(apart) <= ROUNDING)) return VECTORS_DIFFER;
    }
    return VECTORS_ROUND;
}

static bool add_number(struct sha256_stream *stream, uint64_t number) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(number >> (8 * i));
    return sha256_stream_update(stream, bytes, sizeof bytes);
}

// As the float that a model gave, for the same reason, and a negative zero as a zero.
static bool add_real(struct sha256_stream *stream, double number) {
    float rounded = (float)number + 0.0F;
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    return add_number(stream, bits);
}

// With its NUL, so that two texts never read as one.
static bool add_text(struct sha256_stream *stream, const char *text) {
    return sha256_stream_update(stream, text, strlen(text) + 1);
}

static bool add_vector(struct sha256_stream *stream, const float *vector, size_t width) {
    for (size_t i = 0; i < width; i++) {
        uint32_t bits;
        memcpy(&bits, vector + i, sizeof bits);
        unsigned char bytes[4] = {(unsigned char)bits, (unsigned char)(bits >> 8),
                                  (unsigned char)(bits >> 16), (unsigned char)(bits >> 24)};
        if (!sha256_stream_update(stream, bytes, sizeof bytes)) return false;
    }
    return true;
}

bool image_checksum_add(struct sha256_stream *stream, const struct image_page *page, size_t index) {
    const struct image_record *record = &page->records[index];
    char receipt[RECEIPT_TEXT_SIZE];
    receipt_write(&record->receipt, receipt);
    const char *const texts[] = {record->id,
                                 record->sha256,
                                 record->caption,
                                 record->origin,
                                 record->caption_model,
                                 record->embedding_model,
                                 record->file_name,
                                 record->url,
                                 record->tags,
                                 record->mime,
                                 receipt};
    const uint64_t numbers[] = {(uint64_t)record->source,
                                record->width,
                                record->height,
                                (uint64_t)record->size_bytes,
                                (uint64_t)record->created_ms,
                                record->has_perceptual_hash,
                                record->has_perceptual_hash ? record->perceptual_hash : 0};
    bool is_done = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        is_done = is_done && add_text(stream, texts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        is_done = is_done && add_number(stream, numbers[i]);
    is_done =
        is_done && add_real(stream, record->confidence) && add_real(stream, record->clip_score);
    for (size_t i = 0; is_done && i < page->space_count; i++) {
        const float *vector = image_page_vector(page, index, i);
        is_done = add_number(stream, vector != NULL) &&
                  (vector == NULL || add_vector(stream, vector, page->widths[i]));
    }
    return is_done;
}
