// CLIP's byte-level byte-pair tokenizer, reading the model's own vocabulary files. Equal to
// open_clip's SimpleTokenizer without ftfy: HTML is unescaped twice, whitespace is collapsed, the
// text is lower-cased. Not done: ftfy's repairs (mis-decoded text, curly quotes, ligatures,
// full-width letters, NFC), the HTML names beyond HTML 4, and the special tokens: written out in
// the user's text they are ordinary text, so that no text cuts a query short. Read-only after
// loading: any number of threads.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct clip_bpe;

// merges.txt, and vocab.json for the ids. vocab_path may be NULL: the ids then follow from the
// merges, as in open_clip. Either file may be gzipped, as open_clip's own .txt.gz is.
struct clip_bpe *clip_bpe_load(const char *merges_path, const char *vocab_path, struct error *err);
void clip_bpe_destroy(struct clip_bpe *tokenizer);
size_t clip_bpe_vocabulary_size(const struct clip_bpe *tokenizer);

// Writes start, the text's ids and end: at most `capacity` (the model's context length), a longer
// text cut and still ended by the end token, with *is_cut set (may be NULL). Returns the count.
// Errors: ERROR_INVALID for text that is not UTF-8, ERROR_TOO_LARGE over 16 KiB. 0 on error.
size_t clip_bpe_encode(const struct clip_bpe *tokenizer, const char *text, int32_t *ids,
                       size_t capacity, bool *is_cut, struct error *err);
