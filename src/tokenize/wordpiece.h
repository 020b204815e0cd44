// BERT's uncased WordPiece, reading the model's vocab.txt; encoding as BertTokenizer, decoding as
// its decode(skip_special_tokens=True, clean_up_tokenization_spaces=True). Read-only after
// loading: any number of threads.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct wordpiece;

struct wordpiece *wordpiece_load(const char *vocab_path, struct error *err);
void wordpiece_destroy(struct wordpiece *tokenizer);
size_t wordpiece_vocabulary_size(const struct wordpiece *tokenizer);

// Writes the ids of the text without [CLS] and [SEP]; returns the count (at most capacity). Special
// tokens in the text are ordinary text. Errors as clip_bpe_encode; 0 then.
size_t wordpiece_encode(const struct wordpiece *tokenizer, const char *text, int32_t *ids,
                        size_t capacity, struct error *err);
// Caller frees with memory_free. Special ids and ids outside the vocabulary are dropped.
char *wordpiece_decode_copy(const struct wordpiece *tokenizer, const int32_t *ids, size_t count,
                            struct error *err);
