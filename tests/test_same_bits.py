"""No change of the code changes a number that users get, unless the change says so and writes the digests anew."""

from __future__ import annotations

import json

import numpy as np
import pytest

from support import same_bits

STORED = json.loads(same_bits.FILE.read_text(encoding="utf-8"))
CLOSE = 1e-2  # of a figure, or of 1: other machine code rounds otherwise, and some fits are in float32


@pytest.mark.parametrize("name", same_bits.CASES)
def test_the_same_bits_as_ever(name: str) -> None:
    found, expected = same_bits.measure(name), STORED["cases"][name]
    np.testing.assert_allclose(found["figures"], expected["figures"], rtol=CLOSE, atol=CLOSE)
    if same_bits.here() == STORED["here"]:
        assert found["bits"] == expected["bits"]


def test_every_stored_case_is_still_measured() -> None:
    assert sorted(STORED["cases"]) == sorted(same_bits.CASES)
