// Trying models on samples that come with the program, drawn pictures and everyday sentences:
// what the model answers as its file has it, and how far the packed one departs from that.
#pragma once

#include "model/blip.h"
#include "model/clip.h"
#include "tokenize/clip_bpe.h"

struct caption_rehearsal;

// Lets the f32 model caption the samples. NULL with the reason.
struct caption_rehearsal *caption_rehearsal_create(struct blip *blip, struct compute *compute,
                                                   struct error *err);
void caption_rehearsal_destroy(struct caption_rehearsal *rehearsal);  // takes NULL
// Gives the other model the same words to go on from. Of the tokens that the first had chosen
// clearly, the part that the other chooses too: 0..1.
bool caption_rehearsal_compare(const struct caption_rehearsal *rehearsal, struct blip *blip,
                               struct compute *compute, double *equal_part, struct error *err);

struct embedding_rehearsal;

// The same of vectors of pictures and texts.
struct embedding_rehearsal *embedding_rehearsal_create(struct clip *clip,
                                                       const struct clip_bpe *vocabulary,
                                                       struct compute *compute, struct error *err);
void embedding_rehearsal_destroy(struct embedding_rehearsal *rehearsal);
// The least cosine between a vector of the first model and the other's.
bool embedding_rehearsal_compare(const struct embedding_rehearsal *rehearsal, struct clip *clip,
                                 const struct clip_bpe *vocabulary, struct compute *compute,
                                 double *least_cosine, struct error *err);
