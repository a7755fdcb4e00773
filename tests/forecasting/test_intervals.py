"""Intervals and quantiles of forecasts: columns, what always holds of them, coverage, and what is refused."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from forecastrnn import Conformal, Direct, RNNForecaster, Seq2Seq, TrainingDivergedError
from forecastrnn.forecasting import calibrate
from support import naive_intervals as naive
from support.forecaster_cases import long_of, monthly, quick

SMALL = {"hidden_layer_sizes": 4, "max_steps": 4}
PANEL = pd.DataFrame({f"s{k}": monthly(60, k).to_numpy() * (-1 if k == 1 else 1) for k in range(24)},
                     monthly(60).index)  # fmt: skip
METHODS: dict[str, dict[str, Any]] = {
    "panel": {},
    "held out": {"intervals": Conformal(held_out=True)},
    "two sides": {"intervals": Conformal(symmetric=False)},
    "series": {"intervals": Conformal(pool="series")},
    "paths": {"intervals": "paths"},
    "local": {"global_model": False},
    "direct": {"strategy": Direct(8)},
    "seq2seq": {"strategy": Seq2Seq(8)},
}
LEVELS = (50, 80, 95)


def conformal(**options: Any) -> RNNForecaster:
    return quick(**SMALL | {"intervals": "conformal"} | options)


@pytest.fixture(scope="module")
def fitted() -> dict[str, RNNForecaster]:
    return {name: conformal(**options).fit(PANEL) for name, options in METHODS.items()}


def column(forecast: pd.DataFrame, name: str) -> np.ndarray:
    """One column of each series (h, n) in a wide forecast."""
    return forecast.xs(name, axis=1, level=-1).to_numpy()


@pytest.mark.parametrize("name", METHODS)
def test_what_always_holds(fitted: dict[str, RNNForecaster], name: str) -> None:
    """The forecast is the same; ends lie around it, levels nest, quantiles do not cross; rows do not depend on h."""
    model = fitted[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # six windows of a series are few for 95%
        bands = model.predict(8, level=[95, 50, 80], quantiles=[0.9, 0.1, 0.5, 0.3])
        fifth, some = model.predict([5], level=80), model.predict(8, level=80, ids=["s7", "s1"])
    plain = model.predict(8)
    assert np.array_equal(column(bands, "RNN"), plain.to_numpy())
    ends = ["lo-95", "lo-80", "lo-50", "hi-50", "hi-80", "hi-95"]
    between = [column(bands, f"RNN-{end}") for end in ends]
    ordered = np.stack([*between[:3], plain.to_numpy(), *between[3:]])
    assert (np.diff(ordered, axis=0) >= 0).all() and (ordered[0] < ordered[-1]).all()
    shares = np.stack([column(bands, f"RNN_ql{q}") for q in (0.1, 0.3, 0.5, 0.9)])
    assert (np.diff(shares, axis=0) >= 0).all()
    assert np.array_equal(shares[2], plain.to_numpy())
    assert np.array_equal(shares[0], column(bands, "RNN-lo-80")) and np.array_equal(shares[3], between[4])
    assert np.array_equal(fifth.to_numpy()[0], bands.loc[fifth.index[0], fifth.columns])
    assert np.array_equal(some.to_numpy(), bands[some.columns].to_numpy())


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("series", "paths")])
def test_bands_follow_the_unit_of_other_series(fitted: dict[str, RNNForecaster], name: str) -> None:
    once, often = (fitted[name].predict(4, y=PANEL * factor, level=80) for factor in (1, 128))
    np.testing.assert_allclose(often.to_numpy(), 128 * once.to_numpy(), rtol=1e-3)
    assert (column(once, "RNN-lo-80") < column(once, "RNN-hi-80")).all()


def test_positive_series_have_positive_bands(fitted: dict[str, RNNForecaster]) -> None:
    """Errors of logarithms make bands that are multiples of the forecast; those of other series are sums."""
    bands = fitted["panel"].predict(4, level=50)  # narrow ones end nowhere else
    low, middle, high = (column(bands, f"RNN{end}") for end in ("-lo-50", "", "-hi-50"))
    positive = np.arange(24) != 1
    np.testing.assert_allclose((low * high)[:, positive], (middle**2)[:, positive], rtol=1e-9)
    np.testing.assert_allclose((low + high)[:, 1], 2 * middle[:, 1], rtol=1e-9)
    assert (low[:, positive] > 0).all()


def test_errors_are_those_of_forecasts_of_the_ends() -> None:
    """Windows that the fit has seen: what predict says of series that end before them."""
    starts = [20, 15, 10]
    model = conformal(intervals=Conformal(held_out=False, n_windows=3, horizon=10, step_size=5)).fit(PANEL)
    found, errors = model.intervals_, []
    assert found.starts.tolist() == starts
    positive = np.arange(24) != 1
    for behind in starts:
        forecast = model.predict(10, y=PANEL[:-behind]).to_numpy()
        truth = PANEL.loc[PANEL.index[-behind:][:10]].to_numpy()
        error = truth - forecast
        error[:, positive] = np.log(truth[:, positive] / forecast[:, positive])
        errors.append(error.T)
    space = np.log(PANEL.abs().to_numpy())
    space[:, 1] = PANEL["s1"]
    seasonal = np.abs(space[12:] - space[:-12]).mean(axis=0)
    expected = naive.half_widths(np.stack(errors, axis=1), seasonal, starts, 0.8)
    reach = found.offsets(0.9, 10, np.arange(24)) * found.spread.scale[:, None]
    np.testing.assert_allclose(reach, expected, rtol=1e-5)
    assert found.n_scores.tolist() == [72] * 10


def test_bands_end_where_series_never_went() -> None:
    """But for the forecast itself, wherever it lies."""
    y = pd.Series(50 + 10 * np.sin(np.arange(80)))
    bands = conformal(season_length=1).fit(y).predict(12, level=99)
    inside = bands[["RNN-lo-99", "RNN-hi-99"]].to_numpy()
    outermost = np.stack([bands["RNN"].clip(upper=39.9), bands["RNN"].clip(lower=60.1)], axis=1)
    assert (inside[:, 0] >= outermost[:, 0]).all() and (inside[:, 1] <= outermost[:, 1]).all()


@pytest.mark.parametrize("options", [{}, {"strategy": "seq2seq"}, {"global_model": False}], ids=str)
def test_networks_are_the_same_with_any_intervals(options: dict[str, Any]) -> None:
    """And the loss, the draws of random numbers, and what a callback sees."""
    seen: list[list] = []
    models = []
    for intervals in (None, "paths", "conformal"):
        random = np.random.RandomState(0)
        model = conformal(intervals=intervals, random_state=random, n_members=2, **options)
        seen.append([])
        watch = None if options.get("global_model") is False else seen[-1].append
        models.append(model.fit(PANEL.iloc[:, :3], callback=watch))
        seen[-1].append(random.randint(1000))
    for model in models[1:]:
        assert np.array_equal(model._model.trained.thetas, models[0]._model.trained.thetas)
        assert model.loss_curve_ == models[0].loss_curve_
        assert model.predict(5).equals(models[0].predict(5))
    assert seen[0] == seen[1] == seen[2]


def test_calibration_takes_a_third_of_the_updates_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    original = calibrate.calibrate

    def watched(*args: Any) -> Any:
        *rest, before = args
        return original(*rest, lambda *given: (made := before(*given), taken.append(made.trained.updates))[0])

    monkeypatch.setattr("forecastrnn.forecasting.fit.calibrate", watched)
    for members, asked in ((1, 1), (2, 1), (4, 1), (3, 3)):
        conformal(max_steps=9, n_members=members, intervals=Conformal(members=asked)).fit(PANEL["s0"])
    assert taken == [3, 6, 9, 3]


@pytest.mark.parametrize("write", [lambda y: y, lambda y: y.to_numpy()])
def test_columns_of_one_series(write: Callable) -> None:
    names = ["RNN", "RNN-lo-95", "RNN-lo-80", "RNN-hi-80", "RNN-hi-95", "RNN_ql0.1", "RNN_ql0.75"]
    model = conformal().fit(write(PANEL["s0"]))
    bands = model.predict(3, level=[80, 95], quantiles=[0.1, 0.75])
    assert list(bands.columns) == names and len(bands) == 3
    assert bands["RNN"].rename(None).equals(model.predict(3).rename(None))
    assert bands.attrs["season_length"] == model.season_length_


def test_columns_of_every_form() -> None:
    """Long, MultiIndex and dated frames get columns, wide ones two rows of names; alias names them."""
    two = {"a": PANEL["s0"], "b": PANEL["s2"]}
    expected = ["GRU", "GRU-lo-90", "GRU-hi-90"]
    long = long_of(two)
    bands = conformal(alias="GRU").fit(long).predict(2, level=90)
    assert list(bands.columns) == ["unique_id", "ds", *expected] and len(bands) == 4
    multi = long.set_index(["unique_id", "ds"])["y"]
    stacked = conformal(alias="GRU").fit(multi).predict(2, level=[90.0])
    assert list(stacked.columns) == expected and np.array_equal(stacked.to_numpy(), bands[expected].to_numpy())
    wide = conformal(alias="GRU").fit(pd.DataFrame(two)).predict(2, level=(90,))
    assert wide.columns.tolist() == [(name, column) for name in two for column in expected]
    np.testing.assert_array_equal(wide["b"].to_numpy(), bands[expected].to_numpy()[2:])
    dated = conformal(alias="GRU").fit(long[long["unique_id"] == "a"].drop(columns="unique_id"))
    assert list(dated.predict("2020-02", level=97.5).columns) == ["ds", "GRU", "GRU-lo-97.5", "GRU-hi-97.5"]


def white(n: int, length: int) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(5).normal(10, 1, (length, n)))


def covered(bands: pd.DataFrame, level: int) -> float:
    """The chance that the next values of white noise lie in bands: no values need be drawn."""
    below = np.vectorize(lambda z: 0.5 * (1 + math.erf((z - 10) / math.sqrt(2))))
    return float((below(column(bands, f"RNN-hi-{level}")) - below(column(bands, f"RNN-lo-{level}"))).mean())


@pytest.mark.parametrize(
    ("n", "length", "options"),
    [
        (60, 60, {}),
        (24, 60, {"intervals": Conformal(held_out=True)}),
        (24, 60, {"intervals": Conformal(symmetric=False, horizon=6)}),
        (10, 120, {}),
        (10, 120, {"intervals": Conformal(pool="series", horizon=6)}),
        (24, 60, {"global_model": False, "n_members": 3}),
        (60, 60, {"strategy": Direct(6)}),
        (60, 60, {"intervals": "paths"}),
    ],
    ids=str,
)
def test_white_noise_is_covered(n: int, length: int, options: dict[str, Any]) -> None:
    """At three levels, by each method: at least what is promised, and not by width alone."""
    model = conformal(**{"hidden_layer_sizes": 8, "max_steps": 90, "season_length": 1} | options).fit(white(n, length))
    bands = model.predict(6, level=list(LEVELS))
    found = [covered(bands, level) for level in LEVELS]
    assert 0.45 < found[0] < 0.67 and 0.75 < found[1] < 0.92 and 0.92 < found[2] < 0.995


def test_options_are_parameters_of_a_search() -> None:
    """Also where the short form is given."""
    model = conformal().set_params(intervals__n_windows=2, intervals__horizon=4)
    assert model.intervals == Conformal(n_windows=2, horizon=4) and clone(model).intervals == model.intervals
    assert model.fit(PANEL["s0"]).intervals_.starts.tolist() == [8, 4]


def test_a_new_fit_has_the_intervals_of_a_new_object() -> None:
    model = conformal().fit(PANEL[["s3", "s4"]])
    before = model.intervals_
    again = model.fit(PANEL["s0"]).predict(5, level=80)
    assert again.equals(conformal().fit(PANEL["s0"]).predict(5, level=80))
    assert model.intervals_ is not before
    model.set_params(intervals=None).fit(PANEL["s0"])
    assert model.intervals_ is None
    with pytest.raises(ValueError, match="fit with intervals='conformal'"):
        model.predict(3, level=80)


def test_a_failed_fit_keeps_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    model = conformal().fit(PANEL["s0"])
    before = model.predict(4, level=80)
    monkeypatch.setattr("forecastrnn.forecasting.fit.calibrate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.fit(PANEL["s3"])
    assert model.predict(4, level=80).equals(before)


def test_a_calibration_that_diverges_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The forecasts are as good as without it."""

    def fail(*_: Any) -> None:
        raise TrainingDivergedError("training diverged. Lower it.")

    original = calibrate.calibrate
    monkeypatch.setattr("forecastrnn.forecasting.fit.calibrate", lambda *args: original(*args[:-1], fail))
    model = conformal().fit(PANEL["s0"])
    assert model.intervals_ is None and len(model.predict(3)) == 3
    failed = r"could not be calibrated in fit: the training for it, on shorter series, failed: .* Lower it\. Give"
    with pytest.raises(ValueError, match=failed):
        model.predict(3, level=80)


