// The vectors of many texts, made in the background, on threads of their own and in the bulk lane,
// so that nothing waits for them; and their cosines with a picture's vector.
#pragma once

#include "base/error.h"
#include "engine/engine.h"

struct text_bank;

// The texts are borrowed, as is the engine: both must outlive the bank. Errors: ERROR_INTERNAL.
struct text_bank *text_bank_create(struct engine *engine, const char *const *texts, size_t count,
                                   struct error *err);
void text_bank_destroy(struct text_bank *bank);  // takes NULL

// Whether all are made, so that text_bank_wait need not. Any thread.
bool text_bank_is_ready(struct text_bank *bank);
// Errors: those of engine_embed_text for the texts.
bool text_bank_wait(struct text_bank *bank, struct error *err);
// cosines[count] of a vector of the engine's width, unit length, with every text. After
// text_bank_wait; any thread.
void text_bank_cosines(const struct text_bank *bank, const float *vector, float *cosines);
