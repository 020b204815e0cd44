// How large a picture is, from the beginning of its file and without a decoder: for counting, not
// for deciding what memory is taken (decode.h does that). Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// As the header says, not turned. False: these bytes do not tell, because the header comes later or
// makes no sense, or for HEIC and AVIF, whose containers are read in a child process only.
bool picture_size_read(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height);
