#include "index/row_code.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/codes.h"

enum {
    LANES = 16,  // sums side by side, which the compiler turns into registers
    NARROW_MAXIMUM = 127,
    GROUP = 4,  // numbers that one table is for
    QUERY_MAXIMUM = 16383,
};

// Relative, of one float operation, with room for the few that a number goes through.
#define ROUNDING 1e-6F
// Adding and taking it off again rounds to whole numbers.
#define ROUNDER 12582912.0F  // 1.5 * 2^23

size_t row_code_width(size_t width) {
    return (width + CODES_WIDTH_STEP - 1) / CODES_WIDTH_STEP * CODES_WIDTH_STEP;
}

static float add_up(const float sums[static LANES]) {
    float sum = 0;
    for (size_t lane = 0; lane < LANES; lane++) sum += sums[lane];
    return sum;
}

// What encoding reads: the differences of a part of the vector, zeros behind its end.
static void subtract(const float *vector, const float *mean, size_t count,
                     float difference[static CODES_WIDTH_STEP]) {
    if (count >= CODES_WIDTH_STEP) {
        for (size_t i = 0; i < CODES_WIDTH_STEP; i++) difference[i] = vector[i] - mean[i];
        return;
    }
    memset(difference, 0, CODES_WIDTH_STEP * sizeof *difference);
    for (size_t i = 0; i < count; i++) difference[i] = vector[i] - mean[i];
}

struct measures {
    float squares, magnitudes, largest, vector_squares;
};

static struct measures measure(const float *vector, const float *mean, size_t width) {
    float squares[LANES] = {0}, magnitudes[LANES] = {0}, largest[LANES] = {0}, whole[LANES] = {0};
    for (size_t start = 0; start < width; start += CODES_WIDTH_STEP) {
        float part[CODES_WIDTH_STEP];
        subtract(vector + start, mean + start, width - start, part);
        for (size_t i = 0; i < CODES_WIDTH_STEP; i += LANES)
            for (size_t lane = 0; lane < LANES; lane++) {
                float magnitude = fabsf(part[i + lane]);
                squares[lane] += magnitude * magnitude;
                magnitudes[lane] += magnitude;
                largest[lane] = magnitude > largest[lane] ? magnitude : largest[lane];
            }
        size_t count = width - start < CODES_WIDTH_STEP ? width - start : CODES_WIDTH_STEP;
        for (size_t i = 0; i + LANES <= count; i += LANES)
            for (size_t lane = 0; lane < LANES; lane++)
                whole[lane] += vector[start + i + lane] * vector[start + i + lane];
        for (size_t i = count / LANES * LANES; i < count; i++)
            whole[0] += vector[start + i] * vector[start + i];
    }
    struct measures measures = {.squares = add_up(squares),
                                .magnitudes = add_up(magnitudes),
                                .vector_squares = add_up(whole)};
    for (size_t lane = 0; lane < LANES; lane++)
        if (largest[lane] > measures.largest) measures.largest = largest[lane];
    return measures;
}

static uint8_t sign_byte(const float eight[static 8]) {
    unsigned byte = 0;
    for (unsigned i = 0; i < 8; i++) byte |= (unsigned)(eight[i] >= 0) << i;
    return (uint8_t)byte;
}

bool row_encode(const float *vector, const float *mean, size_t width, uint8_t *signs,
                int8_t *narrow, struct row_numbers *numbers) {
    struct measures measures = measure(vector, mean, width);
    if (!isfinite(measures.squares) || !isfinite(measures.vector_squares)) return false;
    float scale = measures.largest / NARROW_MAXIMUM;
    float inverse = scale > 0 ? 1 / scale : 0;
    if (!isfinite(inverse)) inverse = scale = 0;  // nearly nothing: all is residual
    float residuals[LANES] = {0};
    for (size_t start = 0; start < width; start += CODES_WIDTH_STEP) {
        float part[CODES_WIDTH_STEP];
        subtract(vector + start, mean + start, width - start, part);
        for (size_t i = 0; i < CODES_WIDTH_STEP; i += LANES)
            for (size_t lane = 0; lane < LANES; lane++) {
                float whole = part[i + lane] * inverse + ROUNDER - ROUNDER;
                float rest = part[i + lane] - whole * scale;
                residuals[lane] += rest * rest;
                narrow[start + i + lane] = (int8_t)(int32_t)whole;
            }
        for (size_t i = 0; i < CODES_WIDTH_STEP; i += 8)
            signs[(start + i) / 8] = sign_byte(part + i);
    }
    float length = sqrtf(measures.squares), whole_length = sqrtf(measures.vector_squares);
    *numbers = (struct row_numbers){.scale = scale};
    if (measures.magnitudes > 0) {
        numbers->factor = measures.squares / measures.magnitudes;
        float evenness = measures.magnitudes / length;
        numbers->spread = sqrtf(fmaxf(0, 1 - evenness * evenness / (float)width));
    }
    numbers->residual = sqrtf(add_up(residuals)) + ROUNDING * (length + whole_length);
    return true;
}

