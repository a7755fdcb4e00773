"""Older history as means of blocks: what they are, where they begin, and that a slow cycle is forecast with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, RNNForecaster
from forecastrnn.engine import memory
from forecastrnn.estimators.covariate_reading import Given
from forecastrnn.forecasting.ends import SeriesEnds
from forecastrnn.forecasting.inputs import build_inputs
from forecastrnn.forecasting.older_history import usual_older_means
from forecastrnn.forecasting.preparation import prepare
from support.forecaster_cases import long_of, monthly, quick
from support.naive_seasonal import seasonal_series
from support.panels import put_together, random_panel
from support.slow_forecasts import slow_forecasts, slow_path

BLOCKS = [(3, 2), (5, 4)]
FLAT = (3, 2, 5, 4)


def naive_means(z: np.ndarray, t: int, first: int, width: int, blocks: list[tuple[int, int]]) -> list[float]:
    """Block by block from z[t] back, relative to the mean of the last `width` values; 0 beyond `first`."""
    now, found, end = z[t - width + 1 : t + 1].mean(), [], t + 1
    for length, count in blocks:
        for _ in range(count):
            found.append(z[end - length : end].mean() - now if end - length >= first else 0.0)
            end -= length
    return found


@pytest.mark.parametrize("with_lags", [False, True], ids=["plain", "lags"])
@pytest.mark.parametrize("season", [1, 4])
def test_inputs_equal_the_slow_ones_at_all_times(season: int, with_lags: bool) -> None:
    """Of long series, of one that is shorter than the blocks reach back, and in all the padding."""
    p = prepare(*put_together(random_panel(season, True)), season).read_with(lags=with_lags)
    more = p.read_with(lags=with_lags, older_means=FLAT)
    plain, rows = build_inputs(p, "float64"), build_inputs(more, "float64")
    before, count = 3 + 3 * with_lags, 6
    assert rows.shape[1] == 2 * more.layout.n_columns == plain.shape[1] + 2 * count
    raw, squashed = np.split(rows, 2, axis=1)
    np.testing.assert_array_equal(np.delete(raw, range(before, before + count), axis=1), plain[:, : raw.shape[1] - 6])
    np.testing.assert_allclose(squashed, np.arcsinh(raw), rtol=1e-14)
    for i in range(p.n_series):
        lo, hi = p.starts[i], p.starts[i + 1]
        for t in range(p.layout.mean_width + max(p.period_of[i], p.layout.second_lag), hi - lo - 1):
            expected = naive_means(p.z[lo:hi], t, p.pads[i], p.layout.mean_width, BLOCKS)
            np.testing.assert_allclose(raw[lo + t, before : before + count], expected, atol=1e-9)


def means_of(tail: SeriesEnds) -> Callable:
    """The means of the first series of a tail, at time t of its values z."""
    return lambda z, t: naive_means(z, t, tail.first[0], tail.prepared.layout.mean_width, BLOCKS)


@pytest.mark.parametrize("n", [20, 60], ids=["becomes long enough on the way", "long"])
def test_forecasts_feed_the_means(n: int) -> None:
    """A mean of values before the beginning is nothing, until there are forecasts enough."""
    y = monthly(60, 1).to_numpy()
    model = quick(season_length=3, dtype="float64", older_means=BLOCKS, context_length=6).fit(y)
    tail = model._choose(Given(y=y[-n:]), None).tail
    assert tail.first[0] == tail.z.shape[1] - min(n, tail.z.shape[1])
    np.testing.assert_allclose(
        model.predict(12, y=y[-n:]), slow_path(model._model, tail, 12, means_of(tail)), rtol=1e-9
    )


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 2e-4)])
def test_long_streams_read_them(dtype: str, tolerance: float) -> None:
    """1,200 values: the history is moved back to the front once, and with it the beginning of a short series."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"ds": pd.date_range("2020", periods=40), "y": seasonal_series(rng, 40, 4, 2)})
    frame = pd.concat([frame[-20:].assign(unique_id="short"), frame.assign(unique_id="long")])
    model = quick(season_length=4, dtype=dtype, older_means=BLOCKS, context_length=6).fit(frame)
    assert model._model.tail.first.tolist() == [7, 0]
    values = frame["y"].iloc[19] + seasonal_series(rng, 1200, 4)
    stream = model.stream("short")
    given = [stream.forecast] + [stream.step(value) for value in values]
    expected = slow_forecasts(model, values, means_of(model._model.tail))
    np.testing.assert_allclose(given, expected, atol=tolerance * np.abs(values).max())


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 1e-4)])
def test_own_forecasts_fed_back_give_predict(dtype: str, tolerance: float) -> None:
    """Until the fence of a forecast, which knows that no value has been so far out, holds it."""
    model = quick(dtype=dtype, older_means=BLOCKS).fit(monthly(60))
    stream = model.stream()
    path = [stream.forecast] + [stream.step(stream.forecast) for _ in range(19)]
    np.testing.assert_allclose(path, model.predict(20), rtol=tolerance)


