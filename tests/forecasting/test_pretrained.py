"""A forecaster that begins with the network of the package: forecasts without a fit, and fits that go on from it."""

from __future__ import annotations

import hashlib
import runpy
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from forecastrnn import GRU, ModelFileError, RNNForecaster
from forecastrnn.datasets import load_airline, make_series
from forecastrnn.forecasting.start import FILE, Start, read_start, usual_start, write_start
from support.forecaster_cases import long_of, mase, monthly, panel, quick

WEIGHTS = Path(str(files("forecastrnn.forecasting") / FILE))
DIGEST = "e4967cf12f81526b"


def without_training(**options: object) -> RNNForecaster:
    return RNNForecaster.pretrained(**{"max_steps": 0, "intervals": None} | options)


def test_the_weights_are_those_that_were_measured() -> None:
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:16] == DIGEST
    assert WEIGHTS.stat().st_size < 4 * 2**20
    start = usual_start()
    assert start is usual_start() and start.theta.dtype == np.float32


def test_it_forecasts_at_once_as_a_fit_that_learns_nothing() -> None:
    y = load_airline()
    model = RNNForecaster.pretrained()
    forecast = model.predict(24, y=y[:-24])
    assert forecast.index.equals(y.index[-24:]) and not hasattr(model, "loss_curve_")
    assert mase(y, forecast.to_numpy(), 12) < 2.4  # that of seasonal naive is 2.494
    pd.testing.assert_series_equal(forecast, without_training().fit(y[:-24]).predict(24))
    bands = model.predict(12, y=y, level=[80, 95], quantiles=0.5)
    assert list(bands) == ["RNN", "RNN-lo-95", "RNN-lo-80", "RNN-hi-80", "RNN-hi-95", "RNN_ql0.5"]
    assert (np.diff(bands.to_numpy()[:, 1:5], axis=1) > 0).all()
    paths = clone(model).set_params(intervals="paths").predict(12, y=y, level=80)
    pd.testing.assert_frame_equal(paths, without_training(intervals="paths").fit(y).predict(12, level=80))
    same = clone(model).set_params(cell=GRU()).predict(24, y=y[:-24])
    pd.testing.assert_series_equal(same, forecast)
    changed = model.set_params(season_length=[1]).predict(24, y=y[:-24])  # the plan that was kept is another one
    assert not np.allclose(changed, forecast)


@pytest.mark.parametrize(
    ("freq", "season"), [("YS", 1), ("QS", 4), ("D", 7), ("h", 24), ("W-SUN", 52), ("30min", 48), ("MS", 12)]
)
def test_any_frequency(freq: str, season: int) -> None:
    index = pd.date_range("2001-01-01", periods=3 * season + 30, freq=freq)
    wide = make_series(7, len(index), season, random_state=1).set_axis(index)
    model = RNNForecaster.pretrained(missing="mask")
    found = model.predict(2 * season + 3, y=wide)
    assert found.shape == (2 * season + 3, 7) and np.isfinite(found.to_numpy()).all()
    fitted = without_training(missing="mask").fit(wide)
    assert fitted.season_length_ == season
    np.testing.assert_array_equal(fitted.predict(2 * season + 3), found)


def test_series_of_all_lengths_and_no_more_than_they_say() -> None:
    every = {f"n{n}": monthly(n, n) for n in (4, 5, 9, 13, 30, 200)}
    found = RNNForecaster.pretrained().predict(6, y=long_of(every))
    assert len(found) == 36 and np.isfinite(found["RNN"]).all()
    alone = RNNForecaster.pretrained().predict(6, y=long_of({"n30": every["n30"]}))
    np.testing.assert_allclose(found.loc[found["unique_id"] == "n30", "RNN"], alone["RNN"], rtol=1e-5)


def test_units_and_constants() -> None:
    y = monthly(80)
    model = RNNForecaster.pretrained()
    np.testing.assert_allclose(model.predict(12, y=1e9 * y), 1e9 * model.predict(12, y=y), rtol=1e-5)
    np.testing.assert_allclose(model.predict(12, y=pd.Series(np.full(40, 7.0), y.index[:40])), 7.0, rtol=1e-3)


def test_fit_learns_from_it_and_fewer_updates_are_nearer() -> None:
    y = panel()
    near, far = (RNNForecaster.pretrained(max_steps=n, intervals=None, random_state=0).fit(y) for n in (1, 60))
    zero = without_training().fit(y)
    apart = [np.abs(model.predict(6) - zero.predict(6)).to_numpy().mean() for model in (near, far)]
    assert 0.0 < apart[0] < apart[1]
    assert zero.n_iter_ == usual_start().updates and far.n_iter_ == usual_start().updates + 60
    again = RNNForecaster.pretrained(max_steps=60, intervals=None, random_state=0).fit(y)
    np.testing.assert_array_equal(again.predict(6), far.predict(6))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_warm_start_is_of_the_same_kind(is_first: bool) -> None:
    """The other kind reads series in other units, with the same columns."""
    y, units = panel(120), usual_start().units
    older = {"older_means": [(12, 3)], "long_run_mean": True, "hidden_layer_sizes": units, "context_length": 72}
    pretrained = {"start": "pretrained", "older_means": "auto", "long_run_mean": "auto", "context_length": None}
    model = quick(warm_start=True, season_length=12, max_steps=1, **older)
    model.set_params(**pretrained if is_first else {}).fit(y)
    with pytest.raises(ValueError, match="start.* must be as in the first fit"):
        model.set_params(**older | {"start": None} if is_first else pretrained).fit(y)
    if is_first:
        assert np.isfinite(model.set_params(**pretrained).fit(y).predict(3)).all(axis=None)


