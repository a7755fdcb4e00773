"""Weights of rows: what is read, and what is refused in our own words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.sample_weights import read_sample_weight


@pytest.mark.parametrize(
    "given", [2.0, [2, 2, 2], np.float32([2, 2, 2]), pd.Series([2.0] * 3, index=[7, 8, 9])], ids=str
)
def test_one_a_row_or_one_for_all(given: object) -> None:
    assert read_sample_weight(given, 3).tolist() == [2.0, 2.0, 2.0]


def test_what_is_given_stays_as_it_is() -> None:
    given = np.ones(3)
    read_sample_weight(given, 3)[0] = 5.0
    assert given.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1, -1, 1], "sample_weight must not be negative. Got -1 at index 1; 0 leaves a row out"),
        ([1, 2], r"sample_weight must have one weight for each of the 3 rows of X, shape \(3,\). Got shape \(2,\)"),
        (np.ones((3, 1)), r"Got shape \(3, 1\)"),
        (
            [1, None, np.nan],
            "sample_weight contains NaN. It stands at index 1, the first of 2 such values. Give a weight",
        ),
        ([1, 1, np.inf], "sample_weight contains infinity .* at index 2"),
        ([0, 0, 0], "sample_weight must have at least one non-zero value"),
        (["a", 1, 1], r"'a' at sample_weight\[0\]. sample_weight must hold numbers, not strings: .* first\.$"),
        ([1, 1, 1j], "sample_weight must hold real numbers"),
        ([[1], [2, 3], [4]], "sample_weight holds parts of different lengths or kinds"),
    ],
)
def test_others_are_refused(given: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_sample_weight(given, 3)


@pytest.mark.parametrize("given", [{"a": 1}, np.array([1, 2, 3], "datetime64[D]"), np.ma.masked_less([1.0, 2, 3], 2)])
def test_so_are_other_kinds(given: object) -> None:
    with pytest.raises(
        (TypeError, ValueError), match="sample_weight (must be an array|holds datetime|has masked|contains masked|must)"
    ):
        read_sample_weight(given, 3)
