// The index by itself, for bench/index_compare.py, which drives it by lines on its standard input
// and reads one line of JSON for each. The owner of the vectors is the file they come from, mapped.
//
//   index_bench VECTORS COUNT WIDTH QUERIES THREADS
//
// Lines: "search FIRST LAST K EXACT" searches the queries of that range one by one;
// "beside FIRST LAST K" likewise beside a thread that removes and puts rows again all the while.
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/vector_index.h"

enum { K_MAXIMUM = 1000, LOAD_ROWS = 4096 };

struct owner {
    const float *vectors;
    size_t count, width;
};

static bool read_vectors(void *context, const int64_t *keys, size_t count, float *vectors,
                         bool *is_there, struct error *err) {
    const struct owner *owner = context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        is_there[i] = true;
        memcpy(vectors + i * owner->width, owner->vectors + (size_t)keys[i] * owner->width,
               owner->width * sizeof *vectors);
    }
    return true;
}

static const float *map_floats(const char *path) {
    int file = open(path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) {
        perror(path);
        exit(2);
    }
    void *mapping =
        mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    if (mapping == MAP_FAILED) {
        perror(path);
        exit(2);
    }
    (void)close(file);
    return mapping;
}

static void search_range(struct vector_index *index, struct owner *owner, const float *queries,
                         size_t first, size_t last, size_t k, bool is_exact) {
    static struct vector_match matches[K_MAXIMUM];
    struct error err = {0};
    (void)printf("{\"searches\": [");
    for (size_t i = first; i < last; i++) {
        struct vector_search search = {.query = queries + i * owner->width,
                                       .k = k,
                                       .is_exact = is_exact,
                                       .read = read_vectors,
                                       .read_context = owner};
        size_t count;
        int64_t started = clock_monotonic_ns();
        if (!vector_index_search(index, &search, matches, &count, &err)) {
            (void)fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        double ms = clock_ms_since(started);
        (void)printf("%s{\"ms\": %.4f, \"keys\": [", i == first ? "" : ", ", ms);
        for (size_t j = 0; j < count; j++)
            (void)printf("%s%lld", j == 0 ? "" : ", ", (long long)matches[j].key);
        (void)printf("]}");
    }
    (void)printf("]}\n");
    (void)fflush(stdout);
}

struct writing {
    struct vector_index *index;
    const struct owner *owner;
    atomic_bool is_stopping;
    size_t written;
};

// 2000 rows a second are a bulk import on a machine that computes nothing else.
static void *write_until_stopped(void *argument) {
    struct writing *writing = argument;
    for (size_t i = 0; !atomic_load(&writing->is_stopping); i++) {
        int64_t key = (int64_t)(i * 7919 % writing->owner->count);
        (void)vector_index_remove(writing->index, key);
        (void)vector_index_put(writing->index, key,
                               writing->owner->vectors + (size_t)key * writing->owner->width, NULL);
        writing->written++;
        (void)usleep(500);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        (void)fprintf(stderr, "usage: index_bench VECTORS COUNT WIDTH QUERIES THREADS\n");
        return 2;
    }
    struct error err = {0};
    struct owner owner = {.vectors = map_floats(argv[1]),
                          .count = strtoul(argv[2], NULL, 10),
                          .width = strtoul(argv[3], NULL, 10)};
    const float *queries = map_floats(argv[4]);
    struct vector_index *index =
        vector_index_create(owner.width, NULL, strtoul(argv[5], NULL, 10), &err);
    int64_t started = clock_monotonic_ns();
    for (size_t start = 0; index != NULL && start < owner.count; start += LOAD_ROWS) {
        int64_t keys[LOAD_ROWS];
        size_t count = owner.count - start < LOAD_ROWS ? owner.count - start : LOAD_ROWS;
        for (size_t i = 0; i < count; i++) keys[i] = (int64_t)(start + i);
        if (!vector_index_put_many(index, keys, owner.vectors + start * owner.width, count, &err))
            break;
    }
    if (err.kind != ERROR_NONE) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    (void)printf("{\"load_s\": %.3f, \"memory_bytes\": %zu}\n", clock_ms_since(started) / 1000,
                 vector_index_memory_bytes(index));
    (void)fflush(stdout);
    char line[128];
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t first, last, k;
        int is_exact = 0;
        if (sscanf(line, "search %zu %zu %zu %d", &first, &last, &k, &is_exact) == 4 &&
            k <= K_MAXIMUM) {
            search_range(index, &owner, queries, first, last, k, is_exact != 0);
        } else if (sscanf(line, "beside %zu %zu %zu", &first, &last, &k) == 3 && k <= K_MAXIMUM) {
            struct writing writing = {.index = index, .owner = &owner};
            pthread_t writer;
            if (pthread_create(&writer, NULL, write_until_stopped, &writing) != 0) return 1;
            search_range(index, &owner, queries, first, last, k, false);
            atomic_store(&writing.is_stopping, true);
            (void)pthread_join(writer, NULL);
        } else {
            (void)fprintf(stderr, "not understood: %s", line);
            return 2;
        }
    }
    vector_index_destroy(index);
    return 0;
}
