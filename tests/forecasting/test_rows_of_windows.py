"""Inputs of some times alone: those of all times there, and fits that make them for their windows only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNForecaster
from forecastrnn.forecasting import inputs, windows
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.preparation import Prepared, prepare
from support.forecaster_cases import quick

RNG = np.random.default_rng(0)


def prepared(season: int) -> Prepared:
    """Series of different lengths, one of them constant."""
    lengths = [40, 300, 7, 55]
    values = np.concatenate([np.exp(RNG.normal(0, 0.1, n).cumsum()) for n in lengths])
    values[40:80] = 3.0
    return prepare(values, np.concatenate([[0], np.cumsum(lengths)]), season)


@pytest.mark.parametrize("columns", [{}, {"lags": True}, {"older_means": (4, 3, 12, 2)}, {"long_run": True}], ids=str)
@pytest.mark.parametrize("season", [1, 12])
def test_rows_of_some_times_are_those_of_all(season: int, columns: dict) -> None:
    p = prepared(season).read_with(**columns)
    codes = np.arange(8, dtype=float).reshape(4, 2)
    every = SeriesInputs(p, "float32", codes).rows
    times = RNG.integers(0, len(p.z), (13, 40))  # several times, in any order
    np.testing.assert_array_equal(SeriesInputs(p, "float32", codes).at(times), every[times])
    one_series = np.arange(p.starts[1], p.starts[2])
    np.testing.assert_array_equal(SeriesInputs(p, "float32", codes).at(one_series), every[one_series])
    assert SeriesInputs(p, "float32").at(np.empty(0, np.int64)).shape == (0, every.shape[1] - 2)


def bits(model: RNNForecaster) -> list[bytes]:
    trained = model._model.trained
    return [trained.thetas.tobytes(), *(np.array(one).tobytes() for one in trained.curves)]


@pytest.mark.parametrize(
    "options", [{}, {"n_members": 2, "id_embedding_dim": 2}, {"loss": "negative_binomial"}, {"batch_size": 7}], ids=str
)
def test_a_fit_of_few_windows_makes_their_rows_alone(options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    days = pd.date_range("2015-01-01", periods=6000)
    y = pd.DataFrame(RNG.poisson(30.0, (6000, 3)), index=days, columns=list("abc"))
    made: list[int] = []
    build = inputs.build_inputs

    def counted(*given: object) -> np.ndarray:
        found = build(*given)  # type: ignore[arg-type]
        made.append(len(found))
        return found

    monkeypatch.setattr(inputs, "build_inputs", counted)
    few = quick(**options, max_steps=1, warm_start=True).fit(y)
    assert 0 < max(made) < 6000 * 3
    monkeypatch.setattr(windows, "SPARSE", 10**9)
    every = quick(**options, max_steps=1, warm_start=True).fit(y)
    assert max(made) > 6000 * 3
    assert bits(few) == bits(every)
    assert few.predict(3).equals(every.predict(3))
    monkeypatch.setattr(windows, "SPARSE", 4)
    few.fit(y)
    monkeypatch.setattr(windows, "SPARSE", 10**9)
    assert bits(few) == bits(every.fit(y))


def test_windows_of_a_shorter_last_epoch() -> None:
    """Each is where its rows are, also behind an earlier fit."""
    batches = windows.WindowBatches(
        lo=np.array([0, 100]), hi=np.array([50, 120]), chance=np.array([0.5, 0.5]), batch=3, seed=0, steps_an_epoch=4,
        steps=5, total=10, before=2,
    )  # fmt: skip
    starts, apart = batches.all_starts(), replace(batches, apart=True)
    assert len(starts) == 30
    for number in (4, 2, 3):
        (index,), (plain,) = apart.epoch(number), batches.epoch(number)
        np.testing.assert_array_equal(starts[index.x // 5], plain.x)
        np.testing.assert_array_equal(index.y, plain.y)
