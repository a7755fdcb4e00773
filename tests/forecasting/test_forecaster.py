"""The forecaster from outside: forms of data, reproducibility, horizons, accuracy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from forecastrnn import AdamW, Direct, EarlyStopping, Recursive, RNNForecaster, Seq2Seq
from forecastrnn.forecasting import forecasts, windows
from support.forecaster_cases import long_of, mase, monthly, quick

# Forms of data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2020-01-31", periods=40, freq="ME", name="month"),
        pd.date_range("2020-01-01", periods=40, freq="h", tz="Europe/Berlin"),
        pd.date_range("2020-01-03", periods=40, freq="W-FRI", unit="s"),
        pd.period_range("2020Q1", periods=40, freq="Q", name="quarter"),
        pd.RangeIndex(-10, 70, 2, name="step"),
    ],
    ids=["month ends", "time zone", "seconds", "periods", "range"],
)
def test_series_in_series_out(index: pd.Index) -> None:
    y = pd.Series(np.arange(40.0) + 5.0, index=index, name="visits")
    forecast = quick(season_length=4).fit(y[:-6]).predict(6)
    assert isinstance(forecast, pd.Series)
    pd.testing.assert_index_equal(forecast.index, index[-6:])
    assert forecast.name == "visits" and forecast.index.name == index.name
    assert forecast.dtype == np.float64 and np.isfinite(forecast).all()


def test_lists_and_arrays_count_from_zero() -> None:
    y = monthly(30).to_numpy()
    forecast = quick().fit(y).predict(3)
    pd.testing.assert_index_equal(forecast.index, pd.RangeIndex(30, 33))
    pd.testing.assert_series_equal(quick().fit(y.tolist()).predict(3), forecast)
    pd.testing.assert_series_equal(quick().fit(tuple(y)).predict(3), forecast)


def panel() -> dict[str, pd.Series]:
    return {"b": monthly(40, 1), "a": monthly(25, 2, "2016-03-01"), "c": monthly(90, 3, "2012-01-01")}


def test_long_frame_of_unequal_series() -> None:
    forecast = quick().fit(long_of(panel())).predict(4)
    assert list(forecast.columns) == ["unique_id", "ds", "RNN"]
    assert forecast["unique_id"].tolist() == ["b"] * 4 + ["a"] * 4 + ["c"] * 4
    for name, y in panel().items():
        times = pd.DatetimeIndex(forecast.loc[forecast["unique_id"] == name, "ds"])
        assert list(times) == list(pd.date_range(y.index[-1], periods=5, freq="MS")[1:])


def test_an_alias_names_the_columns_of_forecasts() -> None:
    """Forecasts of several models stand side by side; a column of ids that has the name is refused before the fit."""
    frame = long_of(panel())
    model, other = quick(alias="GRU-8").fit(frame), quick().fit(frame)
    found = model.predict(3)
    assert list(found.columns) == ["unique_id", "ds", "GRU-8"] and found.attrs["season_length"] == model.season_length_
    np.testing.assert_array_equal(found["GRU-8"], other.predict(3)["RNN"])
    assert list(model.sample_paths(2, 2, calibrated=False).columns) == ["unique_id", "ds", "path", "GRU-8"]
    named = frame.rename(columns={"unique_id": "RNN"})
    assert list(quick(alias="f").fit(named, id_col="RNN").predict(1).columns) == ["RNN", "ds", "f"]
    with pytest.raises(ValueError, match="id_col='RNN' would be the name of two columns.*alias="):
        quick().fit(named, id_col="RNN")
    with pytest.raises(TypeError, match="positional"):
        model.predict(3, frame)


def test_interleaved_rows_and_other_column_names() -> None:
    frame = long_of(panel())
    mixed = frame.assign(at=frame.groupby("unique_id").cumcount()).sort_values("at", kind="stable").drop(columns="at")
    mixed = mixed.rename(columns={"unique_id": "shop", "ds": "month", "y": "sales"})
    names = {"id_col": "shop", "time_col": "month", "target_col": "sales"}
    model, other = quick().fit(frame), quick().fit(mixed, **names)
    forecast = other.predict(4)
    assert list(forecast.columns) == ["shop", "month", "RNN"]
    np.testing.assert_array_equal(forecast["RNN"], model.predict(4)["RNN"])
    pd.testing.assert_frame_equal(other.predict(4, y=mixed), forecast)


def test_wide_frame_equals_long_frame() -> None:
    wide = pd.DataFrame({k: monthly(36, k) for k in (7, 3)})
    forecast = quick().fit(wide).predict(5)
    assert isinstance(forecast, pd.DataFrame)
    assert forecast.columns.tolist() == [7, 3]
    expected = pd.date_range("2018-01-01", periods=5, freq="MS").as_unit(wide.index.unit)  # which pandas chooses
    pd.testing.assert_index_equal(forecast.index, expected)
    long = quick().fit(long_of({k: wide[k] for k in wide})).predict(5)
    np.testing.assert_array_equal(long["RNN"], forecast.to_numpy().T.reshape(-1))


def test_multi_index() -> None:
    y = long_of(panel()).set_index(["unique_id", "ds"])["y"]
    forecast = quick().fit(y).predict(2)
    assert isinstance(forecast, pd.Series)
    assert forecast.index.names == ["unique_id", "ds"]
    np.testing.assert_array_equal(forecast, quick().fit(long_of(panel())).predict(2)["RNN"])


def test_threads_share_a_model(fitted: RNNForecaster) -> None:
    expected = fitted.predict(20)
    with ThreadPoolExecutor(8) as pool:
        for forecast in pool.map(lambda _: fitted.predict(20), range(32)):
            pd.testing.assert_series_equal(forecast, expected)


def test_input_is_not_changed_and_not_kept(airline: pd.Series) -> None:
    y = airline.copy()
    model = quick().fit(y)
    pd.testing.assert_series_equal(y, airline)
    before = model.predict(3)
    y.iloc[:] = 0.0
    pd.testing.assert_series_equal(model.predict(3), before)


def test_fitted_attributes(fitted: RNNForecaster) -> None:
    assert (fitted.season_length_, fitted.context_length_, fitted.n_series_in_) == (12, 24, 1)
    assert (fitted.n_iter_, fitted.device_, len(fitted.loss_curve_)) == (50, "cpu", 1)


# Reproducibility --------------------------------------------------------------------------------------


def test_same_seed_same_bits_whatever_n_jobs(airline: pd.Series) -> None:
    first = quick(n_jobs=1).fit(airline)
    for model in (first, quick(n_jobs=1).fit(airline), quick(n_jobs=2).fit(airline)):
        np.testing.assert_array_equal(model.predict(12), first.predict(12))
    assert (quick(random_state=1).fit(airline).predict(12) != first.predict(12)).all()


def test_random_state_object_is_drawn_from(airline: pd.Series) -> None:
    rng = np.random.RandomState(0)
    first, second = (quick(random_state=rng).fit(airline).predict(2) for _ in range(2))
    assert (first != second).all()
    np.testing.assert_array_equal(quick(random_state=np.random.RandomState(0)).fit(airline).predict(2), first)


def test_members_give_the_median(airline: pd.Series) -> None:
    """The first members of a larger ensemble are those of a smaller one."""
    two, three = (quick(n_members=n).fit(airline)._model for n in (2, 3))
    for small, large in zip(two.trained.members, three.trained.members[:2], strict=True):
        np.testing.assert_array_equal(small.theta, large.theta)
    paths = [
        three.tail.prepared.inverse(
            forecasts.forecast(three.network, m.theta[None], three.tail, three.settings, 4, np.array([0]))
        )[0, 0]
        for m in three.trained.members
    ]
    assert len({path[0] for path in paths}) == 3
    np.testing.assert_array_equal(quick(n_members=3).fit(airline).predict(4), np.median(paths, axis=0))


@pytest.mark.parametrize("options", [{}, {"strategy": Direct(12)}], ids=["recursive", "direct"])
def test_horizons_agree(airline: pd.Series, options: dict) -> None:
    model = quick(**options).fit(airline)
    long = model.predict(12)
    pd.testing.assert_series_equal(model.predict(6), long[:6])
    pd.testing.assert_series_equal(model.predict([3, 5]), long.iloc[[2, 4]], check_freq=False)
    pd.testing.assert_series_equal(model.predict(np.array([5, 3])), long.iloc[[2, 4]], check_freq=False)


def test_any_horizon(fitted: RNNForecaster) -> None:
    steps = 2500 if fitted.predict(1).index.unit == "ns" else 5000  # nanoseconds, as of old pandas, end in 2262
    forecast = fitted.predict(steps)
    assert len(forecast) == steps and np.isfinite(forecast).all()
    pd.testing.assert_series_equal(fitted.predict(10), forecast[:10])


@pytest.mark.parametrize("options", [{}, {"strategy": Direct(4)}], ids=["recursive", "direct"])
def test_predict_of_the_training_series_equals_predict(options: dict) -> None:
    frame = long_of(panel())
    model = quick(**options).fit(frame)
    pd.testing.assert_frame_equal(model.predict(4, y=frame), model.predict(4))


def test_unseen_series(fitted: RNNForecaster) -> None:
    other = monthly(30, 9)
    forecast = fitted.predict(4, y=other)
    assert forecast.name == "s9" and forecast.index[0] == pd.Timestamp("2017-07-01")
    assert (forecast > 0.2 * other.min()).all() and (forecast < 5 * other.max()).all()
    wide = fitted.predict(4, y=pd.DataFrame({"x": other, "z": monthly(30, 8)}))
    np.testing.assert_allclose(wide["x"], forecast, rtol=1e-5)


def test_unit_of_the_series_does_not_matter(airline: pd.Series) -> None:
    plain = quick().fit(airline).predict(6)
    for factor in (1e30, 1e-30):
        np.testing.assert_allclose(quick().fit(airline * factor).predict(6) / factor, plain, rtol=1e-4)


EXTREMES = {
    "constant": (np.full(40, 7.0), 7.0),
    "zeros": (np.zeros(40), 0.0),
    "constant negative": (np.full(40, -2.0), -2.0),
    "four": (np.full(4, 3.0), 3.0),
    "constant, huge": (np.full(40, 1e30), 1e30),
}


@pytest.mark.filterwarnings("ignore:season_length. no series has two seasons")
@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("season", [1, 12])
def test_constant_series_stay_constant(name: str, season: int) -> None:
    values, expected = EXTREMES[name]
    forecast = quick(season_length=season).fit(values).predict(5)
    np.testing.assert_allclose(forecast, expected, rtol=1e-2, atol=1e-2)


@pytest.mark.filterwarnings("ignore:.*times as far from the values beside it")
def test_wild_series_stay_finite() -> None:
    """Spikes, zeros and signs that break the scale, all in one panel."""
    rng = np.random.default_rng(0)
    calm = rng.gamma(9.0, 1.0, 60)
    at = np.arange(60)
    wild = pd.DataFrame({"rare": (calm > 15) * 1.0, "growth": np.exp(at * 1.0), "fall": -np.exp(at * 1.0)})
    wild = wild.assign(last=(at == 59) * 5.0, calm=calm)
    for name, value in (("spike", 1e30), ("dip", 1e-30), ("minus", -1e30)):
        wild[name] = np.where(at == 30, value, calm)
    for season in (1, 12):
        model = quick(season_length=season).fit(wild)
        assert np.isfinite(model.predict(100).to_numpy()).all()
        assert np.isfinite(model.sample_paths(20, 3, calibrated=False, random_state=0).to_numpy()).all()


def test_sign_of_the_series_is_kept() -> None:
    positive = monthly(40)
    assert (quick().fit(positive).predict(200) > 0).all()
    mixed = positive - positive.mean()
    assert np.isfinite(quick().fit(mixed).predict(200)).all()


# Accuracy ---------------------------------------------------------------------------------------------


@pytest.mark.slow  # in tests/test_readme.py a backtest of the default runs each time
def test_default_beats_the_seasonal_naive(airline: pd.Series) -> None:
    known = airline[:-24]
    naive = mase(airline, np.tile(known[-12:].to_numpy(), 2), 12)
    forecast = RNNForecaster(candidates="network", intervals=None, random_state=0).fit(known).predict(24)
    assert mase(airline, forecast.to_numpy(), 12) < 0.95 < naive


def test_direct_beats_the_seasonal_naive(airline: pd.Series) -> None:
    known = airline[:-24]
    naive = mase(airline, np.tile(known[-12:].to_numpy(), 2), 12)
    forecast = (
        RNNForecaster(candidates="network", intervals=None, strategy=Direct(24), n_members=1, random_state=0)
        .fit(known)
        .predict(24)
    )
    assert mase(airline, forecast.to_numpy(), 12) < naive


@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole_lstm"])
def test_other_cells_and_depths(airline: pd.Series, cell: str) -> None:
    forecast = quick(cell=cell, hidden_layer_sizes=(8, 6)).fit(airline).predict(12)
    assert np.isfinite(forecast).all() and (forecast > 100).all()


@pytest.mark.parametrize("options", [{"dtype": "float64"}, {"loss": "huber"}, {"loss": "squared_error"},
                                     {"solver": "sgd"}, {"batch_size": 7}, {"solver": AdamW("cosine")}])  # fmt: skip
def test_other_settings(airline: pd.Series, options: dict) -> None:
    assert np.isfinite(quick(**options).fit(airline).predict(12)).all()


# The direct strategy ----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:RNNForecaster.generate:FutureWarning")
def test_direct_reaches_its_horizon(airline: pd.Series) -> None:
    model = quick(strategy=Direct(6)).fit(airline)
    assert model.predict(6).shape == (6,)
    with pytest.raises(ValueError, match="h=7 is more than horizon=6"):
        model.predict(7)
    with pytest.raises(ValueError, match="generate needs strategy=.recursive"):
        model.generate(3)
    with pytest.raises(ValueError, match="stream needs strategy=.recursive"):
        model.stream()


@pytest.mark.filterwarnings("ignore:RNNForecaster.generate:FutureWarning")
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_parameters_set_behind_a_fit_wait_for_the_next(airline: pd.Series, strategy: str) -> None:
    here, other = (Direct(6), "recursive") if strategy == "direct" else ("recursive", Direct(6))
    model = quick(strategy=here).fit(airline)
    before = model.predict(6)
    model.set_params(strategy=other, missing="mask", context_length=30, dtype="float64")
    pd.testing.assert_series_equal(model.predict(6), before)
    if strategy == "recursive":
        assert len(model.predict(20)) == len(model.sample_paths(20, calibrated=False)) == 20
    else:
        with pytest.raises(ValueError, match="h=7 is more than horizon=6"):
            model.predict(7)
        with pytest.raises(ValueError, match="generate needs"):
            model.generate(3)


def test_direct_needs_a_horizon(airline: pd.Series) -> None:
    with pytest.raises(ValueError, match="horizon.*Direct.*Got None"):
        quick(strategy="direct").fit(airline)
    with pytest.raises(ValueError, match="length 10 but horizon=8 needs at least 12 observations"):
        quick(strategy=Direct(8)).fit(airline[:10])


def test_direct_needs_known_values() -> None:
    """Windows must not reach in front of the first series, nor behind the last one."""
    y = np.r_[np.full(100, np.nan), np.arange(1.0, 10.0)]
    with pytest.raises(ValueError, match="series 'y' has 9 values from its first known one on, but horizon=60 needs"):
        quick(strategy=Direct(60), missing="mask").fit(y)


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("strategy", ["recursive", "direct", "seq2seq"])
@pytest.mark.parametrize("n", [104, 150])
def test_all_windows_lie_within_their_series(fraction: float, strategy: str, n: int) -> None:
    rng = np.random.default_rng(0)
    y = {k: pd.Series(rng.gamma(9.0, 1.0, n + k), index=pd.date_range("2020", periods=n + k)) for k in (0, 7)}
    given = {"recursive": Recursive(), "direct": Direct(100), "seq2seq": Seq2Seq(100)}[strategy]
    model = quick(season_length=1, strategy=given, early_stopping=EarlyStopping(fraction=fraction)).fit(long_of(y))
    assert np.isfinite(model.predict(9)["RNN"]).all()
    p, horizon = model._model.tail.prepared, model._model.settings.horizon
    lengths = np.diff(p.starts) - p.pads
    held = windows.held_out(lengths, fraction, horizon)
    lo, hi = windows.window_starts(p, horizon, held)
    assert (held >= 1).all() and (lo <= hi).all()
    assert (lo >= p.starts[:-1] + p.layout.mean_width + np.maximum(p.period_of, p.layout.second_lag)).all()
    assert (hi + p.context + p.ahead + horizon <= p.starts[1:] - held).all()


# Generated sequences ----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:RNNForecaster.generate:FutureWarning")
def test_generate(fitted: RNNForecaster, airline: pd.Series) -> None:
    one = fitted.generate(6, random_state=1)
    assert isinstance(one, pd.Series) and one.name == airline.name
    many = fitted.generate(6, n_sequences=4, random_state=1)
    assert list(many.columns) == [f"RNN-path-{k}" for k in (1, 2, 3, 4)]
    assert np.isfinite(many.to_numpy()).all() and (many.to_numpy() > 0).all()
    assert many.T.drop_duplicates().shape == (4, 6)
    pd.testing.assert_frame_equal(fitted.generate(6, n_sequences=4, random_state=1), many)
    assert (fitted.generate(6, n_sequences=4, random_state=2).to_numpy() != many.to_numpy()).any()


def test_paths_lie_around_the_forecast(fitted: RNNForecaster) -> None:
    forecast, paths = fitted.predict(12), fitted.sample_paths(12, calibrated=False, random_state=0)
    np.testing.assert_allclose(paths.median(axis=1), forecast, rtol=0.06)
    width = paths.quantile(0.9, axis=1) - paths.quantile(0.1, axis=1)
    assert (width > 0.01 * forecast).all() and (width < forecast).all()


@pytest.mark.filterwarnings("ignore:RNNForecaster.generate:FutureWarning")
@pytest.mark.parametrize("name", ["n_steps", "n_sequences"])
def test_generate_checks_its_counts(fitted: RNNForecaster, name: str) -> None:
    for wrong, error, message in ((0, ValueError, ">= 1"), (-1, ValueError, ">= 1"), (1.5, TypeError, "int"),
                                  (True, TypeError, "int"), (10**12, ValueError, "too large")):  # fmt: skip
        with pytest.raises(error, match=message):
            fitted.generate(**{"n_steps": 3, name: wrong})


@pytest.mark.filterwarnings("ignore:RNNForecaster.generate:FutureWarning")
def test_generate_from_a_prompt(fitted: RNNForecaster) -> None:
    prompt = monthly(30, 9)
    path = fitted.generate(5, prompt=prompt, random_state=0)
    assert path.name == "s9" and path.index[0] == pd.Timestamp("2017-07-01")
    pd.testing.assert_series_equal(fitted.generate(5, prompt=prompt, random_state=0), path)
    assert (path / prompt.iloc[-1]).between(0.1, 10).all()


@pytest.mark.filterwarnings("ignore:RNNForecaster.generate:FutureWarning")
def test_generate_a_panel() -> None:
    model = quick(n_members=2).fit(long_of(panel()))
    paths = model.generate(4, n_sequences=5, random_state=0)
    assert list(paths.columns) == ["unique_id", "ds"] + [f"RNN-path-{k}" for k in range(1, 6)]
    assert paths.shape == (12, 7) and np.isfinite(paths.iloc[:, 2:].to_numpy()).all()
