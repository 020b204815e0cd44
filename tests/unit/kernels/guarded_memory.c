#define _GNU_SOURCE
#include "guarded_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATTERN = 0xa5 };

float random_float(unsigned *state) {
    *state = *state * 1664525U + 1013904223U;  // Numerical Recipes' generator
    return (float)(*state >> 8) / (float)(1U << 23) - 1.0F;
}

struct guarded_floats guarded_create(size_t count, bool is_at_end, unsigned seed) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = count * sizeof(float);
    size_t inner = (size + page - 1) / page * page + page;
    struct guarded_floats guarded = {
        .count = count, .mapping_size = inner + 2 * page, .is_at_end = is_at_end};
    guarded.mapping = mmap(NULL, guarded.mapping_size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(guarded.mapping, MAP_FAILED);
    memset(guarded.mapping, PATTERN, guarded.mapping_size);
    assert_int_equal(mprotect(guarded.mapping, page, PROT_NONE), 0);
    assert_int_equal(mprotect(guarded.mapping + page + inner, page, PROT_NONE), 0);
    guarded.floats = (float *)(guarded.mapping + page + (is_at_end ? inner - size : 0));
    for (size_t i = 0; i < count; i++) guarded.floats[i] = random_float(&seed);
    return guarded;
}

void guarded_destroy(struct guarded_floats *guarded) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const unsigned char *start = guarded->mapping + page;
    const unsigned char *end = guarded->mapping + guarded->mapping_size - page;
    const unsigned char *floats = (const unsigned char *)guarded->floats;
    if (guarded->is_at_end) {
        end = floats;
    } else {
        start = floats + guarded->count * sizeof(float);
    }
    for (const unsigned char *byte = start; byte < end; byte++) assert_int_equal(*byte, PATTERN);
    assert_int_equal(munmap(guarded->mapping, guarded->mapping_size), 0);
}