def test_more_windows_than_values_are_as_many_as_there_are() -> None:
    """And take no memory."""
    many, all_there = (
        conformal(intervals=Conformal(n_windows=n, horizon=4)).fit(PANEL["s0"]) for n in (10**9, len(PANEL))
    )
    assert many.predict(4, level=80).equals(all_there.predict(4, level=80))


def test_series_too_short_for_windows() -> None:
    """They have what is usual; where none is long enough, forecasts are there and intervals are not."""
    y = {"a": monthly(60), "b": monthly(4, 2), "c": monthly(60, 3)}
    model = conformal().fit(long_of(y))
    bands = model.predict(3, level=80).set_index("unique_id")
    assert (bands["RNN-lo-80"] < bands["RNN-hi-80"]).all()
    found = model.intervals_
    seasonal = np.abs(np.diff(np.log(y["b"]))).mean()
    assert found.spread.scale[1] == pytest.approx(found.usual * seasonal)
    short = conformal().fit(monthly(4))
    assert len(short.predict(3)) == 3 and short.intervals_ is None
    message = "the longest series, 's0', has 4 values, and a window that begins 1 before the end needs 5"
    with pytest.raises(ValueError, match=message):
        short.predict(3, level=80)


@pytest.mark.parametrize("length", [4, 5])
def test_a_new_series_too_short_for_windows_has_bands(fitted: dict[str, RNNForecaster], length: int) -> None:
    """Those of the panel, in the scale that its seasonal error tells."""
    y = pd.Series([50.0, 60.0, 55.0, 58.0, 52.0])[:length]
    bands = fitted["panel"].predict(2, y=y, level=80)
    assert (bands["RNN-lo-80"] < bands["RNN"]).all() and (bands["RNN"] < bands["RNN-hi-80"]).all()