@pytest.mark.parametrize("options", [{}, {"strategy": Direct(4)}, {"global_model": False}], ids=str)
def test_all_ways_to_forecast(options: dict) -> None:
    """The same bits by any number of threads, and for the series of fit given again."""
    frame = long_of({"b": monthly(40, 1), "a": monthly(25, 2), "c": monthly(90, 3)})
    model = quick(older_means=[(4, 3), (10, 4)], n_jobs=1, **options).fit(frame)
    forecast = model.predict(4)
    pd.testing.assert_frame_equal(model.predict(4, y=frame), forecast)
    threads = quick(older_means=((4, 3), (10, 4)), n_jobs=2, **options).fit(frame)
    pd.testing.assert_frame_equal(threads.predict(4), forecast)
    if not options:
        assert np.isfinite(model.sample_paths(4, 3, calibrated=False, random_state=0)["RNN"]).all()


def test_a_cycle_longer_than_the_context() -> None:
    """Period 90, seen through 24 values: the means of the last 90 tell where in the cycle a series stands."""
    rng, t = np.random.default_rng(0), np.arange(900)
    y = 100.0 + 15.0 * np.sin(2 * np.pi * t / 90) + rng.normal(0, 4, len(t))
    errors = []
    for older_means in (None, [(6, 15)]):
        model = quick(season_length=1, context_length=24, hidden_layer_sizes=16, max_steps=200, older_means=older_means)
        errors.append(np.abs(model.fit(y[:-90]).predict(90) - y[-90:]).mean())
    assert errors[1] < 0.5 * errors[0] and errors[1] < 4.0


@pytest.mark.parametrize(
    "lengths, blocks",
    [
        ([200] * 100, (24, 4)),
        ([200] * 99, ()),  # of too few values in all
        ([200] * 100 + [191], ()),  # one is too short
        ([1000], (24, 4)),
        ([999], ()),
    ],
)
def test_long_histories_are_read_by_default(lengths: list[int], blocks: tuple) -> None:
    rng, offsets = np.random.default_rng(0), np.concatenate([[0], np.cumsum(lengths)])
    p = prepare(rng.normal(size=offsets[-1]), offsets, 12)
    assert usual_older_means(p) == blocks
    assert usual_older_means(replace(p, context=3)) == blocks
    assert usual_older_means(replace(p, context=126)) == ()


def test_what_is_asked_for_wins(tmp_path: Path) -> None:
    """The usual blocks are those of the same pairs given; a mean has the long-run mean instead, or none."""
    y = np.random.default_rng(0).normal(10, 1, 1000)
    usual = quick(season_length=4).fit(y)
    assert usual._model.layout.older_means == (24, 4)
    np.testing.assert_array_equal(usual.predict(3), quick(season_length=4, older_means=[(24, 4)]).fit(y).predict(3))
    for options in ({"older_means": None}, {"global_model": False}):
        assert quick(season_length=4, **options).fit(y)._model.layout.older_means == ()
    assert quick(season_length=4, loss="squared_error").fit(y)._model.layout.older_means == ()
    usual.save(tmp_path / "model.rnn")
    again = RNNForecaster.load(tmp_path / "model.rnn").set_params(warm_start=True)
    assert again.older_means == "auto" and again.fit(y[:300])._model.layout.older_means == (24, 4)


def test_too_far_back_for_every_series() -> None:
    frame = long_of({"b": monthly(40, 1), "a": monthly(50, 2)})
    message = r"older_means reaches back 50 values, but even the longest series, 'a', has only 50\. Take shorter"
    with pytest.raises(ValueError, match=message):
        quick(older_means=[(10, 5)]).fit(frame)
    assert len(quick(older_means=[(7, 7)]).fit(frame).predict(2)) == 4


def test_memory_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 2**27)
    y = np.arange(1.0, 60_000.0)
    with pytest.raises(ValueError, match=r"older_means: 6018 inputs of \d+ values need .* GiB.*Take fewer blocks"):
        quick(older_means=[(1, 3000)], season_length=1).fit(y)


def test_warm_start_needs_the_same_means() -> None:
    y = monthly(60)
    model = quick(warm_start=True, older_means=BLOCKS).fit(y)
    with pytest.raises(ValueError, match="warm_start=True: .*older_means.* must be as in the first fit"):
        model.set_params(older_means=[(3, 3)]).fit(y)
    assert model.set_params(older_means=list(map(list, BLOCKS))).fit(y).n_iter_ == 40