def test_it_is_mixed_updated_streamed_saved_and_backtested(tmp_path: Path) -> None:
    y = monthly(90)
    model = without_training(candidates="auto", intervals="conformal").fit(y[:80])
    assert model.weights_["network"].between(0.0, 1.0, inclusive="neither").all() and model.intervals_ is not None
    model.save(tmp_path / "model.rnn")
    again = RNNForecaster.load(tmp_path / "model.rnn")
    pd.testing.assert_frame_equal(again.predict(5, level=80), model.predict(5, level=80))
    stream = without_training().fit(y[:80]).stream()
    steps = [stream.step(value) for value in y[80:]]
    updated = without_training().fit(y[:80]).update(y[80:])
    np.testing.assert_allclose(steps[-1], updated.predict(1).iloc[0], rtol=1e-6)
    table = without_training().cross_validation(y, h=6, n_windows=2)
    assert len(table) == 12 and np.isfinite(table["RNN"]).all()
    assert "4 series" not in str(model.summary())
    copied = clone(RNNForecaster.pretrained())
    assert copied.start == "pretrained" and copied.predict(3, y=y).shape == (3,)


def test_numpy_alone_forecasts_the_same(tmp_path: Path) -> None:
    for season in ([1], 12):
        model = without_training(season_length=season).fit(panel())
        module = runpy.run_path(str(model.export_numpy(tmp_path / f"season{season}")))
        np.testing.assert_allclose(module["predict"](8), model.predict(8).to_numpy().T, rtol=1e-4)
        other = panel()[10:60]
        found = module["predict"](8, list(other.to_numpy().T))
        np.testing.assert_allclose(found, model.predict(8, y=other.add_prefix("new ")).to_numpy().T, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "lstm"}, r"start='pretrained' needs cell='gru', as its network was trained. Got 'lstm'"),
        ({"hidden_layer_sizes": (7,)}, r"needs hidden_layer_sizes=\(\d+,\)"),
        ({"loss": "gaussian"}, "needs loss='absolute_error'"),
        ({"global_model": False}, "needs global_model=True"),
        ({"strategy": "seq2seq"}, "needs strategy='recursive'"),
        ({"context_length": 9}, "needs context_length=72, or None. Got 9"),
        ({"calendar": "auto"}, "needs calendar=None"),
    ],
)
def test_other_networks_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RNNForecaster.pretrained(**options).predict(3, y=monthly(40))
    with pytest.raises(ValueError, match=message):
        RNNForecaster.pretrained(**options).fit(monthly(40))


def test_what_is_missing_or_too_much_is_said() -> None:
    model, y = RNNForecaster.pretrained(), monthly(40)
    with pytest.raises(ValueError, match="y is missing: a pre-trained forecaster has no series of its own"):
        model.predict(3)
    with pytest.raises(
        NotFittedError, match=r"before fit it has predict.* RNNForecaster.pretrained\(max_steps=0\).fit"
    ):
        model.sample_paths(3, y=y)
    with pytest.raises(ValueError, match="X needs start=None: a pre-trained network reads the values of series alone"):
        model.predict(3, y=y, X=pd.DataFrame({"price": 1.0}, index=y.index))
    with pytest.raises(ValueError, match="static needs start=None"):
        model.fit(y, static={"kind": "a"})
    with pytest.raises(ValueError, match=r"'max_steps' .* must be an int in the range \[1, inf\), or 0 with start="):
        RNNForecaster(max_steps=0).fit(y)
    with pytest.raises(ValueError, match="has length 3"):
        model.predict(3, y=y[:3])


def test_weights_of_ones_own(tmp_path: Path) -> None:
    own = Start(theta=usual_start().theta * 0, units=usual_start().units, context=72, updates=5, loss=1.0)
    write_start(tmp_path / "own.rnn", own)
    assert read_start(tmp_path / "own.rnn").updates == 5
    y = monthly(60)
    units = usual_start().units
    model = RNNForecaster(start=tmp_path / "own.rnn", hidden_layer_sizes=units, n_members=1, season_length=[1],
                          candidates="network")  # fmt: skip
    np.testing.assert_allclose(model.predict(4, y=y), y.iloc[-1], rtol=1e-6)  # no weights: the last value
    with pytest.raises(FileNotFoundError, match="start: there is no such file; 'pretrained' is the network .*nowhere"):
        RNNForecaster(start=tmp_path / "nowhere").fit(y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": (0,)}, "what it says of its network cannot be"),
        ({"units": (10**6,)}, "what it says of its network cannot be"),
        ({"updates": 0}, "what it says of its network cannot be"),
        ({"loss": 1}, "what it says of its network cannot be"),
        ({"theta": np.full(9, 1e9)}, "its parameters are not those of a trained network"),
    ],
)
def test_files_that_cannot_be(tmp_path: Path, change: dict, message: str) -> None:
    given = {"theta": np.zeros(9), "units": (3,), "context": 8, "updates": 4, "loss": 0.5} | change
    write_start(tmp_path / "odd.rnn", Start(**given))
    with pytest.raises(ModelFileError, match=message):
        read_start(tmp_path / "odd.rnn")


def test_another_size_than_its_network_needs(tmp_path: Path) -> None:
    write_start(tmp_path / "odd.rnn", Start(theta=np.zeros(9), units=(3,), context=8, updates=4, loss=0.5))
    with pytest.raises(ModelFileError, match="9 parameters, but its network has"):
        RNNForecaster(start=str(tmp_path / "odd.rnn"), hidden_layer_sizes=3).fit(monthly(40))


def test_a_model_is_no_file_of_weights(tmp_path: Path) -> None:
    without_training().fit(monthly(40)).save(tmp_path / "model.rnn")
    with pytest.raises(ModelFileError, match="it holds no pre-trained network"):
        RNNForecaster(start=tmp_path / "model.rnn").fit(monthly(40))
