"""Scores, their quantiles, the windows that they come from and the ends of bands, against loops over numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Conformal
from forecastrnn.data.series import read_series
from forecastrnn.forecasting.calibration import Calibration, calibrated, coverage_of, growth_of, scores_of, table_of
from forecastrnn.forecasting.calibration_windows import cut, lengths_of, place_windows, seasonal_errors
from forecastrnn.forecasting.fences import UNKNOWN, ends_of_range, highest
from forecastrnn.forecasting.few_windows import horizons_of, widened
from forecastrnn.forecasting.preparation import prepare
from support import naive_intervals as naive

RNG = np.random.default_rng(3)
STARTS = np.array([8, 5, 3, 1])  # of 5 steps: they overlap, and the last ones reach behind the end
ERRORS = RNG.standard_t(4, (30, 4, 5)) * RNG.uniform(0.5, 3, (30, 1, 1)) * np.sqrt(np.arange(1, 6))
ERRORS[:, 2, 3:] = ERRORS[:, 3, 1:] = np.nan
ERRORS[4, 1] = ERRORS[7, 2, 1] = np.nan  # a window and a value are missing
SEASONAL = RNG.uniform(0.5, 3, 30)
LEAST = np.full(30, 1e-6)
ROWS = np.arange(30)


def found(errors: np.ndarray = ERRORS, **options: bool) -> Calibration:
    given = {"by_series": False, "symmetric": True} | options
    n = len(errors)
    return calibrated(errors, SEASONAL[:n], LEAST[:n], STARTS[: errors.shape[1]], **given)


@pytest.mark.parametrize("by_series", [False, True])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99])
def test_half_widths_are_those_of_loops(level: float, by_series: bool) -> None:
    calibration = found(by_series=by_series)
    high, low = (
        calibration.offsets(0.5 + side * level / 2, 5, ROWS) * calibration.spread.scale[:, None] for side in (1, -1)
    )
    expected = naive.half_widths(ERRORS, SEASONAL, STARTS.tolist(), level, by_series)
    np.testing.assert_allclose(high, expected, rtol=1e-12)
    np.testing.assert_allclose(low, -expected, rtol=1e-12)


def test_scores_leave_out_windows_that_overlap_theirs() -> None:
    """A wild window makes the scores of windows that share no value with it smaller, and no others."""
    wild = ERRORS.copy()
    wild[0, 0] *= 1000
    before, after = (scores_of(each, SEASONAL, LEAST, STARTS, 0.5)[0] for each in (ERRORS, wild))
    np.testing.assert_allclose(after[0] / before[0], 1000, rtol=1e-12)
    np.testing.assert_array_equal(after[1], before[1])
    assert (after[2, :3] < 0.1 * np.abs(before[2, :3])).all()


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
    assert (calibration.offsets(0.1, 3, ROWS) == 0).all()  # the median stays inside
    even = skewed / np.array(naive.growth(skewed, SEASONAL))
    ordered = np.sort(naive.scores(even, SEASONAL * naive.usual(even, SEASONAL), STARTS.tolist(), 7 / 9).ravel())
    expected = ordered[int(np.ceil(361 * 0.9)) - 1] * naive.few(skewed, STARTS.tolist(), 0.8, 30) * calibration.growth
    np.testing.assert_allclose(calibration.offsets(0.9, 3, ROWS), [expected], rtol=1e-12)
    assert calibration.supported() == pytest.approx(1 - 2 / 200)


def test_few_windows_make_intervals_wider() -> None:
    """A tenth more at 80% and half more at 95% of one series with two horizons; nothing to speak of for a panel."""
    few, many = (widened(np.ones((199, 1)), horizons, True)[[159, 189], 0] for horizons in (2.0, 100.0))
    np.testing.assert_allclose(few, [1.476 / 1.2816, 2.571 / 1.96], rtol=1e-3)  # t of 5 degrees, of any table
    assert (many > 1).all() and (many < 1.01).all()
    sided = widened(np.linspace(-1.0, 3.0, 199)[:, None], 1.0, False)
    assert (np.diff(sided, axis=0) > 0).all() and sided[0, 0] < -2 and sided[198, 0] > 6
    known = np.ones((3, 4), dtype=bool)
    assert [horizons_of(known, np.array(starts)) for starts in ([12, 8, 4], [6, 5, 4], [4, 4, 4])] == [3.0, 1.5, 1.0]


def test_growth_looks_at_steps_around() -> None:
    """One wild step is spread over its neighbours; where nothing is known, it stays."""
    sizes = np.ones((3, 2, 12))
    sizes[:, :, 9:] = np.nan
    sizes[:, :, 5] = 10
    grown = growth_of(sizes)
    steps = [1, 1, 1, 1, *[1 + 9 / 3] * 8]  # step 6 is one of three around step 5
    np.testing.assert_allclose(grown / grown[0], steps, rtol=1e-12)
    assert grown.mean() == pytest.approx(1)


def test_beyond_the_windows_the_root_of_the_step() -> None:
    reach = found().offsets(0.9, 20, ROWS)
    np.testing.assert_array_equal(reach[:, :5], found().offsets(0.9, 5, ROWS))
    np.testing.assert_allclose(reach[:, 19], reach[:, 4] * 2, rtol=1e-12)
    assert (np.diff(reach, axis=1) >= 0).all()


def test_series_without_a_known_value_have_what_is_usual() -> None:
    gone = ERRORS.copy()
    gone[5] = np.nan
    for by_series in (False, True):
        calibration = found(gone, by_series=by_series)
        assert np.isfinite(calibration.table).all()
        assert calibration.spread.scale[5] == pytest.approx(SEASONAL[5] * calibration.usual)
    np.testing.assert_array_equal(calibration.table[:, 5], found(gone).table[:, 0])


def test_series_that_never_change_have_a_scale() -> None:
    calibration = calibrated(np.zeros((30, 4, 5)), LEAST, LEAST, STARTS, by_series=False, symmetric=True)
    assert (calibration.spread.scale == LEAST).all() and (calibration.table == 0).all()


def test_coverage_is_that_of_a_window_whose_values_were_unknown() -> None:
    """Errors of values behind its start count for nothing."""
    calibration = found()
    before = coverage_of(ERRORS, SEASONAL, LEAST, calibration)
    later = ERRORS.copy()
    later[:, 0, 3:] = later[:, 2:] = 100.0  # the window at 5 is tried: of that at 8 three values lie before it
    np.testing.assert_array_equal(coverage_of(later, SEASONAL, LEAST, calibration), before)
    assert (before > 0.5).all() and before[0] <= before[1] <= 1
    wild = ERRORS.copy()
    wild[:, 1] *= 1e6
    assert coverage_of(wild, SEASONAL, LEAST, calibration).tolist() == [0, 0]
    assert len(coverage_of(ERRORS[:, :1], SEASONAL, LEAST, found(ERRORS[:, :1]))) == 0


@pytest.mark.parametrize(
    ("lengths", "asked", "horizon", "starts"),
    [
        ([120] * 400, Conformal(), 24, list(range(40, 0, -2))),
        ([30] * 3, Conformal(), 6, list(range(10, 0, -1))),  # two thirds of a series lie before its windows
        ([900] * 50, Conformal(step_size=100), 75, [300, 200, 100]),
        ([900], Conformal(n_windows=3, horizon=7), 7, [21, 14, 7]),
        ([90], Conformal(n_windows=3, horizon=20), 20, [30, 25, 20]),
        ([90], Conformal(n_windows=2, horizon=20, step_size=30), 20, [50, 20]),
        ([5], Conformal(), 1, [1]),
    ],
)
def test_where_windows_lie(lengths: list[int], asked: Conformal, horizon: int, starts: list[int]) -> None:
    windows = place_windows(np.array(lengths), asked, 24, 4)
    assert (windows.horizon, windows.starts.tolist()) == (horizon, starts)
    assert windows.there.all() and windows.reach.tolist() == [starts[0]] * len(lengths)


def test_windows_of_one_series_and_of_what_a_strategy_learns() -> None:
    alone = place_windows(np.array([1200]), Conformal(), 24, 4)
    assert alone.horizon == 100 and len(alone.starts) == 40
    assert place_windows(np.array([1200]), Conformal(), 6, 4, most=6).horizon == 6


def test_short_series_have_fewer_windows() -> None:
    windows = place_windows(np.array([120, 120, 120, 60, 6, 5, 4]), Conformal(step_size=10), 24, 4)
    assert windows.starts.tolist() == [20, 10]
    assert windows.there.sum(axis=1).tolist() == [2, 2, 2, 2, 0, 0, 0]
    assert windows.reach.tolist() == [20, 20, 20, 20, 0, 0, 0]


def test_series_are_cut_and_measured() -> None:
    frame = pd.DataFrame({"a": [np.nan, 2.0, np.nan, 3.0, 5.0, 6.0], "b": np.arange(1.0, 7)})
    read = read_series(frame, missing="mask")
    assert lengths_of(read).tolist() == [5, 6]
    short = cut(read, np.array([1, 0, 1]), np.array([2, 2, 4]))
    assert short.ids == ("b", "a", "b") and short.offsets.tolist() == [0, 4, 8, 10]
    np.testing.assert_array_equal(short.values, [1, 2, 3, 4, np.nan, 2, np.nan, 3, 1, 2])


def test_seasonal_errors_are_of_the_space_of_the_bands() -> None:
    """Of logarithms in a positive series, of values in another; a missing value makes no change."""
    up, down = np.exp(0.1 * np.arange(9.0)), np.array([0, 5, -3, np.nan, 9, 1, 2, 0, 4.0])
    read = read_series(pd.DataFrame({"up": up, "down": down}), missing="mask")
    prepared = prepare(read.values, read.offsets, 2)
    seasonal, least = seasonal_errors(read, prepared)
    change = np.abs(down[2:] - down[:-2])
    np.testing.assert_allclose(seasonal, [0.2, np.nanmean(change)], rtol=1e-12)
    assert least[0] == 1e-6 and least[1] == 1e-6 * prepared.level[1]


@pytest.mark.parametrize("horizon", [1, 3, 50])
def test_records_are_those_of_loops(horizon: int) -> None:
    series = [RNG.normal(size=n).cumsum() for n in (1, 2, 9, 40)]
    series[3][[0, 7, 39]] = np.nan
    offsets = np.cumsum([0, *map(len, series)])
    record, at_half, excess = highest(np.concatenate(series), offsets, horizon)
    for i, z in enumerate(series):
        half, best, pair = len(z) // 2, 0.0, 0.0
        assert record[i] == np.nanmax(z) and at_half[i] == np.nanmax(z[: half + 1])
        for t in range(half, len(z) - 1):
            ahead = z[t + 1 : t + 1 + horizon]
            best = max([best, *(ahead[np.isfinite(ahead)] - np.nanmax(z[: t + 1]))])
        for t in range(half + 1, len(z) - 1):
            before = [np.nanmax(z[: max(half, at - horizon) + 1]) for at in (t, t + 1)]
            pair = max(pair, min(z[t] - before[0], z[t + 1] - before[1])) if np.isfinite(z[t : t + 2]).all() else pair
        assert excess[:, i].tolist() == [best, pair]


@pytest.mark.parametrize("side", [1, -1])
def test_one_value_far_out_is_no_way_that_series_go(side: int) -> None:
    """Intervals reach to it and no further; where two values in a row are there, as far again."""
    z, offsets = side * np.sin(np.arange(80.0)), np.array([0, 80])
    for places, room in (([60], 0.0), ([79], 0.0), ([60, 61], 99.0)):
        z[60:], z[places] = side * np.sin(np.arange(60.0, 80.0)), side * 100.0
        low, high, _ = ends_of_range(z, offsets, 5)
        assert abs(high[0] if side == 1 else low[0]) == pytest.approx(100.0 + room, abs=0.1)


def test_intervals_end_where_a_series_never_went() -> None:
    """A cycle within bounds has them for ends; growth goes on; a panel lends its excess to those that show none."""
    cycle, growth = np.sin(np.arange(60.0)), np.arange(60.0)
    low, high, usual = ends_of_range(cycle, np.array([0, 60]), 5)
    assert high[0] == pytest.approx(1, abs=0.01) and low[0] == pytest.approx(-1, abs=0.01) and (usual < 0.01).all()
    low, high, usual = ends_of_range(growth, np.array([0, 60]), 5)
    assert (low[0], usual[0], usual[1]) == (0, 0, 5 / 30) and high[0] == pytest.approx(59 + 59 / 6)
    both = ends_of_range(np.concatenate([cycle, growth]), np.array([0, 60, 120]), 5)
    assert both[1][0] > 1.3  # the cycle might grow as the other one
    assert (ends_of_range(cycle, np.array([0, 60]), 5, usual)[1] > 1.3).all()
    assert ends_of_range(np.arange(4.0), np.array([0, 4]), 2)[2].tolist() == [UNKNOWN] * 2
