// Makes a packed cache of a model that was loaded from its weight file. To 8 bits in three steps:
//
// 1. Calibrate: the model works on samples, each layer notes what it reads.
// 2. Smooth. A few channels of real models are tens of times larger than the rest; a row's 8 bits
//    then are all theirs. So each channel is divided by
//        s = sqrt(largest magnitude of the channel / root mean square of the weights that read it)
//    and those weights are multiplied by it. With the square root, s does not depend on how the
//    model shares out a channel's size between what writes and what reads it.
// 3. Quantise, each output with a scale of its own; what rounding the weights does to the mean
//    input is taken back in the bias.
//
// The first convolution's weights keep what rounding took from them in 8 bits more; what it reads,
// pixels, has no more than 8.
//
// Figures of this and of what was tried instead are in docs/speed-log.md.
#pragma once

#include "model/parameters.h"

enum precision {
    PRECISION_F32,
    PRECISION_F16,   // weights of layers kept in 16 bits, all arithmetic in f32
    PRECISION_INT8,  // layers of blocks in 8 bits, heads and the first convolution in 16
};
const char *precision_name(enum precision precision);  // "int8"

// What a packed cache's contents follow from besides the weight file: the setting ("int8-avx2"),
// the model's configuration files and how this program packs.
bool packing_label(char label[static PACKED_LABEL_SIZE], const char *setting, const char *folder,
                   struct error *err);

// From now on the model's layers note what they read. The parameters were read from a weight file.
bool parameters_calibrate(struct parameters *parameters, struct error *err);
// Writes everything the model reads at load. 8 bits need what calibrating has noted.
bool parameters_pack(const struct parameters *parameters, enum precision precision,
                     struct packed_writer *writer, struct error *err);