def test_missing_values_are_no_errors() -> None:
    holes = PANEL.iloc[:, :3].where(np.random.default_rng(1).uniform(size=(60, 3)) > 0.1)
    model = conformal(missing="mask").fit(holes)
    assert np.isfinite(model.predict(4, level=80).to_numpy()).all()
    assert model.intervals_.n_scores[0] == np.isfinite(holes.iloc[-20:]).to_numpy().sum()
    gone = holes.copy()
    gone.iloc[-30:] = np.nan
    model, known = conformal(missing="mask").fit(gone), conformal(missing="mask").fit(holes.iloc[:-30])
    assert np.isfinite(model.predict(4, level=80).to_numpy()).all()
    np.testing.assert_array_equal(model.intervals_.n_scores, known.intervals_.n_scores)  # of windows before the gap


def test_a_large_panel_takes_fewer_forecasts_to_calibrate(monkeypatch: pytest.MonkeyPatch) -> None:
    """By fewer members first, then of fewer series: a third of the time of the fit at most."""
    seen: list[tuple] = []
    original = calibrate.errors_of

    def watched(by: Any, read: Any, windows: Any, *rest: Any) -> Any:
        seen.append((by.n_members, int(windows.there.any(axis=1).sum())))
        return original(by, read, windows, *rest)

    monkeypatch.setattr(calibrate, "errors_of", watched)
    wide = pd.concat([PANEL] * 3, axis=1).set_axis(range(72), axis=1)
    for updates in (40, 8, 4):
        conformal(max_steps=updates, n_members=3).fit(wide)
    assert seen == [(3, 72), (1, 72), (1, 36)]


