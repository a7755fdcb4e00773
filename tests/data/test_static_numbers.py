"""Static columns: floats are numbers, the rest categories, and integers on their way from the one to the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.static_numbers import of_one_series, split_static

IDS = (10, 9, "T11")
FRAME = pd.DataFrame({"kind": ["x", "y", "x"], "size": [1.5, 2.5, 3.5]}, index=["T11", 10, 9])
ALL = np.ones(3, bool)


def test_numbers_by_the_names_of_series() -> None:
    """Rows in any order, columns by name: the values of each series."""
    for frame in (FRAME, FRAME.sample(frac=1, random_state=0)[["size", "kind"]], FRAME.rename_axis("id").reset_index()):
        rest, found = split_static(frame, IDS, "id", ALL, "raise")
        assert isinstance(rest, pd.DataFrame) and "kind" in rest and "size" not in rest
        assert [(one.name, one.role, one.kind) for one, _ in found] == [("size", "static", "number")]
        np.testing.assert_array_equal(found[0][1], [2.5, 3.5, 1.5])
    assert split_static(FRAME[["size"]], IDS, "id", ALL, "raise")[0] is None


def test_integers_are_categories_for_now() -> None:
    frame = FRAME.assign(rooms=[1, 2, 3])
    with pytest.warns(FutureWarning, match=r"'rooms' holds integers.*from version 0.4.*astype\('category'\).*float"):
        rest, found = split_static(frame, IDS, "id", ALL, "raise")
    assert isinstance(rest, pd.DataFrame) and "rooms" in rest and len(found) == 1
    split_static(frame, IDS, "id", ALL, "raise", fitted=["size"])
    split_static(frame.astype({"rooms": "category"}), IDS, "id", ALL, "raise")


def test_missing_numbers() -> None:
    frame = FRAME.assign(size=FRAME["size"].mask(FRAME["size"] == 2.5))
    with pytest.raises(ValueError, match="static contains NaN in column 'size', first for series 10: fill it.*'mask'"):
        split_static(frame, IDS, "id", ALL, "raise")
    for missing, needed in (("mask", ALL), ("raise", np.array([False, True, True]))):
        (_, values), = split_static(frame, IDS, "id", needed, missing)[1]  # fmt: skip
        np.testing.assert_array_equal(values, [np.nan, 3.5, 1.5])
    with pytest.raises(ValueError, match="infinity in column 'size'"):
        split_static(FRAME.replace(2.5, np.inf), IDS, "id", ALL, "mask")


def test_columns_of_the_fit() -> None:
    """What was a number is one again, also where it comes as integers."""
    whole = FRAME.assign(size=[1, 2, 3])
    np.testing.assert_array_equal(split_static(whole, IDS, "id", ALL, "raise", fitted=["size"])[1][0][1], [2, 3, 1])
    with pytest.raises(ValueError, match="static lacks the column 'size', with which the model was fitted"):
        split_static(FRAME[["kind"]], IDS, "id", ALL, "raise", fitted=["size"])
    with pytest.raises(TypeError, match="'size' of static holds .* in fit it held numbers"):
        split_static(FRAME.assign(size="a"), IDS, "id", ALL, "raise", fitted=["size"])


def test_static_of_one_series() -> None:
    """A mapping, or one row under whatever index."""
    for given in ({"kind": "x", "size": 2.0}, FRAME[:1], FRAME[:1].rename_axis("id").reset_index()):
        frame = of_one_series(given, "sales", "id")
        assert isinstance(frame, pd.DataFrame) and frame.index.tolist() == ["sales"]
        assert frame.columns.tolist() == ["kind", "size"]
    assert of_one_series(FRAME, "sales", "id") is FRAME


def test_a_list_for_one_series_is_refused() -> None:
    with pytest.raises(ValueError, match="static of one series is one value a column, but 'size' has 2"):
        of_one_series({"size": [1.0, 2.0]}, "y", "unique_id")
