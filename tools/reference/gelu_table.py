#!/usr/bin/env python3
"""Prints the coefficients of gelu() in src/kernels/elementwise_avx512.c.

The upper tail of the normal distribution, Q(s) = erfc(s / sqrt(2)) / 2, as a polynomial of degree 4
in d = s / STEP - i around each i = 0 ... 14: interpolated at the Chebyshev nodes of the segment.
Segment 15 is all that is larger: zero.
"""
import math

import numpy

STEP, SEGMENTS, DEGREE = 0.36, 15, 4


def tail(s):
    return math.erfc(s / math.sqrt(2)) / 2


def main():
    table = numpy.zeros((DEGREE + 1, SEGMENTS + 1))
    worst = 0.0
    for i in range(SEGMENTS):
        low, high = (0.0 if i == 0 else -0.5), 0.5
        k = numpy.arange(DEGREE + 1)
        angles = math.pi * (2 * k + 1) / (2 * DEGREE + 2)
        nodes = (low + high) / 2 + (high - low) / 2 * numpy.cos(angles)
        values = [tail((i + d) * STEP) for d in nodes]
        table[:, i] = numpy.linalg.solve(numpy.vander(nodes, increasing=True), values)
        rounded = table[:, i].astype(numpy.float32).astype(float)
        for d in numpy.linspace(low, high, 1001):
            s = (i + d) * STEP
            worst = max(worst, abs(numpy.polyval(rounded[::-1], d) - tail(s)))
    end = (SEGMENTS - 0.5) * STEP
    print(f"// largest error {worst:.2g}; beyond {end:.2f} the tail is below {tail(end):.2g}")
    for power, row in enumerate(table):
        numbers = ", ".join("0.0F" if value == 0 else f"{value:.9g}F" for value in row)
        print(f"{{{numbers}}},  // d^{power}")


main()
