#include "base/memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__  // which the headers above have told
#include <malloc.h>
#endif

enum { MAPPED_FROM_BYTES = 1024 * 1024 };  // about the smallest picture worth a mapping of its own

// glibc raises its threshold to the largest block that was freed, and then keeps such blocks in
// the arena of every thread that decoded a picture: 370 MB after some hundred uploads, where this
// leaves 34 MB.
void memory_configure(void) {
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
#endif
}

static atomic_long tries_until_failure;  // 0: off; -1: every try fails
static atomic_bool failure_is_sticky;

void memory_fail_nth(long nth, bool is_sticky) {
    atomic_store(&failure_is_sticky, is_sticky);
    atomic_store(&tries_until_failure, nth);
}

static bool try_must_fail(void) {
    long left = atomic_load_explicit(&tries_until_failure, memory_order_relaxed);
    if (left == 0) return false;
    if (left < 0) return true;
    if (atomic_fetch_sub(&tries_until_failure, 1) != 1) return false;
    if (atomic_load(&failure_is_sticky)) atomic_store(&tries_until_failure, -1);
    return true;
}

void *memory_alloc(size_t size_bytes) {
    void *block = calloc(1, size_bytes == 0 ? 1 : size_bytes);
    if (block == NULL) {
        (void)fputs("imgrouter: out of memory\n", stderr);
        abort();
    }
    return block;
}

char *memory_copy_text(const char *text) {
    size_t size_bytes = strlen(text) + 1;
    char *copy = memory_alloc(size_bytes);
    memcpy(copy, text, size_bytes);
    return copy;
}

void *memory_try(size_t size_bytes) {
    if (try_must_fail()) return NULL;
    return malloc(size_bytes == 0 ? 1 : size_bytes);
}

void *memory_try_zeroed(size_t count, size_t size_bytes) {
    size_t total;
    if (!size_multiply(count, size_bytes, &total) || try_must_fail()) return NULL;
    return calloc(1, total == 0 ? 1 : total);
}

void *memory_try_array(size_t count, size_t size_bytes) {
    size_t total;
    if (!size_multiply(count, size_bytes, &total)) return NULL;
    return memory_try(total);
}

void *memory_try_aligned(size_t count, size_t size_bytes) {
    size_t total;
    if (!size_multiply(count, size_bytes, &total)) return NULL;
    if (total > SIZE_MAX - MEMORY_CACHE_LINE || try_must_fail()) return NULL;
    size_t rounded = (total + MEMORY_CACHE_LINE - 1) / MEMORY_CACHE_LINE * MEMORY_CACHE_LINE;
    return aligned_alloc(MEMORY_CACHE_LINE, rounded == 0 ? MEMORY_CACHE_LINE : rounded);
}

void *memory_try_resize(void *block, size_t count, size_t size_bytes) {
    size_t total;
    if (!size_multiply(count, size_bytes, &total) || try_must_fail()) return NULL;
    return realloc(block, total == 0 ? 1 : total);
}

void memory_free(void *block) { free(block); }

bool size_add(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }
bool size_multiply(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
