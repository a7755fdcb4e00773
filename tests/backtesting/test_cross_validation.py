"""cross_validation equals a loop by hand, sees nothing behind a cutoff, and fits as often as it says."""

from __future__ import annotations

import warnings
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from forecastrnn import Conformal, Direct, RNNForecaster, Seq2Seq, metrics
from forecastrnn.backtesting import run
from forecastrnn.data.slices import cut
from support.backtest_cases import by_hand, ends_of_series, ragged, same, tiny
from support.forecaster_cases import long_of, monthly

CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"n_members": 2}, {}),
    ({"strategy": Seq2Seq(6)}, {"gap": 2, "step_size": 1}),
    ({"strategy": Direct(6), "id_embedding_dim": 2}, {"gap": 1, "n_windows": 2}),
    ({"global_model": False}, {"step_size": 3}),
    ({"early_stopping": True}, {"n_windows": 2}),
]


@pytest.mark.parametrize(("model", "options"), CASES)
@pytest.mark.parametrize("refit", [True, False, 2])
def test_equals_a_loop_by_hand(model: dict[str, Any], options: dict[str, Any], refit: bool | int) -> None:
    y = ragged()
    expected = by_hand(tiny(**model), y, 5, refit=int(refit) or 9, **options)
    same(tiny(**model).cross_validation(y, 5, refit=refit, **options), expected)


@pytest.mark.parametrize(("model", "options"), CASES)
@pytest.mark.filterwarnings("ignore:.*times as far from the values beside it")
@pytest.mark.parametrize("refit", [True, False])
def test_nothing_behind_a_cutoff_is_seen(model: dict[str, Any], options: dict[str, Any], refit: bool) -> None:
    """Garbage behind the first cutoff of each series, or behind the last, changes nothing that is forecast by then."""
    y, step = ragged(), options.get("step_size", 5)
    given: dict[str, Any] = {
        "n_windows": 3,
        "refit": refit,
        "baselines": ["naive", "seasonal_naive", "drift"],
    } | options
    expected = tiny(**model).cross_validation(y, 5, **given)
    window = expected.groupby("unique_id")["cutoff"].rank("dense")
    for last in (1, given["n_windows"]):
        behind = options.get("gap", 0) + 5 + (given["n_windows"] - last) * step
        known = y.index.isin(ends_of_series(y, behind).index)
        garbage = y.assign(y=np.where(known, y["y"], -1e6 * np.random.default_rng(0).random(len(y))))
        tables = [table[window <= last] for table in (tiny(**model).cross_validation(garbage, 5, **given), expected)]
        pd.testing.assert_frame_equal(*(table.drop(columns="y") for table in tables), check_exact=True)
        assert (tables[0]["y"] != tables[1]["y"]).any()


def test_short_series_are_those_of_y() -> None:
    y = long_of({"long": monthly(60), "short": monthly(12, 1)})
    with pytest.warns(UserWarning, match="too short") as told:
        tiny(short="naive", context_length=12).cross_validation(y, 3, n_windows=2, refit=False)
    assert len(told) == 2 and all(str(one.message).startswith("y: 1 of 2 series is") for one in told)


LEVELS: dict[str, Any] = {"level": [80, 60], "quantiles": [0.1, 0.5]}
BANDS = ["RNN", "RNN-lo-80", "RNN-lo-60", "RNN-hi-60", "RNN-hi-80", "RNN_ql0.1", "RNN_ql0.5"]


