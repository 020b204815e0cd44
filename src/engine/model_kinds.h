// BLIP and CLIP, loaded by the steps of packed_model.h.
#pragma once

#include "engine/packed_model.h"
#include "kernels/kernels.h"
#include "model/blip.h"
#include "model/clip.h"
#include "tokenize/clip_bpe.h"

// Computes on the calling thread and the compute's others when the model has to be packed.
struct blip *caption_model_load(const struct packed_model_options *options, struct compute *compute,
                                enum precision *precision, struct error *err);
struct clip *embedding_model_load(const struct packed_model_options *options,
                                  const struct clip_bpe *vocabulary, struct compute *compute,
                                  enum precision *precision, struct error *err);
