#include "vector_world.h"

#include <math.h>

enum { CLUSTERS = 40 };

static uint64_t mix(uint64_t number) {  // SplitMix64
    number += 0x9e3779b97f4a7c15U;
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9U;
    number = (number ^ (number >> 27)) * 0x94d049bb133111ebU;
    return number ^ (number >> 31);
}

// About a bell of deviation 1: the sum of four even ones. The first dimensions vary most.
static void add_noise(float *vector, uint64_t seed, float length) {
    float squares = 0, noise[WORLD_WIDTH];
    for (size_t i = 0; i < WORLD_WIDTH; i++) {
        uint64_t bits = mix(seed * 1000003 + i);
        float sum = 0;
        for (int part = 0; part < 4; part++) sum += (float)(bits >> 16 * part & 0xffff) / 65536;
        noise[i] = (sum - 2) / sqrtf(1 + (float)i / 16);
        squares += noise[i] * noise[i];
    }
    for (size_t i = 0; i < WORLD_WIDTH; i++) vector[i] += noise[i] * length / sqrtf(squares);
}

static void normalize(float *vector) {
    float squares = 0;
    for (size_t i = 0; i < WORLD_WIDTH; i++) squares += vector[i] * vector[i];
    for (size_t i = 0; i < WORLD_WIDTH; i++) vector[i] /= sqrtf(squares);
}

static uint64_t cluster_of(int64_t key) { return 100 + mix((uint64_t)key) % CLUSTERS; }

void world_picture(int64_t key, unsigned version, float vector[static WORLD_WIDTH]) {
    for (size_t i = 0; i < WORLD_WIDTH; i++) vector[i] = 0;
    add_noise(vector, 1, 0.5F);
    vector[WORLD_OUTLIER] += 0.5F;
    add_noise(vector, cluster_of(key), 0.5F);
    add_noise(vector, 1000 + (uint64_t)key * 16 + version, 0.5F);
    normalize(vector);
}

void world_query_near(int64_t key, float vector[static WORLD_WIDTH]) {
    world_picture(key, 0, vector);
    add_noise(vector, ~(uint64_t)key, 0.3F);
    normalize(vector);
}

void world_query_text(unsigned number, float vector[static WORLD_WIDTH]) {
    for (size_t i = 0; i < WORLD_WIDTH; i++) vector[i] = 0;
    add_noise(vector, 1, 0.2F);
    add_noise(vector, 2, 0.85F);
    add_noise(vector, cluster_of(number), 0.3F);
    add_noise(vector, UINT64_C(1) << 40 | number, 0.4F);
    normalize(vector);
}

bool world_read(void *context, const int64_t *keys, size_t count, float *vectors, bool *is_there,
                struct error *err) {
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        world_picture(keys[i], 0, vectors + i * WORLD_WIDTH);
        is_there[i] = true;
    }
    return true;
}
