"""The bars of parity, in one place for small and full-size models."""

import math

import numpy

LEAST_COSINE = 0.99999
# Tokens may differ only from a step on where the reference itself chose by less than this.
CLOSE_CALL = 1e-3
# At lower precision: of tokens that the reference chose by more than the margin, in logits.
CLEAR_MARGIN = 0.05
LEAST_EQUAL_TOKENS = 0.99
LEAST_COSINE_AT = {"f16": 0.99999, "int8": 0.999}
MOST_PROBABILITY_ERROR = 1e-4
MOST_LENGTH_ERROR = 1e-5


def assert_same_vector(answer, expected, what, least_cosine=LEAST_COSINE):
    vector = numpy.array(answer["embedding"], dtype=numpy.float64)
    expected = numpy.asarray(expected, dtype=numpy.float64)
    assert vector.shape == expected.shape, what
    length = numpy.linalg.norm(vector)
    assert abs(length - 1) < MOST_LENGTH_ERROR, f"{what}: the vector's length is {length}"
    cosine = vector @ expected / (length * numpy.linalg.norm(expected))
    assert cosine >= least_cosine, f"{what}: cosine {cosine:.7f}"


def assert_same_caption(answer, expected_ids, expected_probabilities, expected_caption, margins,
                        what):
    """margins[i] is by how much the reference preferred its token i to the next best."""
    ids, probabilities = answer["token_ids"], answer["token_probs"]
    assert len(ids) == len(probabilities), what
    expected_ids = list(expected_ids)
    close_calls = [i for i, margin in enumerate(margins) if margin < CLOSE_CALL]
    sure = close_calls[0] if close_calls else len(expected_ids)
    assert ids[:sure] == expected_ids[:sure], f"{what}: other tokens than the reference's"
    numpy.testing.assert_allclose(probabilities[:sure], expected_probabilities[:sure], rtol=0,
                                  atol=MOST_PROBABILITY_ERROR, err_msg=what)
    mean_log = sum(math.log(max(value, 1e-30)) for value in probabilities) / len(probabilities)
    assert abs(answer["confidence"] - math.exp(mean_log)) < 1e-4, (
        f"{what}: confidence is not the geometric mean of the tokens' probabilities")
    if ids == expected_ids:
        assert answer["caption"] == expected_caption, what
    else:
        assert close_calls, f"{what}: {ids} instead of {expected_ids}"


def count_clear_tokens(ids, expected_ids, margins):
    """How many tokens the reference chose clearly, and how many of them are the same, up to the first
    that differs: what follows that goes on from other words."""
    clear = equal = 0
    for token, expected, margin in zip(ids, expected_ids, margins):
        if margin > CLEAR_MARGIN:
            clear += 1
            equal += token == expected
        if token != expected:
            break
    return clear, equal
