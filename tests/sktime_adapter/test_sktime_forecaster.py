"""SktimeForecaster beside the forecaster within, and in what sktime has around forecasters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline

pytest.importorskip("sktime")

from sktime.base import load  # noqa: E402
from sktime.exceptions import NotFittedError  # noqa: E402
from sktime.forecasting.base import ForecastingHorizon  # noqa: E402

from forecastrnn.sktime_adapter import SktimeForecaster  # noqa: E402

pytestmark = [
    pytest.mark.sktime,
    pytest.mark.filterwarnings("ignore:The default of config:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Converting to PeriodArray:UserWarning"),  # sktime counts steps so
]

QUICK = {"hidden_layer_sizes": (4,), "n_members": 1, "max_steps": 10, "context_length": 6, "random_state": 0}
INDEXES = {
    "range": pd.RangeIndex(48),
    "integers": pd.Index(range(5, 53)),
    "days": pd.date_range("2024-01-01", periods=48),
    "days with a zone": pd.date_range("2024-01-01", periods=48, tz="UTC"),
    "hours": pd.date_range("2024-01-01", periods=48, freq="h"),
    "months": pd.date_range("2024-01-01", periods=48, freq="MS"),
    "month ends": pd.date_range("2024-01-31", periods=48, freq="ME"),
    "working days": pd.bdate_range("2024-01-01", periods=48),
    "quarters": pd.period_range("2010Q1", periods=48, freq="Q"),
    "years": pd.period_range("1950", periods=48, freq="Y"),
}


def quick(**changed: object) -> SktimeForecaster:
    return SktimeForecaster(**{**QUICK, "intervals": "paths", **changed})


def waves(index: pd.Index, name: str = "v") -> pd.Series:
    return pd.Series(10.0 + np.sin(np.arange(len(index)) * 0.9), index=index, name=name)


def panel(columns: int = 1, lengths: tuple[int, ...] = (30, 40, 36)) -> pd.DataFrame:
    parts = {}
    for k, length in enumerate(lengths):
        index = pd.date_range("2024-01-01", periods=length)
        parts["north" if k < 2 else "south", f"shop {k}"] = pd.DataFrame(
            {f"c{j}": waves(index) + k + j for j in range(columns)}
        )
    return pd.concat(parts, names=["region", "shop", "time"])


def test_forecasts_are_those_of_the_forecaster_within() -> None:
    y = load_airline().astype(float)
    y.index.freq = "MS"
    forecaster = SktimeForecaster(**QUICK).fit(y, fh=[1, 2, 12])
    plain = RNNForecaster(**QUICK, missing="mask").fit(y)
    bands = plain.predict([1, 2, 12], level=[80])
    pd.testing.assert_series_equal(forecaster.predict(), bands["RNN"].rename(y.name), check_freq=False)
    found = forecaster.predict_interval(coverage=0.8)
    assert found.columns.tolist() == [(y.name, 0.8, "lower"), (y.name, 0.8, "upper")]
    np.testing.assert_array_equal(found, bands[["RNN-lo-80", "RNN-hi-80"]])
    alphas = [0.9, 0.1, 0.5]
    shares = forecaster.predict_quantiles(alpha=alphas)
    assert shares.columns.tolist() == [(y.name, one) for one in alphas]
    np.testing.assert_array_equal(shares, plain.predict([1, 2, 12], quantiles=alphas).iloc[:, 1:])


@pytest.mark.parametrize("kind", INDEXES)
def test_steps_and_times_of_every_index(kind: str) -> None:
    y = waves(INDEXES[kind])
    forecaster = quick().fit(y[:-4])
    ahead = y.index[[-4, -1]]
    by_step = forecaster.predict([1, 4])
    assert by_step.index.equals(ahead)
    pd.testing.assert_series_equal(forecaster.predict(ForecastingHorizon(ahead, is_relative=False)), by_step)
    forecaster.update(y[-4:-1], update_params=False)
    assert forecaster.predict([1]).index[0] == y.index[-1]


def test_columns_are_series_of_one_network() -> None:
    index = pd.period_range("2020-01", periods=40, freq="M")
    y = pd.DataFrame({"a": waves(index), 7: 3 * waves(index)})
    forecaster = quick().fit(y)
    found = forecaster.predict([2, 3])
    assert found.columns.tolist() == ["a", 7]
    assert forecaster.forecaster_.n_series_in_ == 2
    plain = RNNForecaster(**QUICK, missing="mask", intervals="paths").fit(y.rename(columns={7: "7"}))
    np.testing.assert_array_equal(found, plain.predict([2, 3]))


@pytest.mark.parametrize("columns", [1, 2])
def test_a_hierarchy_is_one_panel_whose_ids_are_its_labels(columns: int) -> None:
    y = panel(columns)
    forecaster = quick().fit(y)
    found = forecaster.predict([1, 3])
    assert found.columns.equals(y.columns) and found.index.names == y.index.names
    assert found.index.droplevel(-1).unique().equals(y.index.droplevel(-1).unique())
    for key, part in found.groupby(level=[0, 1]):
        end = y.loc[key].index[-1]
        assert part.index.get_level_values(-1).tolist() == [end + pd.Timedelta(days=k) for k in (1, 3)]
    one = ("north", "shop 0") if columns == 1 else ("north", "shop 0", "c0")
    alone = forecaster.forecaster_.predict([1, 3], ids=[one])
    np.testing.assert_array_equal(found.loc["north", "shop 0"]["c0"], alone["RNN"])
    bands = forecaster.predict_interval([1, 3], coverage=[0.5, 0.9])
    assert bands.index.equals(found.index) and bands.shape[1] == 4 * columns
    for column in y.columns:
        inside = bands[column, 0.9, "lower"] <= bands[column, 0.5, "lower"]
        assert inside.all() and (bands[column, 0.5, "lower"] <= bands[column, 0.5, "upper"]).all()


def test_times_are_the_same_for_series_that_end_apart() -> None:
    y = panel()
    forecaster = quick().fit(y)
    times = pd.DatetimeIndex(["2024-02-11", "2024-02-13"])  # the longest ends on February 9
    found = forecaster.predict(ForecastingHorizon(times, is_relative=False, freq="D"))
    assert found.index.get_level_values(-1).tolist() == times.tolist() * 3
    np.testing.assert_array_equal(found.loc["north", "shop 1"], forecaster.predict([2, 4]).loc["north", "shop 1"])


def test_covariates_are_known_ahead() -> None:
    index = pd.date_range("2024-01-01", periods=60)
    X = pd.DataFrame({"price": np.arange(60) % 7 * 1.0, "day": pd.Categorical(np.arange(60) % 3)}, index=index)
    y = waves(index)
    forecaster = quick().fit(y[:-5], X=X[:-5])
    found = forecaster.predict([2, 5], X=X[-5:])
    plain = RNNForecaster(**QUICK, missing="mask", intervals="paths").fit(y[:-5], X=X[:-5])
    np.testing.assert_array_equal(found, plain.predict([2, 5], X=X[-5:]))
    with pytest.raises(ValueError, match="give their values for"):
        forecaster.predict([2])
    with pytest.raises(ValueError, match="X lacks a row"):
        forecaster.predict([2, 5], X=X.iloc[[-4, -1]])
    forecaster.update(y[-5:-2], X=X[-5:-2])
    assert forecaster.predict([1, 2], X=X[-2:]).index.equals(index[-2:])


def test_covariates_of_a_panel() -> None:
    y = panel(2, lengths=(40, 40, 40))
    X = y[["c0"]].rename(columns={"c0": "known"}) * 2
    times = y.index.get_level_values(-1)
    cut = times.unique()[-3]
    forecaster = quick().fit(y[times < cut], X=X[times < cut])
    assert forecaster.predict([1, 3], X=X[times >= cut]).shape == (6, 2)


def test_update_takes_what_is_new() -> None:
    y = load_airline().to_period("M")
    at_once, windows = quick().fit(y[:120]), quick().fit(y[:120])
    at_once.update(y[120:132], update_params=False)
    windows.update(y[100:126], update_params=False).update(y[:132], update_params=False)  # most rows are known
    assert at_once.cutoff == windows.cutoff == y.index[131:132]
    pd.testing.assert_series_equal(at_once.predict([1, 2]), windows.predict([1, 2]))
    learned = quick().fit(y[:120]).update(y[120:132])
    assert not learned.predict([1, 2]).equals(at_once.predict([1, 2]))
    assert not windows.update(y[:132]).predict([1, 2]).isna().any()


def test_local_networks_are_fitted_anew() -> None:
    y = panel(lengths=(40, 40, 40))
    times = y.index.get_level_values(-1)
    early, late = y[times < times.unique()[-4]], y[times >= times.unique()[-4]]
    updated = quick(global_model=False, intervals=None).fit(early).update(late)
    pd.testing.assert_frame_equal(
        updated.predict([1, 2]), quick(global_model=False, intervals=None).fit(y).predict([1, 2])
    )


def test_missing_values() -> None:
    y = load_airline()
    holes = y.where(y > 115)
    assert np.isfinite(quick().fit(holes).predict([1, 2])).all()
    with pytest.raises(ValueError, match="cannot handle missing data"):
        quick(missing="raise").fit(holes)
    assert not quick(missing="raise").get_tag("capability:missing_values")


def test_what_it_cannot_do_is_refused() -> None:
    y = load_airline()
    with pytest.raises(NotFittedError):
        quick().predict([1])
    fitted = quick(intervals=None).fit(y)
    with pytest.raises(NotImplementedError, match="in-sample"):
        fitted.predict([-1, 1])
    with pytest.raises(NotImplementedError, match="prediction intervals"):
        fitted.predict_interval([1])
    with pytest.raises(ValueError, match="use short='naive'"):
        quick(short="drop").fit(y)
    with pytest.raises(ValueError, match="The 'cell' parameter"):
        quick(cell="none").fit(y)
    with pytest.raises(ValueError, match="name that is taken"):
        quick().fit(y, X=pd.DataFrame({"ds": 1.0}, index=y.index))


def test_a_saved_one_forecasts_the_same(tmp_path: Path) -> None:
    fitted = quick().fit(panel())
    found = fitted.predict([1, 2])
    fitted.save(tmp_path / "forecaster")  # sktime puts .zip behind it, and behind a text that it loads
    for again in (load(fitted.save()), load(str(tmp_path / "forecaster"))):
        pd.testing.assert_frame_equal(again.predict([1, 2]), found)
    assert fitted.clone().get_params() == fitted.get_params()


def test_times_for_series_that_end_at_different_ones() -> None:
    """A horizon of times needs its step; each series is then forecast from its own end on."""
    y, times = panel(), pd.DatetimeIndex(["2024-02-10", "2024-02-11"])  # without a frequency, as a frame has them
    model = quick().fit(y)
    found = model.predict(ForecastingHorizon(times, is_relative=False, freq="D"))
    assert found.index.get_level_values("time").unique().tolist() == list(times) and len(found) == 6
    steps = model.predict([1, 2, 11, 12])  # behind the ends of the longest and of the shortest
    for shop, wanted in {"shop 0": [11, 12], "shop 1": [1, 2]}.items():
        own = steps.xs(shop, level=1).iloc[[[1, 2, 11, 12].index(step) for step in wanted]]
        np.testing.assert_array_equal(found.xs(shop, level=1), own)
    between = ForecastingHorizon(times + pd.Timedelta(12, "h"), is_relative=False, freq="12h")
    with pytest.raises(NotImplementedError, match=r"fh: series .*has no forecast at one of the times 2024-02-10 12:00"):
        model.predict(between)
    with pytest.raises(ValueError, match="freq"):
        model.predict(times)
