// The searching side. In a first pass over the chunks a row's 1-bit code tells about what its score
// is, and how far that may be off. Where it may still reach the k-th best it is a candidate, and
// the few that seem to be among the best so far are scored by int8 at once, so that the k-th best
// is soon known well. In a second pass the candidates that may reach it still are scored by int8;
// and the rows that may reach the k-th best of those are contenders, among which the owner's fp32
// decides.
//
// The k-th best is that of a lower bound: the lesser of what both codes say, less the error. So it
// does not depend on the order in which rows were met, nor on the number of threads, what is
// chosen.
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "index/best_matches.h"
#include "index/key_filter.h"
#include "index/vector_index_internal.h"

enum {
    EXACT_ROWS = CHUNK_ROWS,  // as many are searched exactly: it takes no longer
    EXACT_WIDTH = 64,         // below it errors are not spread like a bell
    // Where sharing a scan gains more than waking a thread costs, also when it slept.
    THREADS_FROM_ROWS = 262144,
    THREADS_FROM_EXACT_ROWS = 16384,
    FEW_DIVISOR = 32,  // up to a part of 1/32 of the rows, allowed keys are looked up
    READ_ROWS = 256,   // vectors that are read at a time
    FIRST_CONTENDERS = 512,
    FIRST_CANDIDATES = 4096,
    FETCH_AHEAD = 8,  // rows: a row comes from memory in the time the others take
    CACHE_LINE = MEMORY_CACHE_LINE,
};

// How many standard deviations an estimate by 1 bit may be off before a row is lost, and one by
// int8 (docs/speed-log.md).
#define CODE_DEVIATIONS 3.0F
#define NARROW_DEVIATIONS 4.0F
// Of sums in fp32, relative to the lengths of what is multiplied; generous.
#define ROUNDING 1e-5F

// A row that may be among the k best.
struct contender {
    int64_t key;
    float reach;  // the most its score may be
    float bound;  // the most its 1-bit code allows
};

// A row that its 1-bit code may bring among the k best.
struct candidate {
    uint32_t slot;
    float bound;  // as above
};

// What one thread finds.
struct finding {
    struct best_matches estimates;  // by 1-bit codes; of slots, not keys
    struct best_matches lower;      // lower bounds
    struct candidate *candidates;
    size_t candidate_count, candidate_capacity;
    struct contender *contenders;
    size_t count, capacity;
    bool is_out_of_memory;
};

struct scan {
    struct vector_index *index;
    const struct vector_search *search;
    struct query_code code;
    bool is_exact;
    size_t chunk_count;
    struct finding *findings;  // [threads]
    _Atomic float least;       // the best of the threads' k-th best
};

static float least_of(const struct scan *scan) {
    return atomic_load_explicit(&scan->least, memory_order_relaxed);
}

