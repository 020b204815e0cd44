#include "engine/mock_models.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"

static const char *const colours[] = {"red",    "blue", "green", "yellow",
                                      "purple", "grey", "white", "black"};
static const char *const things[] = {"car",   "dog",   "house",  "tree",    "boat", "bird",
                                     "chair", "clock", "apple",  "bicycle", "lamp", "horse",
                                     "train", "cup",   "bridge", "flower"};
static const char *const places[] = {"on a beach",  "in a field", "on a table", "near a river",
                                     "in a street", "in a room",  "on a hill",  "under the sky"};

void mock_caption(const uint8_t hash[static 32], struct caption *caption) {
    *caption = (struct caption){.token_count = 0};
    (void)snprintf(caption->text, sizeof caption->text, "mock: a %s %s %s", colours[hash[0] % 8],
                   things[hash[1] % 16], places[hash[2] % 8]);
    caption->confidence = 0.5f + (float)hash[3] / 512.0f;  // 0.5 to 1: both sides of thresholds
}

// Adds a vector that looks random but follows from the bytes alone, of length about `weight`.
static void add_direction(const void *bytes, size_t size, float weight, float *values) {
    uint8_t digest[SHA256_SIZE];
    sha256(bytes, size, digest);
    uint64_t state;
    memcpy(&state, digest, sizeof state);
    for (size_t i = 0; i < MOCK_EMBEDDING_WIDTH; i++) {
        // Marsaglia's xorshift64 with shifts 13, 7, 17; the state must not be 0.
        state |= (uint64_t)(state == 0);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        float uniform = (float)(state >> 40) / (float)(1 << 24) - 0.5f;
        values[i] += uniform * weight * sqrtf(12.0f / MOCK_EMBEDDING_WIDTH);
    }
}

static void normalize(struct embedding *embedding) {
    double sum = 0;
    for (size_t i = 0; i < MOCK_EMBEDDING_WIDTH; i++)
        sum += (double)embedding->values[i] * embedding->values[i];
    float scale = (float)(1.0 / sqrt(sum));
    for (size_t i = 0; i < MOCK_EMBEDDING_WIDTH; i++) embedding->values[i] *= scale;
    embedding->width = MOCK_EMBEDDING_WIDTH;
}

// A bag of words: letters and digits of any script, ASCII in lower case.
static size_t add_words(const char *text, float *values) {
    size_t count = 0;
    for (const char *c = text; *c != '\0';) {
        char word[64];
        size_t size = 0;
        while (isalnum((unsigned char)*c) || (unsigned char)*c >= 0x80) {
            if (size < sizeof word) word[size++] = (char)tolower((unsigned char)*c);
            c++;
        }
        if (size > 0) {
            add_direction(word, size, 1.0f, values);
            count++;
        } else {
            c++;
        }
    }
    return count;
}

void mock_embed_image(const uint8_t hash[static 32], struct embedding *embedding) {
    struct caption caption;
    mock_caption(hash, &caption);
    *embedding = (struct embedding){.width = MOCK_EMBEDDING_WIDTH};
    (void)add_words(caption.text, embedding->values);
    add_direction(hash, 32, 0.5f, embedding->values);  // pictures with one caption stay apart
    normalize(embedding);
}

bool mock_embed_text(const char *text, struct embedding *embedding, struct error *err) {
    *embedding = (struct embedding){.width = MOCK_EMBEDDING_WIDTH};
    if (add_words(text, embedding->values) == 0)
        return error_set(err, ERROR_INVALID, "the text has no word to search for");
    normalize(embedding);
    return true;
}
