// Loads a model at a precision: from what an earlier start has packed, else from its weight file,
// which is then packed for the next start. Packing to 8 bits includes a rehearsal of the model
// before and after on samples (rehearsal.h); "auto" goes back to f32 when the answers differ by
// more than the project allows, and the next start remembers it.
#pragma once

#include "model/packing.h"

// One of the two kinds of model, to load either by the same steps.
struct model_kind {
    const char *purpose;  // in log lines: "caption"
    void *context;        // what the functions below need besides
    bool (*find_weights)(const char *folder, char *path, struct error *err);
    void *(*load)(const char *folder, struct packed_cache *packed, struct error *err);
    void (*destroy)(void *model);
    struct parameters *(*parameters)(void *model);
    // Answers to the samples, of the model as its file has it.
    void *(*rehearse)(void *context, void *model, struct error *err);
    void (*forget)(void *rehearsal);
    // How much alike the packed model answers them: 1 is equal.
    bool (*compare)(void *context, const void *rehearsal, void *model, double *likeness,
                    struct error *err);
    double least_likeness;
};

struct packed_model_options {
    const char *folder;        // of the model
    const char *name;          // of the model, for the file's name
    const char *precision;     // "auto", "f32", "f16", "int8"
    const char *kernel_tier;   // that the rehearsal runs on: tiers differ in how exact 8 bits are
    const char *cache_folder;  // NULL: nothing is kept for the next start
};

// "auto", for which *precision is what it tries first, or a name. ERROR_USAGE for anything else.
bool precision_parse(const char *text, bool *is_auto, enum precision *precision, struct error *err);

// ERROR_USAGE for an unknown precision. A cache that cannot be read or written costs a warning and
// time, nothing else.
void *packed_model_load(const struct model_kind *kind, const struct packed_model_options *options,
                        enum precision *precision, struct error *err);
