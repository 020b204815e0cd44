// The only door to the heap (tools/check_source refuses malloc and free elsewhere).
// memory_alloc is for small sizes fixed by the program: it aborts when memory is out.
// memory_try* is for anything sized by input: it returns NULL, and tests make it fail on purpose.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { MEMORY_CACHE_LINE = 64 };  // bytes; also the alignment of AVX-512 loads

// Call once, first thing in main: lets pictures' memory go back to the system when it is freed.
void memory_configure(void);

void *memory_alloc(size_t size_bytes);     // zeroed; never NULL
char *memory_copy_text(const char *text);  // never NULL; caller frees

void *memory_try(size_t size_bytes);                                    // not zeroed; NULL when out
void *memory_try_zeroed(size_t count, size_t size_bytes);               // NULL also on overflow
void *memory_try_array(size_t count, size_t size_bytes);                // NULL also on overflow
void *memory_try_aligned(size_t count, size_t size_bytes);              // aligned to a cache line
void *memory_try_resize(void *block, size_t count, size_t size_bytes);  // block lives on failure
void memory_free(void *block);  // of any of the above; takes NULL

// Checked arithmetic on sizes that come from outside; false on overflow.
bool size_add(size_t a, size_t b, size_t *out);
bool size_multiply(size_t a, size_t b, size_t *out);

// Fault injection for tests: the nth memory_try* from now on (1 = the next) returns NULL, and
// `is_sticky` makes all later ones fail too. 0 switches it off. Counts across all threads.
void memory_fail_nth(long nth, bool is_sticky);
