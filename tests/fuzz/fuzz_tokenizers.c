// Any bytes as a text for both tokenizers, and as their vocabulary files. The first byte chooses.
// Whatever comes, ids lie inside the vocabulary and a decoded text is short and ended.
#define _GNU_SOURCE  // memfd_create: a file without a disk
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tokenize/clip_bpe.h"
#include "tokenize/wordpiece.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTEXT = 77 };

static const char merges[] =
    "#version\nt h\nth e</w>\na t</w>\nc at</w>\ni n\nin g</w>\n\xC3\x83 \xC2\xA9\n";
static const char words[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\nthe\ncat\n##s\n.\n'\ns\nt\n##ing\n\xE7\x8C\xAB\n";

struct memory_file {
    int descriptor;
    char path[64];
};

static struct memory_file open_bytes(const void *bytes, size_t size) {
    struct memory_file file = {.descriptor = memfd_create("vocabulary", MFD_CLOEXEC)};
    if (file.descriptor < 0 || write(file.descriptor, bytes, size) != (ssize_t)size) abort();
    (void)snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.descriptor);
    return file;
}

static struct clip_bpe *load_clip(const void *bytes, size_t size, const char *vocab_path) {
    struct memory_file file = open_bytes(bytes, size);
    struct error err = {0};
    struct clip_bpe *tokenizer = clip_bpe_load(file.path, vocab_path, &err);
    assert((tokenizer == NULL) == (err.kind != ERROR_NONE));
    (void)close(file.descriptor);
    return tokenizer;
}

static struct wordpiece *load_wordpiece(const void *bytes, size_t size) {
    struct memory_file file = open_bytes(bytes, size);
    struct error err = {0};
    struct wordpiece *tokenizer = wordpiece_load(file.path, &err);
    assert((tokenizer == NULL) == (err.kind != ERROR_NONE));
    (void)close(file.descriptor);
    return tokenizer;
}

static void try_clip(const struct clip_bpe *tokenizer, const char *text) {
    int32_t ids[CONTEXT];
    struct error err = {0};
    size_t count = clip_bpe_encode(tokenizer, text, ids, CONTEXT, NULL, &err);
    assert((count == 0) == (err.kind != ERROR_NONE));
    assert(count != 1 && count <= CONTEXT);
    for (size_t i = 0; i < count; i++)
        assert(ids[i] >= 0 && (size_t)ids[i] < clip_bpe_vocabulary_size(tokenizer));
}

static void try_wordpiece(const struct wordpiece *tokenizer, const char *text) {
    int32_t ids[CONTEXT];
    struct error err = {0};
    size_t count = wordpiece_encode(tokenizer, text, ids, CONTEXT, &err);
    assert(count <= CONTEXT);
    for (size_t i = 0; i < count; i++)
        assert(ids[i] >= 0 && (size_t)ids[i] < wordpiece_vocabulary_size(tokenizer));
    char *decoded = wordpiece_decode_copy(tokenizer, ids, count, &err);
    assert(decoded != NULL);
    free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct clip_bpe *clip;
    static struct wordpiece *wordpiece;
    if (clip == NULL) clip = load_clip(merges, sizeof merges - 1, NULL);
    if (wordpiece == NULL) wordpiece = load_wordpiece(words, sizeof words - 1);
    if (size == 0) return 0;
    char *text = malloc(size);
    if (text == NULL) abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] < 128) {
        try_clip(clip, text);
        try_wordpiece(wordpiece, text);
    } else if (data[0] < 160) {
        struct clip_bpe *made = load_clip(text, size - 1, NULL);
        if (made != NULL) try_clip(made, "the cat isn't caf\xC3\xA9");
        clip_bpe_destroy(made);
    } else if (data[0] < 192) {
        struct memory_file vocab = open_bytes(text, size - 1);
        struct clip_bpe *made = load_clip("#\na b\n", 6, vocab.path);
        if (made != NULL) try_clip(made, "ab b a");
        clip_bpe_destroy(made);
        (void)close(vocab.descriptor);
    } else {
        struct wordpiece *made = load_wordpiece(text, size - 1);
        if (made != NULL) try_wordpiece(made, "the cats sat, walking");
        wordpiece_destroy(made);
    }
    free(text);
    return 0;
}
