"""Scores, their quantiles and the windows that they come from, against loops over numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Conformal
from forecastrnn.data.series import read_series
from forecastrnn.forecasting.calibration import Calibration, calibrated, growth_of, scores_of, table_of
from forecastrnn.forecasting.calibration_windows import cut, lengths_of, place_windows, seasonal_errors
from forecastrnn.forecasting.preparation import prepare
from support import naive_intervals as naive

RNG = np.random.default_rng(3)
ERRORS = RNG.standard_t(4, (30, 3, 5)) * RNG.uniform(0.5, 3, (30, 1, 1)) * np.sqrt(np.arange(1, 6))
ERRORS[4, 1] = ERRORS[7, 2, 3] = np.nan  # a window and a value are missing
SEASONAL = RNG.uniform(0.5, 3, 30)
LEAST = np.full(30, 1e-6)


def found(errors: np.ndarray = ERRORS, pool: str = "panel", symmetric: bool = True) -> Calibration:
    n = len(errors)
    return calibrated(errors, SEASONAL[:n], LEAST[:n], pool=pool, symmetric=symmetric, step_size=5)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99])
def test_half_widths_are_those_of_loops(level: float) -> None:
    calibration, rows = found(), np.arange(30)
    high = calibration.offsets(0.5 + level / 2, 5, rows) * calibration.scale[:, None]
    low = calibration.offsets(0.5 - level / 2, 5, rows) * calibration.scale[:, None]
    expected = naive.half_widths(ERRORS, SEASONAL, level)
    np.testing.assert_allclose(high, expected, rtol=1e-12)
    np.testing.assert_allclose(low, -expected, rtol=1e-12)


def test_scores_leave_their_own_window_out() -> None:
    """A window that is wild makes the scores of others smaller, not its own."""
    prior = SEASONAL * naive.usual(ERRORS, SEASONAL)
    np.testing.assert_allclose(scores_of(ERRORS, prior, LEAST), naive.scores(ERRORS, prior), rtol=1e-12)
    wild = ERRORS.copy()
    wild[0, 0] *= 1000
    ratio = scores_of(wild, prior, LEAST)[0] / scores_of(ERRORS, prior, LEAST)[0]
    np.testing.assert_allclose(ratio[0], 1000, rtol=1e-12)
    assert (ratio[1:] < 0.1).all()


@pytest.mark.parametrize("n", [1, 2, 19, 39, 198, 1000])
def test_ranks_cover_one_more(n: int) -> None:
    """The quantile of share p is the ceil((n + 1) p)-th smallest: np.quantile's are too small."""
    values = RNG.normal(size=n)
    table, count = table_of(values[:, None], True)
    assert count.tolist() == [n]
    for share in (0.05, 0.5, 0.8, 0.95, 0.995):
        assert table[round(200 * share) - 1, 0] == naive.smallest(values, share)


def test_each_side_has_its_own_errors_if_asked_for() -> None:
    skewed = np.exp(RNG.normal(size=(30, 4, 3)))  # all above 0
    calibration = found(skewed, symmetric=False)
    assert (calibration.offsets(0.1, 3, np.arange(30)) == 0).all()  # the median stays inside
    ordered = np.sort(scores_of(skewed, SEASONAL * naive.usual(skewed, SEASONAL), LEAST)[:, :, 0].ravel())
    assert calibration.offsets(0.9, 3, np.arange(30))[0, 0] == ordered[int(np.ceil(121 * 0.9)) - 1]
    assert calibration.supported(3) == pytest.approx(119 / 121)


def test_all_steps_of_few_series_count_over_the_growth_of_errors() -> None:
    few = ERRORS[:3]
    prior = SEASONAL[:3] * naive.usual(few, SEASONAL[:3])
    scores = naive.scores(few, prior)
    growth = np.maximum.accumulate([naive.mean(naive.sizes(scores[:, :, j].ravel())) for j in range(5)])
    growth /= growth.mean()
    np.testing.assert_allclose(growth_of(scores), growth, rtol=1e-12)
    calibration = found(few, "steps")
    one = naive.smallest((scores / growth).ravel(), 0.8)
    np.testing.assert_allclose(calibration.offsets(0.9, 5, np.arange(3)), [one * growth], rtol=1e-12)
    assert set(calibration.n_scores) == {45}
    assert calibration.offsets(0.9, 5, np.arange(3)).shape == (1, 5)


