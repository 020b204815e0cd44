// Arrays of float32 as NumPy keeps them (format 1.0): ten bytes, a Python dictionary as text, the
// numbers, least byte first. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <stddef.h>

#include "base/error.h"

// What npy_header_write makes: the numbers begin at a multiple of 64, as NumPy demands, and the
// text has room for any two numbers of 64 bits.
enum { NPY_HEADER_SIZE = 128 };

void npy_header_write(char header[static NPY_HEADER_SIZE], size_t rows, size_t columns);
// Reads the header of a file of `size` bytes, from outside. *offset is where the numbers begin;
// they are there to the last one, and nothing else is. ERROR_INVALID: no such file, or of another
// kind of numbers, order or shape.
bool npy_header_read(const unsigned char *bytes, size_t size, size_t *offset, size_t *rows,
                     size_t *columns, struct error *err);