static void raise_least(struct scan *scan, float least) {
    float known = least_of(scan);
    while (least > known &&
           !atomic_compare_exchange_weak_explicit(&scan->least, &known, least, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

// Drops those that cannot be among the k best any more.
static void prune(struct finding *finding, float least) {
    size_t kept = 0;
    for (size_t i = 0; i < finding->count; i++) {
        struct contender contender = finding->contenders[i];
        if (contender.reach >= least && contender.bound >= least)
            finding->contenders[kept++] = contender;
    }
    finding->count = kept;
}

static void add_contender(struct finding *finding, struct contender contender, float least) {
    if (finding->count == finding->capacity) prune(finding, least);
    if (finding->count == finding->capacity) {
        size_t capacity = 2 * finding->capacity;
        struct contender *larger = memory_try_resize(finding->contenders, capacity, sizeof *larger);
        if (larger == NULL) {
            finding->is_out_of_memory = true;
            return;
        }
        finding->contenders = larger;
        finding->capacity = capacity;
    }
    finding->contenders[finding->count++] = contender;
}

static void add_candidate(struct finding *finding, struct candidate candidate, float least) {
    if (finding->candidate_count == finding->candidate_capacity) {
        size_t kept = 0;
        for (size_t i = 0; i < finding->candidate_count; i++)
            if (finding->candidates[i].bound >= least)
                finding->candidates[kept++] = finding->candidates[i];
        finding->candidate_count = kept;
    }
    if (finding->candidate_count > finding->candidate_capacity / 4 * 3) {
        size_t capacity = 2 * finding->candidate_capacity;
        struct candidate *larger = memory_try_resize(finding->candidates, capacity, sizeof *larger);
        if (larger == NULL) {
            finding->is_out_of_memory = true;
            return;
        }
        finding->candidates = larger;
        finding->candidate_capacity = capacity;
    }
    finding->candidates[finding->candidate_count++] = candidate;
}

// The part of a chunk that is the same for all its rows.
struct centre {
    float score;   // query · mean
    float offset;  // of the 1-bit codes
    float margin;  // that they may be off, for a factor of 1
    float error;   // rounding, but for the rows' part of it
};

static struct centre centre_of(const struct scan *scan, const struct row_chunk *chunk) {
    const struct query_code *code = &scan->code;
    float spread = code->length * chunk->spread;
    float deviation = sqrtf(spread * spread + code->blur * code->blur);
    return (struct centre){.score = dot_f32(scan->index->compute, scan->search->query, chunk->mean,
                                            scan->index->width),
                           .offset = code->offset,
                           .margin = CODE_DEVIATIONS * deviation,
                           .error = ROUNDING * code->length * chunk->mean_length};
}

static void score_row(struct scan *scan, struct finding *finding, const struct row_chunk *chunk,
                      const struct centre *centre, struct candidate candidate) {
    const struct query_code *code = &scan->code;
    size_t row = candidate.slot % CHUNK_ROWS;
    int32_t product = scan->index->kernels->row_multiply(chunk->narrow + row * code->code_width,
                                                         code->narrow, code->code_width);
    float score = centre->score + chunk->scales[row] * code->narrow_scale * (float)product;
    // No difference is longer than this.
    float length = chunk->factors[row] * sqrtf((float)scan->index->width);
    float off = code->length * chunk->residuals[row];
    if (!scan->is_exact) off *= NARROW_DEVIATIONS / sqrtf((float)scan->index->width);
    float error = off + code->narrow_error * (length + chunk->residuals[row]) + centre->error +
                  ROUNDING * code->length * length;
    float least = least_of(scan);
    if (score + error < least) return;
    int64_t key = chunk->keys[row];
    float lower = fminf(score, candidate.bound) - error;
    best_matches_offer(&finding->lower, (struct vector_match){.key = key, .score = lower});
    raise_least(scan, best_matches_least(&finding->lower));
    add_contender(finding,
                  (struct contender){.key = key, .reach = score + error, .bound = candidate.bound},
                  least_of(scan));
}

static void fetch_row(const struct row_chunk *chunk, size_t row) {
    const int8_t *narrow = chunk->narrow + row * chunk->code_width;
    for (size_t i = 0; i < chunk->code_width; i += CACHE_LINE) __builtin_prefetch(narrow + i);
}

// Those of a block's rows that are to be scored at once; returns how many. Others that may be among
// the k best become candidates.
static size_t select_rows(struct scan *scan, struct finding *finding, const struct row_chunk *chunk,
                          const struct centre *centre, uint32_t first_slot, size_t block,
                          struct candidate at_once[static CODES_BLOCK_ROWS]) {
    const struct query_code *code = &scan->code;
    const struct key_filter *filter = scan->search->filter;
    uint16_t sums[CODES_BLOCK_ROWS];
    uint64_t selected = chunk->is_live[block];
    size_t first = block * CODES_BLOCK_ROWS, count = 0;
    float least = least_of(scan);
    if (selected == 0) return 0;
    if (!scan->is_exact) {
        scan->index->kernels->block_sum(chunk->codes + first * (code->code_width / 8), code->tables,
                                        code->code_width / 8, sums);
        selected &= scan->index->kernels->block_select(sums, chunk->factors + first, code->step,
                                                       centre->offset + centre->margin,
                                                       least - centre->score);
    }
    for (; selected != 0; selected &= selected - 1) {
        size_t row = first + (size_t)__builtin_ctzll(selected);
        struct candidate candidate = {.slot = first_slot + (uint32_t)row, .bound = INFINITY};
        if (filter != NULL && !key_filter_allows(filter, chunk->keys[row])) continue;
        if (!scan->is_exact) {
            float sum = (float)sums[row - first] * code->step + centre->offset;
            float estimate = centre->score + chunk->factors[row] * sum;
            candidate.bound = centre->score + chunk->factors[row] * (sum + centre->margin);
            if (estimate <= best_matches_least(&finding->estimates)) {
                add_candidate(finding, candidate, least);
                continue;
            }
            best_matches_offer(&finding->estimates, (struct vector_match){.score = estimate});
        }
        at_once[count++] = candidate;
        fetch_row(chunk, row);
    }
    return count;
}

static struct row_chunk *lock_chunk(struct vector_index *index, size_t number) {
    struct row_chunk *chunk = atomic_load_explicit(&index->chunks[number], memory_order_acquire);
    (void)pthread_rwlock_rdlock(&chunk->lock);
    return chunk;
}

static void scan_chunk(void *context, size_t task, size_t worker) {
    struct scan *scan = context;
    struct finding *finding = &scan->findings[worker];
    struct candidate at_once[2][CODES_BLOCK_ROWS];
    size_t counts[2] = {0, 0};
    struct row_chunk *chunk = lock_chunk(scan->index, task);
    struct centre centre = centre_of(scan, chunk);
    // Rows are scored a block later, when they have come from memory.
    for (size_t block = 0; block <= CHUNK_BLOCKS; block++) {
        size_t now = block % 2, before = 1 - now;
        counts[now] = block == CHUNK_BLOCKS
                          ? 0
                          : select_rows(scan, finding, chunk, &centre,
                                        (uint32_t)(task * CHUNK_ROWS), block, at_once[now]);
        for (size_t i = 0; i < counts[before]; i++)
            score_row(scan, finding, chunk, &centre, at_once[before][i]);
    }
    (void)pthread_rwlock_unlock(&chunk->lock);
}

// The candidates that one thread has found; a row may have changed since, and is what it is now.
static void score_candidates(void *context, size_t task, size_t worker) {
    (void)worker;
    struct scan *scan = context;
    struct finding *finding = &scan->findings[task];
    for (size_t i = 0; i < finding->candidate_count;) {
        size_t number = finding->candidates[i].slot / CHUNK_ROWS, end = i, ahead = i;
        while (end < finding->candidate_count &&
               finding->candidates[end].slot / CHUNK_ROWS == number)
            end++;
        struct row_chunk *chunk = lock_chunk(scan->index, number);
        struct centre centre = centre_of(scan, chunk);
        for (; i < end; i++) {
            struct candidate candidate = finding->candidates[i];
            size_t row = candidate.slot % CHUNK_ROWS;
            for (; ahead < end && ahead < i + FETCH_AHEAD; ahead++)
                if (finding->candidates[ahead].bound >= least_of(scan))
                    fetch_row(chunk, finding->candidates[ahead].slot % CHUNK_ROWS);
            if (candidate.bound >= least_of(scan) && row_chunk_has(chunk, row) &&
                (scan->search->filter == NULL ||
                 key_filter_allows(scan->search->filter, chunk->keys[row])))
                score_row(scan, finding, chunk, &centre, candidate);
        }
        (void)pthread_rwlock_unlock(&chunk->lock);
    }
}

// Where few keys are allowed: each is looked up and scored.
static void scan_allowed(struct scan *scan) {
    struct vector_index *index = scan->index;
    const struct key_filter *filter = scan->search->filter;
    int64_t key = key_filter_next(filter, 0);
    while (key >= 0) {
        size_t slots[CODES_BLOCK_ROWS], count = 0;
        (void)pthread_rwlock_rdlock(&index->slots_lock);
        for (; key >= 0 && count < CODES_BLOCK_ROWS; key = key_filter_next(filter, key + 1)) {
            size_t slot = key_table_find(&index->slots, key);
            if (slot != KEY_TABLE_EMPTY) slots[count++] = slot;
        }
        (void)pthread_rwlock_unlock(&index->slots_lock);
        for (size_t i = 0; i < count;) {
            size_t number = slots[i] / CHUNK_ROWS;
            struct row_chunk *chunk = lock_chunk(index, number);
            struct centre centre = centre_of(scan, chunk);
            for (; i < count && slots[i] / CHUNK_ROWS == number; i++) {
                size_t row = slots[i] % CHUNK_ROWS;
                // Another key may have taken the slot since.
                if (!row_chunk_has(chunk, row) || !key_filter_allows(filter, chunk->keys[row]))
                    continue;
                score_row(scan, &scan->findings[0], chunk, &centre,
                          (struct candidate){.slot = (uint32_t)slots[i], .bound = INFINITY});
            }
            (void)pthread_rwlock_unlock(&chunk->lock);
        }
    }
}

static void scan_all(struct scan *scan) {
    struct vector_index *index = scan->index;
    size_t from_rows = scan->is_exact ? THREADS_FROM_EXACT_ROWS : THREADS_FROM_ROWS;
    if (scan->chunk_count * CHUNK_ROWS >= from_rows &&
        pthread_mutex_trylock(&index->pool_mutex) == 0) {
        thread_pool_run(index->pool, scan_chunk, scan, scan->chunk_count);
        thread_pool_run(index->pool, score_candidates, scan, thread_pool_size(index->pool));
        (void)pthread_mutex_unlock(&index->pool_mutex);
    } else {
        for (size_t number = 0; number < scan->chunk_count; number++) scan_chunk(scan, number, 0);
        score_candidates(scan, 0, 0);
    }
}

static bool out_of_memory(struct error *err) {
    return error_set(err, ERROR_INTERNAL, "out of memory for a search; try again in a moment");
}

static bool findings_init(struct scan *scan, size_t k) {
    size_t threads = thread_pool_size(scan->index->pool), capacity;
    if (!size_add(k, FIRST_CONTENDERS, &capacity) || !size_multiply(capacity, 2, &capacity))
        return false;
    scan->findings = memory_try_zeroed(threads, sizeof *scan->findings);
    if (scan->findings == NULL) return false;
    for (size_t i = 0; i < threads; i++) {
        struct finding *finding = &scan->findings[i];
        finding->estimates.k = finding->lower.k = k;
        finding->estimates.heap = memory_try_array(k, sizeof *finding->estimates.heap);
        finding->lower.heap = memory_try_array(k, sizeof *finding->lower.heap);
        finding->candidate_capacity = FIRST_CANDIDATES;
        finding->candidates = memory_try_array(FIRST_CANDIDATES, sizeof *finding->candidates);
        finding->contenders = memory_try_array(capacity, sizeof *finding->contenders);
        finding->capacity = capacity;
        if (finding->estimates.heap == NULL || finding->lower.heap == NULL ||
            finding->candidates == NULL || finding->contenders == NULL)
            return false;
    }
    return true;
}

static void scan_clear(struct scan *scan) {
    for (size_t i = 0; scan->findings != NULL && i < thread_pool_size(scan->index->pool); i++) {
        memory_free(scan->findings[i].estimates.heap);
        memory_free(scan->findings[i].lower.heap);
        memory_free(scan->findings[i].candidates);
        memory_free(scan->findings[i].contenders);
    }
    memory_free(scan->findings);
    query_code_clear(&scan->code);
}

// All contenders into the first finding; false when memory is out.
static bool merge_findings(struct scan *scan) {
    struct finding *all = &scan->findings[0];
    size_t threads = thread_pool_size(scan->index->pool);
    for (size_t i = 1; i < threads; i++)
        for (size_t j = 0; j < scan->findings[i].lower.count; j++)
            best_matches_offer(&all->lower, scan->findings[i].lower.heap[j]);
    float least = best_matches_least(&all->lower);
    prune(all, least);
    for (size_t i = 1; i < threads; i++) {
        struct finding *finding = &scan->findings[i];
        prune(finding, least);
        for (size_t j = 0; j < finding->count; j++)
            add_contender(all, finding->contenders[j], least);
        if (finding->is_out_of_memory) return false;
    }
    return !all->is_out_of_memory;
}

static int compare_keys(const void *a, const void *b) {
    int64_t left = ((const struct contender *)a)->key, right = ((const struct contender *)b)->key;
    return (left > right) - (left < right);
}

// Their keys, ascending, for the owner to find near each other; a key that was put again while the
// scan was under way may have been met twice. Returns how many.
static size_t list_keys(struct finding *finding, int64_t *keys) {
    size_t count = 0;
    if (finding->count > 0)
        qsort(finding->contenders, finding->count, sizeof *finding->contenders, compare_keys);
    for (size_t i = 0; i < finding->count; i++)
        if (count == 0 || keys[count - 1] != finding->contenders[i].key)
            keys[count++] = finding->contenders[i].key;
    return count;
}

// fp32 has the last word.
static bool decide(struct scan *scan, struct best_matches *best, struct error *err) {
    struct finding *finding = &scan->findings[0];
    const struct vector_search *search = scan->search;
    size_t width = scan->index->width;
    size_t at_once = finding->count < READ_ROWS ? finding->count : READ_ROWS;
    int64_t *keys = memory_try_array(finding->count, sizeof *keys);
    float *vectors = memory_try_array(at_once * width, sizeof *vectors);
    bool is_done = keys != NULL && vectors != NULL;
    if (!is_done) out_of_memory(err);
    size_t count = is_done ? list_keys(finding, keys) : 0;
    for (size_t start = 0; is_done && start < count; start += READ_ROWS) {
        size_t rows = count - start < READ_ROWS ? count - start : READ_ROWS;
        bool is_there[READ_ROWS];
        float scores[READ_ROWS];
        is_done = search->read(search->read_context, keys + start, rows, vectors, is_there, err);
        if (!is_done) break;
        dot_rows_f32(scan->index->compute, vectors, rows, width, search->query, scores);
        for (size_t i = 0; i < rows; i++)
            if (is_there[i])
                best_matches_offer(
                    best, (struct vector_match){.key = keys[start + i], .score = scores[i]});
    }
    memory_free(keys);
    memory_free(vectors);
    return is_done;
}

static bool is_finite(const float *vector, size_t width) {
    float sum = 0;  // of zeros, unless one is not finite
    for (size_t i = 0; i < width; i++) sum += vector[i] * 0;
    return sum == 0;
}

bool vector_index_search(struct vector_index *index, const struct vector_search *search,
                         struct vector_match *matches, size_t *count, struct error *err) {
    *count = 0;
    size_t rows = atomic_load(&index->count);
    size_t allowed = search->filter == NULL ? rows : key_filter_count(search->filter);
    size_t k = search->k < rows ? search->k : rows;
    if (k > allowed) k = allowed;
    if (k == 0 || !is_finite(search->query, index->width)) return true;
    struct scan scan = {.index = index,
                        .search = search,
                        .chunk_count = atomic_load(&index->chunk_count),
                        .least = -INFINITY};
    scan.is_exact = search->is_exact || rows <= EXACT_ROWS || index->width < EXACT_WIDTH;
    bool is_done = query_code_init(&scan.code, search->query, index->width, err);
    if (is_done && !findings_init(&scan, k)) is_done = out_of_memory(err);
    if (is_done) {
        if (search->filter != NULL && allowed <= rows / FEW_DIVISOR)
            scan_allowed(&scan);
        else
            scan_all(&scan);
        if (!merge_findings(&scan)) is_done = out_of_memory(err);
    }
    if (is_done) {
        struct best_matches best = {.heap = matches, .k = k};
        is_done = decide(&scan, &best, err);
        best_matches_sort(&best);
        *count = is_done ? best.count : 0;
    }
    scan_clear(&scan);
    return is_done;
}