def test_each_series_by_itself() -> None:
    few = np.concatenate([ERRORS[:3]] * 10, axis=1)
    calibration = found(few, "series")
    scores = naive.scores(few, SEASONAL[:3] * naive.usual(few, SEASONAL[:3]))
    expected = np.maximum.accumulate([[naive.smallest(scores[i, :, j], 0.8) for j in range(5)] for i in (2, 0)], axis=1)
    np.testing.assert_allclose(calibration.offsets(0.9, 5, np.array([2, 0])), expected, rtol=1e-12)


def test_beyond_the_windows_the_root_of_the_step() -> None:
    calibration, rows = found(), np.arange(30)
    reach = calibration.offsets(0.9, 20, rows)
    np.testing.assert_array_equal(reach[:, :5], calibration.offsets(0.9, 5, rows))
    np.testing.assert_allclose(reach[:, 19], reach[:, 4] * 2, rtol=1e-12)
    assert (np.diff(reach, axis=1) >= 0).all()


def test_steps_and_series_without_a_known_value() -> None:
    gone = ERRORS.copy()
    gone[:, :, 0] = gone[:, :, 3] = np.nan
    gone[5] = np.nan
    calibration = found(gone)
    assert np.isfinite(calibration.table).all() and np.isfinite(calibration.scale).all()
    np.testing.assert_array_equal(calibration.table[:, 0, 0], calibration.table[:, 0, 1])
    np.testing.assert_array_equal(calibration.table[:, 0, 3], calibration.table[:, 0, 2])
    assert calibration.scale[5] == pytest.approx(SEASONAL[5] * calibration.usual)  # the prior alone


def test_series_that_never_change_have_a_scale() -> None:
    calibration = calibrated(np.zeros((30, 3, 4)), LEAST, LEAST, pool="panel", symmetric=True, step_size=4)
    assert (calibration.scale == LEAST).all() and (calibration.table == 0).all()


@pytest.mark.parametrize(
    ("lengths", "asked", "expected"),
    [
        ([120] * 50, Conformal(), (20, 20, 3, "panel")),  # a sixth of the length
        ([900] * 50, Conformal(), (24, 24, 3, "panel")),
        ([144], Conformal(), (24, 1, 12, "steps")),
        ([20] * 3, Conformal(), (3, 1, 8, "steps")),  # half of a series lies before its windows
        ([900] * 50, Conformal(pool="series"), (24, 1, 39, "series")),
        ([900], Conformal(n_windows=5, horizon=7, step_size=2), (7, 2, 5, "steps")),
    ],
)
def test_where_windows_lie(lengths: list[int], asked: Conformal, expected: tuple) -> None:
    windows = place_windows(np.array(lengths), asked, 24, 4)
    assert (windows.horizon, windows.step, windows.count, windows.pool) == expected
    assert windows.rows.tolist() == list(range(len(lengths)))


def test_short_series_have_no_windows() -> None:
    windows = place_windows(np.array([60] * 30 + [33, 34]), Conformal(n_windows=3), 24, 4)
    assert windows.reach == 30 and windows.rows.tolist() == [*range(30), 31]


def test_series_are_cut_and_measured() -> None:
    frame = pd.DataFrame({"a": [np.nan, 2.0, np.nan, 3.0, 5.0, 6.0], "b": np.arange(1.0, 7)})
    read = read_series(frame, missing="mask")
    assert lengths_of(read).tolist() == [5, 6]
    short = cut(read, np.array([1, 0]), 2)
    assert short.ids == ("b", "a") and short.offsets.tolist() == [0, 4, 8]
    np.testing.assert_array_equal(short.values, [1, 2, 3, 4, np.nan, 2, np.nan, 3])


def test_seasonal_errors_are_of_the_space_of_the_bands() -> None:
    """Of logarithms in a positive series, of values in another; a missing value makes no change."""
    up, down = np.exp(0.1 * np.arange(9.0)), np.array([0, 5, -3, np.nan, 9, 1, 2, 0, 4.0])
    read = read_series(pd.DataFrame({"up": up, "down": down}), missing="mask")
    prepared = prepare(read.values, read.offsets, 2)
    seasonal, least = seasonal_errors(read, prepared, 2)
    change = np.abs(down[2:] - down[:-2])
    np.testing.assert_allclose(seasonal, [0.2, np.nanmean(change)], rtol=1e-12)
    assert least[0] == 1e-6 and least[1] == 1e-6 * prepared.level[1]
