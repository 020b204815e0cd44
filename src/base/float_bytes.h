// Floats as bytes that mean the same on every machine: IEEE 754 single precision, least byte first,
// 4 bytes each, bit for bit.
#pragma once

#include <stddef.h>

void float_bytes_write(const float *numbers, size_t count, unsigned char *bytes);
void float_bytes_read(const unsigned char *bytes, size_t count, float *numbers);