def test_what_intervals_say_of_themselves() -> None:
    found = conformal().fit(PANEL).intervals_
    assert (found.n_windows, found.horizon, found.n_scores.tolist()) == (20, 13, list(range(480, 168, -24)))
    assert found.coverage.shape == (2,) and (0.4 < found.coverage).all() and (found.coverage <= 1).all()
    one = conformal(intervals=Conformal(n_windows=1)).fit(PANEL).intervals_
    assert one.coverage.shape == (0,)  # nothing was known before


def test_levels_that_are_not_supported_are_said() -> None:
    model = conformal(intervals=Conformal(n_windows=3, horizon=1)).fit(PANEL.iloc[:, :12])
    with pytest.warns(UserWarning, match=r"level=99 needs at least 99 errors, there are 36: the widest interval that "
                      r"they support, 97\.3, is given"):  # fmt: skip
        assert len(model.predict(1, level=99)) == 1
    with pytest.warns(UserWarning, match=r"level=99\.9 is further than what is kept: the widest.* 99\.5, is given"):
        assert len(conformal().fit(PANEL).predict(3, quantiles=[0.0005, 0.5])) == 3
    alone = conformal(intervals=Conformal(pool="series", n_windows=1, horizon=3)).fit(PANEL)
    with pytest.warns(UserWarning, match=r"level=80 needs at least 4 errors, there are 3: .* 75, is given"):
        alone.predict(3, level=80)