// Table entries are offsets from the least sum of a group, so none is negative.
static void fill_tables(struct query_code *code, const float *query) {
    size_t groups = code->code_width / GROUP;
    float magnitudes = 0, widest = 0;
    for (size_t group = 0; group < groups; group++) {
        float sum = 0;
        for (size_t i = 0; i < GROUP; i++) sum += fabsf(query[group * GROUP + i]);
        magnitudes += sum;
        if (sum > widest) widest = sum;
    }
    code->step = 2 * widest / CODES_ENTRY_MAXIMUM;
    code->offset = -magnitudes;
    float inverse = code->step > 0 ? 1 / code->step : 0;
    if (!isfinite(inverse)) inverse = 0;
    for (size_t group = 0; group < groups; group++) {
        uint8_t *table = code->tables + group * CODES_PATTERNS;
        const float *of_query = query + group * GROUP;
        for (unsigned pattern = 0; pattern < CODES_PATTERNS; pattern++) {
            float sum = 0;
            for (unsigned i = 0; i < GROUP; i++)
                sum += fabsf(of_query[i]) + ((pattern >> i & 1) != 0 ? of_query[i] : -of_query[i]);
            float entry = sum * inverse + 0.5F;
            table[pattern] =
                entry < CODES_ENTRY_MAXIMUM ? (uint8_t)entry : (uint8_t)CODES_ENTRY_MAXIMUM;
        }
    }
    // A rounding is off by up to half a step, all as likely: step / sqrt(12) on average.
    code->blur = code->step * sqrtf((float)groups / 12);
}

static void fill_narrow(struct query_code *code, const float *query) {
    float largest = 0;
    for (size_t i = 0; i < code->code_width; i++) largest = fmaxf(largest, fabsf(query[i]));
    // Products with int8 must add up to less than 2^31.
    float maximum = (float)(INT32_MAX / NARROW_MAXIMUM) / (float)code->code_width;
    maximum = floorf(fminf(maximum, QUERY_MAXIMUM));
    code->narrow_scale = largest / maximum;
    float inverse = largest > 0 ? maximum / largest : 0;
    if (!isfinite(inverse)) inverse = 0;
    double squares = 0;
    for (size_t i = 0; i < code->code_width; i++) {
        float whole = query[i] * inverse + ROUNDER - ROUNDER;
        double rest = (double)query[i] - (double)whole * code->narrow_scale;
        squares += rest * rest;
        code->narrow[i] = (int16_t)whole;
    }
    code->narrow_error = (float)sqrt(squares);
}

bool query_code_init(struct query_code *code, const float *query, size_t width, struct error *err) {
    *code = (struct query_code){.code_width = row_code_width(width)};
    float *padded = memory_try_zeroed(code->code_width, sizeof *padded);
    code->tables = memory_try_aligned(code->code_width / GROUP, CODES_PATTERNS);
    code->narrow = memory_try_aligned(code->code_width, sizeof *code->narrow);
    if (padded == NULL || code->tables == NULL || code->narrow == NULL) {
        memory_free(padded);
        query_code_clear(code);
        return error_set(err, ERROR_INTERNAL, "out of memory for a search; try again in a moment");
    }
    memcpy(padded, query, width * sizeof *query);
    double squares = 0;
    for (size_t i = 0; i < width; i++) squares += (double)query[i] * query[i];
    code->length = (float)sqrt(squares);
    fill_tables(code, padded);
    fill_narrow(code, padded);
    memory_free(padded);
    return true;
}

void query_code_clear(struct query_code *code) {
    memory_free(code->tables);
    memory_free(code->narrow);
    *code = (struct query_code){0};
}
