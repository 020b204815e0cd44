// From a text to ids: clean it, split it into words, spell each word in bytes, join the pair of
// neighbours with the best rank until none can be joined.
//
// The reference finds the literal texts <start_of_text> and <end_of_text> in what the user wrote
// and makes them the special ids; the second one then ends the query there, since the model reads
// up to the first end id. Here they are ordinary text: no text can cut a query short.
#include "tokenize/clip_bpe.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "tokenize/clip_vocabulary.h"
#include "tokenize/code_points.h"
#include "tokenize/html_entities.h"

enum { NO_RANK = INT32_MAX, LONG_S = 0x17F };

struct clip_bpe {
    struct clip_vocabulary vocabulary;
};

// One word while its symbols are being joined. ranks[i] and merged[i] tell of symbols i and i + 1.
struct word {
    int32_t *symbols, *ranks, *merged;
    size_t count;
};

struct clip_bpe *clip_bpe_load(const char *merges_path, const char *vocab_path, struct error *err) {
    struct clip_bpe *tokenizer = memory_alloc(sizeof *tokenizer);
    if (clip_vocabulary_load(&tokenizer->vocabulary, merges_path, vocab_path, err))
        return tokenizer;
    memory_free(tokenizer);
    return NULL;
}

void clip_bpe_destroy(struct clip_bpe *tokenizer) {
    if (tokenizer == NULL) return;
    clip_vocabulary_clear(&tokenizer->vocabulary);
    memory_free(tokenizer);
}

size_t clip_bpe_vocabulary_size(const struct clip_bpe *tokenizer) {
    return tokenizer->vocabulary.size;
}

// The reference's cleaning: unescape twice, whitespace, lower case. NULL on error.
static int32_t *clean_create(const char *text, size_t *count, struct error *err) {
    int32_t *points = code_points_create(text, count, err);
    if (points == NULL) return NULL;
    *count = html_unescape(points, *count);
    *count = html_unescape(points, *count);
    *count = code_points_collapse_spaces(points, *count);
    int32_t *lower = memory_try_array(*count, 2 * sizeof *lower);
    if (lower == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory for a text of %zu characters", *count);
    else
        *count = code_points_lower(points, *count, lower);
    memory_free(points);
    return lower;
}

static bool is_other(int32_t point) {
    return !code_point_is_space(point) && !code_point_is_letter(point) &&
           !code_point_is_number(point);
}

// How many code points the contraction here takes ('s 't 're 've 'm 'll 'd), 0 when it is none.
static size_t contraction_size(const int32_t *points, size_t count) {
    static const char *const endings[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    if (points[0] != '\'') return 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t size = strlen(endings[i]), same = 0;
        while (same < size && 1 + same < count && points[1 + same] == endings[i][same]) same++;
        if (same == size) return 1 + size;
    }
    // The reference ignores case, and ſ is a kind of s.
    return count > 1 && points[1] == LONG_S ? 2 : 0;
}

// How many code points the word that begins here takes: the reference's expression
// 's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+. Not called on a space.
static size_t word_size(const int32_t *points, size_t count) {
    size_t size = contraction_size(points, count);
    if (size > 0) return size;
    if (code_point_is_number(points[0])) return 1;
    bool (*is_inside)(int32_t) = code_point_is_letter(points[0]) ? code_point_is_letter : is_other;
    while (size < count && is_inside(points[size])) size++;
    return size;
}

static void look_up_pair(const struct clip_vocabulary *vocabulary, struct word *word, size_t at) {
    const struct clip_pair *pair =
        clip_vocabulary_find_pair(vocabulary, word->symbols[at], word->symbols[at + 1]);
    word->ranks[at] = pair == NULL ? NO_RANK : pair->rank;
    word->merged[at] = pair == NULL ? CLIP_NO_ID : pair->merged;
}

static void spell_word(const struct clip_vocabulary *vocabulary, const int32_t *points,
                       size_t count, struct word *word) {
    uint8_t last = 0;
    word->count = 0;
    for (size_t i = 0; i < count; i++) {
        char bytes[4];
        size_t size = code_point_encode(points[i], bytes);
        for (size_t k = 0; k < size; k++) {
            last = (uint8_t)bytes[k];
            word->symbols[word->count++] = vocabulary->byte_ids[last];
        }
    }
    word->symbols[word->count - 1] = vocabulary->last_byte_ids[last];
    for (size_t i = 0; i + 1 < word->count; i++) look_up_pair(vocabulary, word, i);
}

// Joins the best pair everywhere it occurs, from left to right. False when no pair can be joined.
static bool join_best_pair(const struct clip_vocabulary *vocabulary, struct word *word) {
    int32_t best = NO_RANK;
    for (size_t i = 0; i + 1 < word->count; i++) {
        if (word->ranks[i] < best) best = word->ranks[i];
    }
    if (best == NO_RANK) return false;
    size_t written = 0;
    bool is_previous_new = false;
    for (size_t read = 0; read < word->count; written++) {
        bool is_new = read + 1 < word->count && word->ranks[read] == best;
        word->symbols[written] = is_new ? word->merged[read] : word->symbols[read];
        word->ranks[written] = word->ranks[read];
        word->merged[written] = word->merged[read];
        if (written > 0 && (is_new || is_previous_new)) look_up_pair(vocabulary, word, written - 1);
        is_previous_new = is_new;
        read += is_new ? 2 : 1;
    }
    word->count = written;
    return true;
}

// Appends a word's ids while there is room for them and the end id. Bytes that a small vocabulary
// lacks are left out.
static bool append_word(const struct word *word, int32_t *ids, size_t capacity, size_t *count) {
    for (size_t i = 0; i < word->count; i++) {
        if (word->symbols[i] == CLIP_NO_ID) continue;
        if (*count + 1 == capacity) return false;
        ids[(*count)++] = word->symbols[i];
    }
    return true;
}

size_t clip_bpe_encode(const struct clip_bpe *tokenizer, const char *text, int32_t *ids,
                       size_t capacity, bool *is_cut, struct error *err) {
    assert(capacity >= 2);
    const struct clip_vocabulary *vocabulary = &tokenizer->vocabulary;
    size_t point_count = 0, count = 0;
    int32_t *points = clean_create(text, &point_count, err);
    if (points == NULL) return 0;
    struct word word = {.symbols = memory_try_array(point_count, 3 * 4 * sizeof *word.symbols)};
    if (word.symbols == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for a text of %zu characters", point_count);
        goto out;
    }
    word.ranks = word.symbols + 4 * point_count;  // a code point has at most four bytes
    word.merged = word.ranks + 4 * point_count;
    bool has_room = true;
    ids[count++] = vocabulary->start_id;
    for (size_t i = 0; i < point_count && has_room;) {
        if (code_point_is_space(points[i])) {
            i++;
            continue;
        }
        size_t size = word_size(points + i, point_count - i);
        spell_word(vocabulary, points + i, size, &word);
        while (join_best_pair(vocabulary, &word)) continue;
        has_room = append_word(&word, ids, capacity, &count);
        i += size;
    }
    ids[count++] = vocabulary->end_id;
    if (is_cut != NULL) *is_cut = !has_room;
out:
    memory_free(word.symbols);
    memory_free(points);
    return count;
}