@pytest.mark.parametrize("model", [{}, {"strategy": Direct(4)}, {"global_model": False}])
@pytest.mark.parametrize("refit", [True, False])
def test_intervals_equal_those_of_a_loop_by_hand(model: dict[str, Any], refit: bool) -> None:
    y, model = ragged(a=60, b=54), {"intervals": Conformal(horizon=4, n_windows=3), "season_length": 4} | model
    expected = by_hand(tiny(**model), y, 4, n_windows=2, refit=int(refit) or 9, **LEVELS)
    found = tiny(**model).cross_validation(y, 4, n_windows=2, refit=refit, baselines="naive", **LEVELS)
    same(found, expected)
    names = [name.replace("RNN", "Naive") for name in BANDS]
    assert found.columns.tolist() == ["unique_id", "ds", "cutoff", "y", *BANDS, *names]
    assert (found["Naive-lo-80"] < found["Naive-lo-60"]).all() and (found["Naive_ql0.5"] == found["Naive"]).all()
    plain = tiny(**model).cross_validation(y, 4, n_windows=2, refit=refit)
    np.testing.assert_array_equal(found["RNN"], plain["RNN"])
    coverage = metrics.evaluate(found, ["coverage", "interval_score", "pinball"], by=None)
    assert len(coverage) == 5 and coverage[["RNN", "Naive"]].notna().all(axis=None)


@pytest.mark.filterwarnings("ignore:y. series .* times as far from the values beside it")  # the garbage
def test_calibration_sees_nothing_behind_a_cutoff() -> None:
    y = ragged(a=60, b=54)
    first = y.index.isin(ends_of_series(y, 8).index)
    garbage = y.assign(y=np.where(first, y["y"], 1e9))
    model = tiny(intervals=Conformal(horizon=4, n_windows=3), season_length=4)
    tables = [model.cross_validation(data, 4, n_windows=2, **LEVELS) for data in (garbage, y)]
    early = tables[1]["cutoff"] == tables[1]["cutoff"].min()
    found, expected = (table[early].drop(columns="y") for table in tables)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize(("refit", "fits"), [(True, 4), (2, 2), (3, 2), (False, 1), ("update", 1)])
def test_counts_of_fits(refit: bool | int | str, fits: int) -> None:
    """The callback of `fit` is called once in a fit of so few steps."""
    seen = []
    model = tiny()
    model.cross_validation(monthly(60), 3, n_windows=4, refit=refit, callback=lambda look: seen.append(look.update))
    assert seen == [10] * fits


