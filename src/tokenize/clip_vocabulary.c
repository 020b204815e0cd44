// The files. merges.txt: a first line that says nothing to us, then one merge of two symbols a
// line, the best first; beyond the 48894th they are ignored, as the reference does (open_clip's own
// file goes on for 262144). vocab.json: an object of symbol and id. Without it the ids are: the 256
// bytes, the same with </w>, the merges, <start_of_text>, <end_of_text>. A symbol is written in
// characters that stand for bytes (GPT-2's table), with </w> where it ends a word.
#include "tokenize/clip_vocabulary.h"

#include <jansson.h>
#include <string.h>
#include <zlib.h>

#include "base/byte_buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "tokenize/code_points.h"
#include "tokenize/symbol_table.h"

enum {
    MAX_FILE_BYTES = 16 << 20,     // gzipped or not; CLIP's own have 1 to 3 MB
    MAX_MERGES = 49152 - 256 - 2,  // open_clip's SimpleTokenizer
    BYTE_SYMBOLS = 512,
    MAX_BYTE_SYMBOL = 8  // two bytes of UTF-8, "</w>", NUL
};

// A line of merges.txt: the two symbols, moved together so that they also spell the merged one.
struct merge {
    const char *text;
    uint32_t left_size, size;
};

// All that is needed only while loading.
struct sources {
    char *merges_text;
    struct merge *merges;
    size_t merge_count;
    json_t *vocab;
    char byte_symbols[BYTE_SYMBOLS][MAX_BYTE_SYMBOL];  // in the order of the derived ids
    uint8_t byte_order[BYTE_SYMBOLS / 2];
    struct symbol_table symbols;
};

static bool inflate_into(struct byte_buffer *out, const char *bytes, size_t size,
                         struct error *err) {
    unsigned char piece[16 << 10];
    z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)bytes, .avail_in = (uInt)size};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)  // 16: gzip, not zlib
        return error_set(err, ERROR_INTERNAL, "out of memory unpacking it");
    int status = Z_OK;
    while (status == Z_OK) {
        stream.next_out = piece;
        stream.avail_out = sizeof piece;
        status = inflate(&stream, Z_NO_FLUSH);
        if (!byte_buffer_append(out, piece, sizeof piece - stream.avail_out)) break;
    }
    (void)inflateEnd(&stream);
    if (out->has_failed)
        return error_set(err, ERROR_TOO_LARGE, "it unpacks to more than %d bytes", MAX_FILE_BYTES);
    if (status != Z_STREAM_END)
        return error_set(err, ERROR_INVALID, "its gzip data is damaged or cut short");
    return true;
}

