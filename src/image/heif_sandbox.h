// What a HEIF child may do once it has its picture (heif_child.h): take memory for the picture
// that the header claims and no more, compute for a while, read and write the descriptors it has.
// It cannot open a file or a socket, start a program, write to disk or leave a core.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// For good, for the whole process; before other threads start. `max_pixels` is what later
// calls may allow at most, `file_size` the size of the compressed picture. Returns false when a
// limit cannot be set: then do not decode.
bool heif_sandbox_enter(uint64_t max_pixels, size_t file_size);

// The decoder then finds one processor and starts no threads. dav1d doubles its memory for a second
// thread and is no faster on one picture. Before heif_sandbox_enter.
void heif_sandbox_use_one_processor(void);

// Memory for a picture of this many pixels, as its header claims. Does nothing outside.
void heif_sandbox_allow(uint64_t pixels);