def test_later_steps_than_were_tried_widen_as_the_root_of_the_step() -> None:
    model = conformal(intervals=Conformal(horizon=5)).fit(PANEL["s0"])
    with pytest.warns(UserWarning, match=r"h=20: the intervals were calibrated for 5 steps.*Conformal\(horizon=20\)"):
        far = model.predict(20, level=20)
    width = np.log(far["RNN-hi-20"] / far["RNN"]).to_numpy()
    np.testing.assert_allclose(width[19], width[4] * 2, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 0.8}, "level is in percent: 80, not 0.8"),
        ({"level": [80, 0.95]}, "level is in percent: 95, not 0.95"),
        ({"level": 100}, r"level must be one or more numbers in \(0, 100\). Got 100"),
        ({"level": "80"}, r"level must be one or more numbers in \(0, 100\). Got '80'"),
        ({"level": True}, "Got True"),
        ({"level": [80, 80]}, r"level must name at least one number and none twice. Got \[80, 80\]"),
        ({"level": []}, "level must name at least one number"),
        ({"quantiles": 50}, r"quantiles must be one or more numbers in \(0, 1\). Got 50"),
        ({"quantiles": [0.1, float("nan")]}, "Got nan"),
    ],
)
def test_levels_that_cannot_be(fitted: dict[str, RNNForecaster], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted["panel"].predict(3, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"intervals": "head"}, "intervals='head' needs a loss that says how values are distributed"),
        ({"intervals": "bootstrap"}, "The 'intervals' parameter of RNNForecaster must be"),
        ({"intervals": "paths", "strategy": Direct(3)}, "intervals='paths' needs strategy='recursive'"),
        ({"intervals": Conformal(n_windows=0)}, "The 'intervals__n_windows' parameter of RNNForecaster must be"),
        ({"intervals": Conformal(horizon=True)}, "The 'intervals__horizon' parameter of RNNForecaster must be a"),
        ({"intervals": Conformal(pool="all")}, "The 'intervals__pool' parameter of RNNForecaster must be"),
        ({"intervals": Conformal(gamma=1)}, "The 'intervals__gamma' parameter of RNNForecaster must be"),
        ({"intervals": Conformal(adaptive=True, symmetric=False)}, r"Conformal\(adaptive=True\) needs symmetric=True"),
        (
            {"intervals": Conformal(horizon=5), "strategy": Direct(3)},
            r"Conformal\(horizon=5\) is more than horizon=3",
        ),
    ],
)
def test_intervals_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        conformal(**options).fit(PANEL["s0"])


def test_errors_of_a_series_alone_are_not_those_of_another(fitted: dict[str, RNNForecaster]) -> None:
    with pytest.raises(ValueError, match=r"with Conformal\(pool='series'\) only series of fit"):
        fitted["series"].predict(3, y=PANEL, level=80)