// The file's text, unpacked when it is gzipped; the caller frees it. NULL on error.
static char *read_text_create(const char *path, size_t *size, struct error *err) {
    char *bytes = file_read_create(path, MAX_FILE_BYTES, size, err);
    if (bytes == NULL || *size < 2 || memcmp(bytes, "\x1F\x8B", 2) != 0) return bytes;
    struct byte_buffer text;
    byte_buffer_init(&text, MAX_FILE_BYTES);
    bool is_done = inflate_into(&text, bytes, *size, err);
    memory_free(bytes);
    if (is_done) return byte_buffer_take(&text, size);
    byte_buffer_clear(&text);
    error_wrap(err, "%s", path);
    return NULL;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// "th e\r" becomes "the". Anything but two symbols is refused.
static bool read_merge(char *line, size_t size, struct merge *merge) {
    char *parts[2] = {NULL, NULL};
    size_t sizes[2] = {0, 0}, count = 0;
    for (size_t i = 0; i < size;) {
        if (is_blank(line[i])) {
            i++;
            continue;
        }
        if (count == 2) return false;
        parts[count] = line + i;
        while (i < size && !is_blank(line[i])) i++;
        sizes[count] = (size_t)(line + i - parts[count]);
        count++;
    }
    if (count != 2) return false;
    memmove(parts[0] + sizes[0], parts[1], sizes[1]);
    *merge = (struct merge){parts[0], (uint32_t)sizes[0], (uint32_t)(sizes[0] + sizes[1])};
    return true;
}

static bool read_merges(struct sources *sources, const char *path, struct error *err) {
    size_t size;
    sources->merges_text = read_text_create(path, &size, err);
    sources->merges = memory_try_array(MAX_MERGES, sizeof *sources->merges);
    if (sources->merges == NULL) error_set(err, ERROR_INTERNAL, "out of memory reading %s", path);
    if (sources->merges_text == NULL || sources->merges == NULL) return false;
    char *line = sources->merges_text, *end = line + size;
    for (size_t number = 1; line < end && sources->merge_count < MAX_MERGES; number++) {
        char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (line_end == NULL) line_end = end;
        size_t line_size = (size_t)(line_end - line);
        bool is_empty = line_size == 0 || (line_size == 1 && line[0] == '\r');
        if (number > 1 && !is_empty &&
            !read_merge(line, line_size, &sources->merges[sources->merge_count++]))
            return error_set(err, ERROR_INVALID, "%s: line %zu is not a merge of two symbols", path,
                             number);
        line = line_end + 1;
    }
    if (sources->merge_count > 0) return true;
    return error_set(err, ERROR_INVALID, "%s holds no merges", path);
}

// GPT-2's table: the printable bytes of Latin-1 stand for themselves and come first, the others are
// written as the characters from U+0100 on.
static void make_byte_symbols(struct sources *sources) {
    size_t count = 0;
    int32_t next_stand_in = 0x100;
    for (int is_stand_in = 0; is_stand_in < 2; is_stand_in++) {
        for (int byte = 0; byte < 256; byte++) {
            bool is_printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
            if (is_printable == (is_stand_in == 1)) continue;
            char *symbol = sources->byte_symbols[count], *last = sources->byte_symbols[256 + count];
            size_t size = code_point_encode(is_printable ? byte : next_stand_in++, symbol);
            memcpy(last, symbol, size);
            memcpy(last + size, "</w>", sizeof "</w>");
            sources->byte_order[count++] = (uint8_t)byte;
        }
    }
}

static bool derive_symbols(struct sources *sources, struct error *err) {
    static const char start[] = "<start_of_text>", end[] = "<end_of_text>";
    struct symbol_table *symbols = &sources->symbols;
    if (!symbol_table_init(symbols, BYTE_SYMBOLS + sources->merge_count + 2, err)) return false;
    for (size_t i = 0; i < BYTE_SYMBOLS; i++)
        symbol_table_add(symbols, sources->byte_symbols[i], strlen(sources->byte_symbols[i]));
    for (size_t i = 0; i < sources->merge_count; i++)
        symbol_table_add(symbols, sources->merges[i].text, sources->merges[i].size);
    symbol_table_add(symbols, start, sizeof start - 1);
    symbol_table_add(symbols, end, sizeof end - 1);
    return true;
}

static bool order_symbols(struct sources *sources, const char **by_id, struct error *err) {
    size_t count = json_object_size(sources->vocab);
    const char *text;
    json_t *value;
    json_object_foreach(sources->vocab, text, value) {
        json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
        if (id < 0 || (size_t)id >= count || by_id[id] != NULL)
            return error_set(err, ERROR_INVALID,
                             "its %zu symbols do not have the ids 0 to %zu, each once", count,
                             count == 0 ? 0 : count - 1);
        by_id[id] = text;
    }
    for (size_t i = 0; i < count; i++)
        symbol_table_add(&sources->symbols, by_id[i], strlen(by_id[i]));
    return true;
}

static bool read_symbols(struct sources *sources, const char *path, struct error *err) {
    size_t size;
    char *text = read_text_create(path, &size, err);
    if (text == NULL) return false;
    json_error_t problem;
    sources->vocab = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    memory_free(text);
    if (!json_is_object(sources->vocab))
        return error_set(err, ERROR_INVALID, "%s is not a JSON object of symbols and ids (byte %d)",
                         path, problem.position);
    size_t count = json_object_size(sources->vocab);
    const char **by_id = memory_try_zeroed(count, sizeof *by_id);
    if (by_id == NULL) error_set(err, ERROR_INTERNAL, "out of memory reading it");
    bool is_done = by_id != NULL && symbol_table_init(&sources->symbols, count, err) &&
                   order_symbols(sources, by_id, err);
    memory_free(by_id);
    return is_done || error_wrap(err, "%s", path);
}

static size_t pair_slot(const struct clip_vocabulary *vocabulary, int32_t left, int32_t right) {
    // Multiplicative hashing; the odd constants are 2^64 and 2^32 over the golden ratio.
    uint64_t hash = (uint64_t)(uint32_t)left * 0x9E3779B97F4A7C15u + (uint64_t)(uint32_t)right;
    hash *= 0x9E3779B97F4A7C15u;
    return (size_t)(hash >> 32) & (vocabulary->slot_count - 1);
}

static struct clip_pair *find_slot(const struct clip_vocabulary *vocabulary, int32_t left,
                                   int32_t right) {
    size_t slot = pair_slot(vocabulary, left, right);
    struct clip_pair *pair = &vocabulary->pairs[slot];
    while (pair->merged != CLIP_NO_ID && (pair->left != left || pair->right != right)) {
        slot = (slot + 1) & (vocabulary->slot_count - 1);
        pair = &vocabulary->pairs[slot];
    }
    return pair;
}

const struct clip_pair *clip_vocabulary_find_pair(const struct clip_vocabulary *vocabulary,
                                                  int32_t left, int32_t right) {
    const struct clip_pair *pair = find_slot(vocabulary, left, right);
    return pair->merged == CLIP_NO_ID ? NULL : pair;
}

static bool make_pairs(struct clip_vocabulary *vocabulary, const struct sources *sources,
                       struct error *err) {
    vocabulary->slot_count = 64;
    while (vocabulary->slot_count / 4 * 3 < sources->merge_count) vocabulary->slot_count *= 2;
    vocabulary->pairs = memory_try_array(vocabulary->slot_count, sizeof *vocabulary->pairs);
    if (vocabulary->pairs == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for %zu merges", sources->merge_count);
    for (size_t i = 0; i < vocabulary->slot_count; i++) vocabulary->pairs[i].merged = CLIP_NO_ID;
    for (size_t i = 0; i < sources->merge_count; i++) {
        const struct merge *merge = &sources->merges[i];
        const char *right_text = merge->text + merge->left_size;
        int32_t left = symbol_table_find(&sources->symbols, merge->text, merge->left_size);
        int32_t right =
            symbol_table_find(&sources->symbols, right_text, merge->size - merge->left_size);
        int32_t merged = symbol_table_find(&sources->symbols, merge->text, merge->size);
        if (left < 0 || right < 0 || merged < 0)
            return error_set(err, ERROR_INVALID,
                             "merge number %zu joins symbols that the vocabulary does not have; "
                             "the two files do not belong together, or one is cut short",
                             i + 1);
        *find_slot(vocabulary, left, right) = (struct clip_pair){left, right, (int32_t)i, merged};
    }
    return true;
}

// open_clip's name, or that of the transformers files.
static int32_t find_special(const struct symbol_table *symbols, const char *name,
                            const char *other_name) {
    int32_t id = symbol_table_find(symbols, name, strlen(name));
    return id >= 0 ? id : symbol_table_find(symbols, other_name, strlen(other_name));
}

static bool make_ids(struct clip_vocabulary *vocabulary, const struct sources *sources,
                     struct error *err) {
    const struct symbol_table *symbols = &sources->symbols;
    vocabulary->size = symbols->count;
    for (size_t i = 0; i < 256; i++) {
        const char *symbol = sources->byte_symbols[i], *last = sources->byte_symbols[256 + i];
        uint8_t byte = sources->byte_order[i];
        vocabulary->byte_ids[byte] = symbol_table_find(symbols, symbol, strlen(symbol));
        vocabulary->last_byte_ids[byte] = symbol_table_find(symbols, last, strlen(last));
    }
    vocabulary->start_id = find_special(symbols, "<start_of_text>", "<|startoftext|>");
    vocabulary->end_id = find_special(symbols, "<end_of_text>", "<|endoftext|>");
    if (vocabulary->start_id < 0 || vocabulary->end_id < 0)
        return error_set(err, ERROR_INVALID,
                         "the vocabulary has no symbols for the start and the end of a text");
    return true;
}

bool clip_vocabulary_load(struct clip_vocabulary *vocabulary, const char *merges_path,
                          const char *vocab_path, struct error *err) {
    *vocabulary = (struct clip_vocabulary){0};
    struct sources *sources = memory_try_zeroed(1, sizeof *sources);
    if (sources == NULL) return error_set(err, ERROR_INTERNAL, "out of memory");
    make_byte_symbols(sources);
    bool is_done = read_merges(sources, merges_path, err) &&
                   (vocab_path == NULL ? derive_symbols(sources, err)
                                       : read_symbols(sources, vocab_path, err));
    if (is_done) {
        is_done = make_pairs(vocabulary, sources, err) && make_ids(vocabulary, sources, err);
        if (!is_done) error_wrap(err, "%s", merges_path);
    }
    symbol_table_clear(&sources->symbols);
    json_decref(sources->vocab);
    memory_free(sources->merges);
    memory_free(sources->merges_text);
    memory_free(sources);
    if (!is_done) clip_vocabulary_clear(vocabulary);
    return is_done;
}

void clip_vocabulary_clear(struct clip_vocabulary *vocabulary) {
    memory_free(vocabulary->pairs);
    *vocabulary = (struct clip_vocabulary){0};
}
