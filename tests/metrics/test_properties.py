"""What holds for any panel: no matter the order of rows, the unit of values, or the length of series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from forecastrnn import metrics
from forecastrnn.metrics import evaluate
from support import naive_metrics as naive
from support.metric_cases import MODELS, SEASON, panel

VALUES = st.floats(-1e6, 1e6, allow_subnormal=False)
LENGTHS = st.lists(st.integers(14, 40), min_size=1, max_size=4).map(tuple)
OPTIONS: dict[str, Any] = {"season_length": SEASON, "by": ["series", "cutoff"]}
FREE = ["mase", "rmsse", "msis", "scaled_width", "smape", "wape", "coverage", "wql"]  # of the unit
LEVELS: dict[str, Any] = {"models": "RNN", "level": 80}


@given(LENGTHS, st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_does_not_matter(lengths: tuple[int, ...], missing: bool, random: Any) -> None:
    found = panel(lengths, missing=missing)
    seeds = [random.randrange(1000) for _ in range(2)]
    mixed, train = (t.sample(frac=1.0, random_state=s) for t, s in zip((found.forecasts, found.series), seeds))
    tables = [evaluate(f, train=t, **OPTIONS) for f, t in ((found.forecasts, found.series), (mixed, train))]
    first, second = (t.sort_values(["metric", "unique_id", "cutoff"]).reset_index(drop=True) for t in tables)
    pd.testing.assert_frame_equal(first, second, rtol=1e-12)


@given(LENGTHS, st.sampled_from([2.0**-20, 2.0**30]))
@settings(max_examples=10, deadline=None)
def test_measures_without_a_unit(lengths: tuple[int, ...], factor: float) -> None:
    """Times a power of two, which rounds nothing."""
    found = panel(lengths)
    scaled = [t.assign(**{c: t[c] * factor for c in t.select_dtypes("float")}) for t in (found.forecasts, found.series)]
    tables = [evaluate(f, FREE, train=t, **OPTIONS, **LEVELS) for f, t in ((found.forecasts, found.series), scaled)]
    np.testing.assert_allclose(tables[0]["RNN"], tables[1]["RNN"], rtol=1e-14)


@given(LENGTHS, st.booleans())
@settings(max_examples=15, deadline=None)
def test_series_alone_have_the_scores_that_they_have_together(lengths: tuple[int, ...], missing: bool) -> None:
    """No digit is lost to another series, be it a million times larger."""
    found = panel(lengths, missing=missing)
    together = evaluate(found.forecasts, train=found.series, **OPTIONS)
    for name in found.series["unique_id"].unique():
        rows, train = (t[t["unique_id"] == name] for t in (found.forecasts, found.series))
        alone = evaluate(rows, train=train, **OPTIONS)
        expected = together[together["unique_id"] == name]
        np.testing.assert_allclose(alone[list(MODELS)], expected[list(MODELS)], rtol=1e-13)


@given(LENGTHS)
@settings(max_examples=10, deadline=None)
def test_what_lies_behind_a_cutoff_does_not_matter(lengths: tuple[int, ...]) -> None:
    found = panel(lengths, cutoffs=(9,), h=5)
    garbage = found.series.merge(found.forecasts.groupby("unique_id")["cutoff"].first().reset_index())
    garbage["y"] = garbage["y"].where(garbage["ds"] <= garbage["cutoff"], -1e30)
    tables = [evaluate(found.forecasts, "mase", train=t, **OPTIONS) for t in (found.series, garbage)]
    pd.testing.assert_frame_equal(*tables)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_bounds(rows: list[tuple[float, float]]) -> None:
    y, f = map(list, zip(*rows))
    assert 0.0 <= metrics.smape(y, f) <= 200.0 + 1e-9
    np.testing.assert_allclose(metrics.smape(y, f), naive.smape(y, f), rtol=1e-12)
    np.testing.assert_allclose(metrics.smape(y, f), metrics.smape(f, y), rtol=1e-12)
    np.testing.assert_allclose(metrics.bias(y, f), -metrics.bias(f, y), rtol=1e-12)


@given(VALUES, st.lists(VALUES, min_size=1, max_size=12), VALUES)
@settings(max_examples=100, deadline=None)
def test_the_sorted_form_of_crps_is_that_of_all_pairs(y: float, draws: list[float], shift: float) -> None:
    paths = [[draw] for draw in draws]
    size = max(map(abs, [y, shift, *draws]))
    np.testing.assert_allclose(metrics.crps([y], paths), naive.crps_of(y, draws), atol=1e-13 * size)
    moved = metrics.crps([y + shift], np.array(paths) + shift)
    np.testing.assert_allclose(metrics.crps([y], paths), moved, atol=1e-12 * size)
