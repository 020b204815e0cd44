// A tier on trial before it is used: processors, emulators and compilers have got vector
// instructions wrong before, and wrong captions look like bad ones. What the models ask of a tier
// is computed on inputs that are always the same, and compared with the scalar tier, which is the
// truth here as in the tests.
#pragma once

#include "kernels/codes.h"
#include "kernels/kernels_internal.h"
#include "kernels/resample.h"

// False when an operation answers otherwise than the scalar tier by more than rounding;
// *operation, for people to read, is the first that does. Takes a few milliseconds.
bool self_test_compute(struct compute *compute, const char **operation);
bool self_test_resample(const struct resample_kernels *kernels, const char **operation);
bool self_test_codes(const struct code_kernels *kernels, const char **operation);

// All three, of the compute's tier. One that fails makes way for the next lower tier with a
// warning, and compute->failed_tier keeps its name. A tier that was named is an error instead
// (ERROR_UNSUPPORTED); so is it when no tier is left (ERROR_INTERNAL).
bool compute_prove(struct compute *compute, bool is_named, struct error *err);
