// How well words fit a picture, on one scale for all queries. A cosine alone does not tell: what is
// much for one query is little for another, and every picture is a little like every text. So the
// query is held against a bank of captions that have nothing to do with it: does it fit this
// picture better than they do? docs/relevance.md has the formula and how well it tells.
#pragma once

#include "base/error.h"
#include "engine/engine.h"

struct relevance;

// What a search with SCORE_AUTOMATIC asks for; see docs/relevance.md.
#define RELEVANCE_THRESHOLD 0.5F

// Begins to make the bank's vectors, on threads of its own and in the bulk lane, so that nothing
// waits for them. The engine must outlive it.
struct relevance *relevance_create(struct engine *engine, struct error *err);
void relevance_destroy(struct relevance *relevance);  // takes NULL

// Whether the bank is made, so that relevance_score need not wait. Any thread.
bool relevance_is_ready(struct relevance *relevance);

// scores[i], 0 to 1, of `count` picture vectors [count, width] for the vector of a query's words.
// Waits for the bank. Any thread. Errors: those of engine_embed_text for the bank.
bool relevance_score(struct relevance *relevance, const float *query, const float *vectors,
                     size_t count, size_t width, float *scores, struct error *err);
// The other way round: scores[i] of one picture's vector, of the engine's width, for `count` texts
// by their cosines with it.
bool relevance_of_texts(struct relevance *relevance, const float *vector, const float *cosines,
                        size_t count, float *scores, struct error *err);