def test_the_forecaster_is_not_changed() -> None:
    y = monthly(60)
    model = tiny(random_state=np.random.RandomState(3), intervals=Conformal(horizon=3)).fit(y)
    before, state = model.predict(3, level=80), model.random_state.get_state()[1].copy()
    first, second = (model.cross_validation(y[:-5], 3, n_windows=2, level=80) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(model.predict(3, level=80), before)
    np.testing.assert_array_equal(model.random_state.get_state()[1], state)
    new = tiny()
    new.cross_validation(y, 3, n_windows=1)
    assert not hasattr(new, "_model")


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_side_by_side(backend: str) -> None:
    y, model = ragged(), tiny(n_jobs=1)
    expected = model.cross_validation(y, 4, baselines="drift")
    with joblib.parallel_config(backend, n_jobs=2):
        pd.testing.assert_frame_equal(model.cross_validation(y, 4, baselines="drift"), expected)
    with joblib.parallel_config(backend):
        pd.testing.assert_frame_equal(model.cross_validation(y, 4, baselines="drift", n_jobs=2), expected)


def test_windows_in_several_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many windows of many series are not prepared all at once; it changes nothing."""
    y = ragged()
    expected = tiny().cross_validation(y, 4, n_windows=4, refit=False)
    monkeypatch.setattr(run, "AT_ONCE", 200)
    sizes = []
    monkeypatch.setattr(run, "cut", lambda read, series, *rows: sizes.append(len(series)) or cut(read, series, *rows))
    pd.testing.assert_frame_equal(tiny().cross_validation(y, 4, n_windows=4, refit=False), expected)
    assert sizes == [3, 3, 6]


def test_max_length_is_what_a_fit_sees() -> None:
    """The same as of series that begin so many rows before the cutoff."""
    y = monthly(60)
    cv = tiny().cross_validation(y, 4, n_windows=2, max_length=30)
    for cutoff, part in cv.groupby("cutoff"):
        known = y[:cutoff][-30:]
        np.testing.assert_array_equal(part["RNN"], tiny().fit(known).predict(4))
    rolled = tiny().cross_validation(y, 4, n_windows=2, max_length=30, refit=False)
    last = tiny().fit(y[:-8][-30:]).predict(4, y=y[:-4][-30:])
    np.testing.assert_array_equal(rolled["RNN"][4:], last)
    few = tiny().cross_validation(y, 4, max_length=8, refit=False)  # the last 8 begin where the fit ended
    assert len(few) == 12 and few["RNN"].notna().all()


def test_windows_of_series_of_other_ends() -> None:
    """Each series has its cutoffs from its own end; rows keep to their keys in any order of series."""
    parts = {10: monthly(60), 9: monthly(50, 1)[:-7], "T11": monthly(55, 2)[:-20]}
    y = long_of(parts)
    cv = tiny().cross_validation(y, 4, n_windows=2, step_size=2)
    assert cv["unique_id"].drop_duplicates().tolist() == list(parts)
    for name, one in parts.items():
        own = cv[cv["unique_id"] == name]
        assert own["cutoff"].tolist() == [one.index[-7]] * 4 + [one.index[-5]] * 4
        assert own["ds"].tolist() == [*one.index[-6:-2], *one.index[-4:]]
        assert own["y"].tolist() == [*one[-6:-2], *one[-4:]]
    shuffled = pd.concat(dict(tuple(y.groupby("unique_id", sort=False))).values()).sort_values("ds", kind="stable")
    found = tiny().cross_validation(shuffled, 4, n_windows=2, step_size=2)
    order = found["unique_id"].drop_duplicates().tolist()
    again = tiny().cross_validation(y.set_index("unique_id").loc[order].reset_index(), 4, n_windows=2, step_size=2)
    pd.testing.assert_frame_equal(found, again)


def test_what_no_fit_would_give_is_refused_before_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RNNForecaster, "fit", None)
    with pytest.raises(ValueError, match="level and quantiles need intervals, and this one is without"):
        tiny(intervals=None).cross_validation(monthly(60), 4, level=80)
    with pytest.raises(ValueError, match="n_jobs must be None or an int other than 0. Got 0"):
        tiny().cross_validation(monthly(60), 4, n_jobs=0)


def test_series_that_are_too_short() -> None:
    """They are left out of the windows that they lack, with one warning; the others are those of a panel without."""
    y = long_of({"long": monthly(60), "short": monthly(12, 1), "tiny": monthly(6, 2)})
    with pytest.warns(UserWarning, match="2 of 3 series are too short") as seen:
        cv = tiny().cross_validation(y, 4, n_windows=3)
    assert len(seen) == 1 and "for 1 of them all windows" in str(seen[0].message) and "'short'" in str(seen[0].message)
    assert "need 16 values" in str(seen[0].message)
    assert cv.groupby("unique_id")["cutoff"].nunique().to_dict() == {"long": 3, "short": 2}
    alone = tiny().cross_validation(y[y["unique_id"] == "long"], 4, n_windows=3)
    first = cv["cutoff"].min()
    pd.testing.assert_frame_equal(
        *(table[table["cutoff"] == first] for table in (cv[cv["unique_id"] == "long"], alone))
    )


def test_series_too_short_for_the_fit() -> None:
    """A global network forecasts them from later cutoffs all the same, local ones cannot."""
    y = long_of({"long": monthly(60), "short": monthly(12, 1)})
    counts = []
    for model in (tiny(), tiny(global_model=False)):
        with pytest.warns(UserWarning, match="1 of 2 series"):
            cv = model.cross_validation(y, 4, n_windows=3, refit=False)
        counts.append(cv["unique_id"].value_counts().to_dict())
    assert counts == [{"long": 12, "short": 8}, {"long": 12}]


def test_windows_that_no_series_has() -> None:
    y = monthly(20)
    with pytest.warns(UserWarning, match="1 of 1 series"):
        cv = tiny().cross_validation(y, 6, n_windows=5, refit=False)
    assert cv["cutoff"].unique().tolist() == [y.index[-13], y.index[-7]]
    with pytest.raises(ValueError, match="the longest, 's0', has 20 values, but a window needs 24") as raised:
        tiny(context_length=15).cross_validation(y, 6, gap=2)
    assert "16 to learn from and 8 behind the cutoff" in str(raised.value)


def test_never_forecasts_other_series() -> None:
    y, others = monthly(60), ragged(b=40, c=30)
    model = tiny().fit(y)
    cv = model.cross_validation(others, 5, n_windows=2, refit="never")
    for window, behind in enumerate((10, 5)):
        known = ends_of_series(others, behind)
        expected = model.predict(5, y=known)
        part = cv[cv.groupby("unique_id")["cutoff"].rank("dense").eq(window + 1)]
        np.testing.assert_array_equal(part["RNN"], expected["RNN"])
    later = pd.concat([y, monthly(72, 5, "2020-01-01")[:12].rename(y.name)])
    cv = model.cross_validation(later, 6, n_windows=2, refit="never")
    assert cv["cutoff"].min() == y.index[-1]
    with pytest.raises(
        ValueError, match="refit='never' is for values that fit has not seen, but it knew series 's0' up"
    ):
        model.cross_validation(later, 6, n_windows=3, refit="never")
    with pytest.raises(TypeError, match="its times were of kind 'datetime', and are now 'integer'"):
        model.cross_validation(y.reset_index(drop=True), 6, refit="never")


def test_static_categories() -> None:
    y = ragged(b=44, a=60, c=12)
    static = pd.DataFrame({"kind": ["x", "y", "x"]}, index=["a", "b", "c"])
    with pytest.warns(UserWarning, match="1 of 3 series"):
        cv = tiny().cross_validation(y, 4, n_windows=3, refit=False, static=static)
    model = tiny().fit(ends_of_series(y, 12).query("unique_id != 'c'"), static=static)
    expected = model.predict(4, y=ends_of_series(y, 4), static=static)
    last = cv[cv["cutoff"] == cv["cutoff"].max()]
    np.testing.assert_array_equal(last["RNN"], expected["RNN"])


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"refit": 0}, ValueError, "refit must be True, False, an int >= 1"),
    ({"refit": "always"}, ValueError, "'update' or 'never'. Got 'always'"),
    ({"gap": -1}, ValueError, "gap must be an int >= 0"),
    ({"gap": True}, ValueError, "gap must be an int >= 0"),
    ({"n_windows": 0}, ValueError, "n_windows must be an int >= 1"),
    ({"step_size": 2.5}, TypeError, "step_size must be an int >= 1"),
    ({"max_length": 0}, ValueError, "max_length must be an int >= 1"),
    ({"max_length": 3}, ValueError, "max_length=3 is less than the 4 values that a fit needs"),
    ({"baselines": "mean"}, ValueError, "baselines: there is no 'mean', but 'naive', 'seasonal_naive', 'drift'"),
    ({"callback": 3}, TypeError, "callback must be"),
    ({"target_col": "cutoff"}, ValueError, "two columns would be called 'cutoff'"),
]


@pytest.mark.parametrize(("options", "error", "words"), BAD)
def test_options_that_are_refused(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        tiny().cross_validation(monthly(60), 3, **options)


def test_what_else_is_refused() -> None:
    y = monthly(60)
    with pytest.raises(ValueError, match="h must be an int >= 1"):
        tiny().cross_validation(y, 0)
    with pytest.raises(ValueError, match="two columns would be called 'Naive'"):
        tiny(alias="Naive").cross_validation(y, 3, baselines="naive")
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        RNNForecaster(hidden_layer_sizes=0).cross_validation(y, 3)
    with pytest.raises(Exception, match="not fitted"):
        tiny().cross_validation(y, 3, refit="never")
    with warnings.catch_warnings(), pytest.raises(ValueError, match="contains NaN"):
        tiny().cross_validation(y.where(y.index != y.index[-1]), 3)


def test_a_horizon_without_end_needs_no_memory() -> None:
    with pytest.raises(ValueError, match="no series is long enough for a window: .* but a window needs 1000000000004"):
        tiny().cross_validation(monthly(20), 10**12, n_windows=1, refit=False)
