"""What forecasts do not pass: points, intervals, futures and streams; 0 for series that never were negative."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from forecastrnn import Direct, RNNForecaster
from support.forecaster_cases import monthly, quick


def counts(n: int = 90, seed: int = 0, mean: float = 0.8) -> pd.Series:
    """Daily sales, many of them none."""
    rng = np.random.default_rng(seed)
    return pd.Series(rng.poisson(mean, n).astype(float), index=pd.date_range("2024-01-01", periods=n), name=f"c{seed}")


PANEL = pd.DataFrame({"sold": counts(), "change": counts(seed=1) - 2.0, "price": 5.0 + counts(seed=2)})


@pytest.fixture(scope="module")
def model() -> RNNForecaster:
    return quick(intervals="paths").fit(PANEL)


def both(model: RNNForecaster, look: Any) -> tuple[Any, Any]:
    """What it gives within its bounds, and without any."""
    free = RNNForecaster(**model.get_params(deep=False) | {"bounds": None})
    free._model = model._model
    return look(model), look(free)


def test_nothing_of_a_series_without_negative_values_is_below_0(model: RNNForecaster) -> None:
    for look in (
        lambda m: m.predict(60, level=90),
        lambda m: m.sample_paths(20, 30, calibrated=False, random_state=0),
    ):
        held, free = both(model, look)
        assert held["sold"].min().min() == 0.0 > free["sold"].min().min() and held["change"].min().min() < -1.0
        pd.testing.assert_frame_equal(held["sold"], free["sold"].clip(lower=0.0), check_exact=True)
        pd.testing.assert_frame_equal(held[["change", "price"]], free[["change", "price"]], check_exact=True)


def test_other_series_are_held_by_what_they_are(model: RNNForecaster) -> None:
    """Whatever the series of the same name in fit was."""
    other = pd.DataFrame({"sold": PANEL["change"], "change": PANEL["sold"]})
    held, free = both(model, lambda m: m.predict(60, y=other, level=90))
    assert held["change"].min().min() == 0.0 > free["change"].min().min()
    pd.testing.assert_frame_equal(held["sold"], free["sold"], check_exact=True)


@pytest.mark.parametrize(
    "options", [{"strategy": "seq2seq"}, {"strategy": Direct(20)}, {"global_model": False}], ids=str
)
def test_all_strategies(options: dict) -> None:
    model = quick(intervals=None, hidden_layer_sizes=8, bounds=(0, 2), **options).fit(PANEL[["sold"]].clip(0, 2))
    found = [model.predict(20)]
    if not isinstance(options.get("strategy"), Direct):
        found.append(model.sample_paths(20, 40, calibrated=False, random_state=0))
        assert found[1].min().min() == 0.0 and found[1].max().max() == 2.0
    assert all(((values >= 0.0) & (values <= 2.0)).all(axis=None) for values in found)


def test_bounds_on_a_series_of_logarithms() -> None:
    y = monthly(80).clip(80, 120)
    model = quick(intervals=None, bounds=(80, None)).fit(y)
    given: dict[str, Any] = {"h": 24, "n_paths": 50, "calibrated": False, "random_state": 0}
    paths = model.sample_paths(**given)
    assert paths.min().min() == 80.0 and paths.max().max() > 125.0
    assert model.set_params(bounds=(None, 120)).sample_paths(**given).max().max() == 120.0
    assert model.set_params(bounds="auto").sample_paths(**given).max().max() > 125.0


def test_bounds_that_the_series_do_not_keep() -> None:
    words = r"bounds=\(0.0, 2.0\): series 'c0' has [3-9] at 2024-01-04 .*\(\d+ such values\): .* bounds that it keeps"
    with pytest.raises(ValueError, match=words):
        quick(bounds=(0, 2)).fit(counts())


@pytest.mark.parametrize("bounds", [(1, 0), (0, 0), (0,), "positive", 3, (np.nan, 1), (True, 2), ("0", 1), [0, 1, 2]])
def test_what_bounds_are_not(bounds: Any, model: RNNForecaster) -> None:
    for call in (lambda m: m.fit(counts()), lambda m: m.predict(3)):
        wrong = quick(bounds=bounds)
        wrong._model = model._model
        with pytest.raises(InvalidParameterError, match="bounds"):
            call(wrong)


def test_files_keep_which_series_were_never_negative(model: RNNForecaster, tmp_path: Path) -> None:
    model.save(tmp_path / "model.rnn")
    again = RNNForecaster.load(tmp_path / "model.rnn")
    pd.testing.assert_frame_equal(again.predict(60), model.predict(60), check_exact=True)
    given = quick(bounds=(None, 9.5), intervals=None).fit(counts())
    given.save(tmp_path / "model.rnn")
    assert RNNForecaster.load(tmp_path / "model.rnn").bounds == (None, 9.5)


def test_a_stream_keeps_them_until_a_value_does_not() -> None:
    y = counts(120)
    y[y < 2] = 0.0
    model = quick(intervals=None, loss="squared_error", max_steps=5).fit(y)
    held, free = model.stream(), model.set_params(bounds=None).stream()
    values = np.tile([0.0, 9.0, 0.0], 20)
    found = np.array([[stream.step(value) for stream in (held, free)] for value in values])
    assert found[:, 1].min() < 0.0
    np.testing.assert_array_equal(found[:, 0], np.maximum(found[:, 1], 0.0))
    held.step(-1.0), free.step(-1.0)
    assert all(held.step(value) == free.step(value) for value in values)
