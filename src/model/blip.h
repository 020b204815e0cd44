// BLIP for captioning: a vision transformer and a BERT-like text decoder that looks at its
// states. One thread at a time: it owns its scratch.
#pragma once

#include <stdint.h>

#include "kernels/kernels.h"
#include "model/blip_decoder.h"
#include "model/normalization.h"
#include "model/parameters.h"
#include "model/trace.h"
#include "model/vision_transformer.h"

struct blip_config {
    struct vision_shape vision;
    struct blip_decoder_shape text;
    int32_t begin_token;                 // [DEC], bos_token_id: where every caption starts
    int32_t end_token;                   // [SEP], sep_token_id
    struct normalization normalization;  // of the picture
};

// Reads config.json and preprocessor_config.json of the folder.
bool blip_config_read(struct blip_config *config, const char *folder, struct error *err);

struct blip;

// The path of the weight file. ERROR_NOT_FOUND.
bool blip_find_weights(const char *folder, char path[static PATH_MAX], struct error *err);
// From the weight file or, when `packed` is not NULL, from what was packed of it (taken over, also
// after a failure). Every tensor is checked against the config. Errors name the file and what is
// wrong with it.
struct blip *blip_load(const char *folder, struct packed_cache *packed, struct error *err);
void blip_destroy(struct blip *blip);
const struct blip_config *blip_config(const struct blip *blip);
struct parameters *blip_parameters(struct blip *blip);  // the model's own

// How many captions can be under way together.
enum { BLIP_CAPTIONS_MAX = BLIP_DECODER_PLACES };

// planes [3, image_size, image_size]: computes what the decoder will look at for the caption in
// this place, less than BLIP_CAPTIONS_MAX.
void blip_see(struct blip *blip, struct compute *compute, size_t place, const float *planes,
              const struct model_trace *trace);

struct blip_caption {
    int32_t *ids;          // [limit]
    float *probabilities;  // [limit], of each
    size_t count;          // of tokens, the end token included; 0 with an error
    struct error error;    // ERROR_INTERNAL when the numbers are not finite
};
// Greedy captions of at most `limit` tokens, all together: captions[i] is that of the picture seen
// last in place i. What a caption becomes does not depend on the others.
void blip_tell(struct blip *blip, struct compute *compute, struct blip_caption *captions,
               size_t count, size_t limit, const struct model_trace *trace);
// What the model chooses at each step, up to `limit`, and by how much it prefers that to the next
// best, in logits. It goes on from `given` instead of its own choices, or with NULL from those, and
// then ends with the end token. Returns the count; 0 with ERROR_INTERNAL when the numbers are not
// finite.
size_t blip_choose(struct blip *blip, struct compute *compute, size_t limit, const int32_t *given,
                   int32_t *chosen, float *margins, struct error *err);
