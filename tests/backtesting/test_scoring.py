"""score, RollingOrigin, and scikit-learn's searches on one series, a wide and a long frame."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score

from forecastrnn import Direct, RNNForecaster
from forecastrnn.estimators.scoring import ERRORS
from forecastrnn.metrics import evaluate
from forecastrnn.model_selection import ForecastScore, RollingOrigin
from support.backtest_cases import ends_of_series, ragged, tiny
from support.forecaster_cases import long_of, mase, monthly

LONG = ragged(a=60, b=44)
WIDE = pd.DataFrame({"a": monthly(48, 1), "b": monthly(48, 2)})


def mean_mase(cv: pd.DataFrame, y: Any, by: str) -> np.ndarray:
    """Of each cutoff, the mean over series."""
    return evaluate(cv, "mase", train=y, by=by)["RNN"].to_numpy()


def test_score_is_minus_mase_of_what_follows() -> None:
    y = monthly(60)
    model = tiny().fit(y[:-5])
    assert model.score(y[-5:]) == pytest.approx(-mase(y, model.predict(5).to_numpy(), 12), rel=1e-12)
    assert model.score(y[-5:-3]) == pytest.approx(-mase(y[:-3], model.predict(2).to_numpy(), 12), rel=1e-12)
    assert model.score(y[-5:-4].rename(None)) == pytest.approx(
        -mase(y[:-4], model.predict(1).to_numpy(), 12), rel=1e-12
    )


def test_score_of_a_panel() -> None:
    """The mean over series of what `evaluate` gives; series may be absent, and of several lengths."""
    known, came = ends_of_series(LONG, 6), LONG.drop(ends_of_series(LONG, 6).index)
    model = tiny().fit(known)
    table = evaluate(model.predict(6), "mase", truth=came, train=known).set_index("unique_id")["RNN"]
    assert model.score(came) == pytest.approx(-table.mean(), rel=1e-12)
    assert model.score(came[::-1].sort_values("ds", kind="stable")) == pytest.approx(-table.mean(), rel=1e-12)
    with pytest.warns(UserWarning, match=r"score: y has 1 of the 2 series of fit, and the others do not count"):
        assert model.score(came[came["unique_id"] == "b"]) == pytest.approx(-table["b"], rel=1e-12)
    weighted = model.score(came, sample_weight={"a": 3.0, "b": 1.0, "c": 5.0})
    assert weighted == pytest.approx(-(3 * table["a"] + table["b"]) / 4, rel=1e-12)
    assert model.score(came, sample_weight=pd.Series({"b": 0.0, "a": 2.0})) == pytest.approx(-table["a"], rel=1e-12)
    uneven = pd.concat([came[came["unique_id"] == "a"], came[came["unique_id"] == "b"][:2]])
    each = [evaluate(model.predict(6), "mase", truth=part, train=known, how="inner")["RNN"][0]
            for _, part in uneven.groupby("unique_id")]  # fmt: skip
    assert model.score(uneven) == pytest.approx(-np.mean(each), rel=1e-12)


@pytest.mark.parametrize("metric", ERRORS)
def test_score_by_another_metric(metric: str, tmp_path: Path) -> None:
    """Minus what `evaluate` gives; a file, which keeps no scales, scores by all but MASE."""
    model = tiny().fit(WIDE[:-6])
    expected = evaluate(model.predict(6), metric, truth=WIDE[-6:], train=WIDE[:-6])["RNN"].mean()
    assert model.score(WIDE[-6:], metric=metric) == pytest.approx(-expected, rel=1e-12)
    assert ForecastScore(metric)(model, WIDE[-6:]) == pytest.approx(-expected, rel=1e-12)
    if metric != "mase":
        model.save(tmp_path / "model.rnn")
        loaded = RNNForecaster.load(tmp_path / "model.rnn")
        assert loaded.score(WIDE[-6:], metric=metric) == pytest.approx(-expected, rel=1e-12)
    for wrong in ("neg_mean_absolute_error", "coverage", None):
        with pytest.raises(ValueError, match=f"metric must be one of 'mase', 'mae'.*Got {wrong!r}"):
            model.score(WIDE[-6:], metric=wrong)


def test_searches_by_metrics_of_ours() -> None:
    cv, scoring = RollingOrigin(4, n_windows=2), {name: ForecastScore(name) for name in ("mae", "smape")}
    search = GridSearchCV(tiny(), {"context_length": [6, 12]}, cv=cv, scoring=scoring, refit="mae", n_jobs=1)
    search.fit(WIDE["a"])
    found = search.cv_results_
    by_hand = cross_val_score(tiny(context_length=6), WIDE["a"], cv=cv, scoring=lambda m, y: m.score(y, metric="smape"))
    assert found["mean_test_smape"][0] == pytest.approx(by_hand.mean(), rel=1e-12)
    assert search.best_params_["context_length"] == (6, 12)[int(np.argmax(found["mean_test_mae"]))]
    assert pickle.loads(pickle.dumps(ForecastScore("mae"))) == ForecastScore("mae")


def test_score_leaves_out_what_has_no_scale() -> None:
    flat = WIDE.assign(b=5.0)
    model = tiny(season_length=12).fit(flat[:-4])
    assert model.score(flat[-4:]) == pytest.approx(-mase(flat["a"], model.predict(4)["a"].to_numpy(), 12), rel=1e-12)
    assert np.isnan(model.score(flat[-4:], sample_weight={"a": 0, "b": 1}))
    gaps = WIDE.copy()
    gaps.iloc[-2] = np.nan
    model = tiny(missing="mask").fit(gaps[:-4])
    rows = [0, 1, 3]
    errors = (gaps[-4:] - model.predict(4)).abs().iloc[rows].mean() / gaps[:-4].diff(12).abs().mean()
    assert model.score(gaps[-4:]) == pytest.approx(-errors.mean(), rel=1e-12)


def test_score_refuses_other_times_and_series(tmp_path: Path) -> None:
    model = tiny().fit(WIDE[:-6])
    begin = WIDE.index[-6]
    with pytest.raises(ValueError, match=f"'a' at {begin}. Got {WIDE.index[-5]}"):
        model.score(WIDE[-5:])
    with pytest.raises(ValueError, match="one step behind the end of fit"):
        model.score(WIDE[-8:])
    with pytest.raises(ValueError, match="unknown series: 'z'"):
        model.score(WIDE[-6:].rename(columns={"b": "z"}))
    with pytest.raises(ValueError, match="one step behind the end of fit"):
        model.score(WIDE[-6:].reset_index(drop=True))
    with pytest.raises(ValueError, match="y of score has steps of D .season 7., but the model was fitted on .* MS"):
        model.score(WIDE[-6:].set_axis(pd.date_range(begin, periods=6)))
    with pytest.raises(ValueError, match="sample_weight has none for series 'b'"):
        model.score(WIDE[-6:], sample_weight={"a": 1})
    with pytest.raises(ValueError, match="sample_weight must be finite and >= 0. Got -1.0"):
        model.score(WIDE[-6:], sample_weight={"a": 1, "b": -1})
    with pytest.raises(ValueError, match="h=6 is more than horizon=5"):
        tiny(strategy=Direct(5)).fit(WIDE[:-6]).score(WIDE[-6:])
    with pytest.raises(Exception, match="not fitted"):
        tiny().score(WIDE)
    model.save(tmp_path / "model.rnn")
    with pytest.raises(ValueError, match="which model files do not keep: fit again"):
        RNNForecaster.load(tmp_path / "model.rnn").score(WIDE[-6:])


FORMS: dict[str, Any] = {
    "series": WIDE["a"],
    "wide": WIDE,
    "long": LONG,
    "two levels": LONG.set_index(["unique_id", "ds"])["y"],
    "array": WIDE["a"].to_numpy(),
    "list": WIDE["a"].tolist(),
}


@pytest.mark.parametrize("form", FORMS)
def test_cross_val_score(form: str) -> None:
    """The same windows as those of `cross_validation`, scored by MASE."""
    y, model = FORMS[form], tiny(season_length=12)
    found = cross_val_score(model, y, cv=RollingOrigin(4, n_windows=2, step_size=3))
    cv = model.cross_validation(y, 4, n_windows=2, step_size=3)
    if form in ("long", "two levels"):  # whose series have cutoffs of their own
        cv = cv.assign(cutoff=cv.groupby("unique_id")["cutoff"].rank("dense"))
        parts = [
            evaluate(part.drop(columns="cutoff"), "mase", train=y)["RNN"].mean() for _, part in cv.groupby("cutoff")
        ]
    else:
        parts = mean_mase(cv, y, "cutoff")
    np.testing.assert_allclose(found, -np.array(parts), rtol=1e-12)


@pytest.mark.parametrize("form", ["series", "wide", "long"])
def test_grid_search(form: str) -> None:
    y = FORMS[form]
    search = GridSearchCV(tiny(), {"max_steps": [5, 10]}, cv=RollingOrigin(4, n_windows=2)).fit(y)
    for column, steps in enumerate((5, 10)):
        one = tiny(max_steps=steps)
        scores = cross_val_score(one, y, cv=RollingOrigin(4, n_windows=2))
        assert search.cv_results_["mean_test_score"][column] == scores.mean()
    best = tiny(**search.best_params_).fit(y)
    np.testing.assert_array_equal(search.predict(3).to_numpy()[..., -1], best.predict(3).to_numpy()[..., -1])


@pytest.mark.parametrize("form", ["series", "wide", "array"])
def test_time_series_split(form: str) -> None:
    """scikit-learn's splitter makes the same splits of rows that all series share."""
    y = FORMS[form]
    ours, theirs = RollingOrigin(5, n_windows=3), TimeSeriesSplit(3, test_size=5)
    for (train, test), (train_too, test_too) in zip(ours.split(y), theirs.split(y), strict=True):
        np.testing.assert_array_equal(train, train_too)
        np.testing.assert_array_equal(test, test_too)
    model = tiny()
    np.testing.assert_array_equal(cross_val_score(model, y, cv=ours), cross_val_score(model, y, cv=theirs))


def test_rows_of_splits() -> None:
    """Interleaved series of several lengths: rows by series, from the end of each."""
    y = long_of({"x": monthly(12), "y": monthly(9)}).sample(frac=1, random_state=0).sort_values("ds", kind="stable")
    splitter = RollingOrigin(2, n_windows=2, step_size=1, max_length=5)
    assert splitter.get_n_splits() == 2 and "n_windows=2" in repr(splitter)
    for (train, test), left in zip(splitter.split(y), (1, 0), strict=True):
        for _, own in y.reset_index(drop=True).groupby("unique_id"):
            end = len(own) - left
            assert own.index[np.isin(own.index, test)].tolist() == own.index[end - 2 : end].tolist()
            assert own.index[np.isin(own.index, train)].tolist() == own.index[end - 7 : end - 2].tolist()
    by_groups = RollingOrigin(2, n_windows=2, step_size=1, max_length=5).split(y["y"].to_numpy(), groups=y["unique_id"])
    for (train, test), (train_too, test_too) in zip(splitter.split(y), by_groups, strict=True):
        np.testing.assert_array_equal(train, train_too)
        np.testing.assert_array_equal(test, test_too)
    named = y.rename(columns={"unique_id": "shop"})
    assert len(next(RollingOrigin(2, n_windows=1, id_col="shop").split(named))[1]) == 4


def test_splits_of_series_that_are_too_short() -> None:
    y = long_of({"long": monthly(40), "short": monthly(9)})
    with pytest.warns(UserWarning, match="1 of 2 series have fewer than the 16 rows of all 3 windows") as seen:
        splits = list(RollingOrigin(4).split(y))
    assert len(seen) == 1
    assert [y.iloc[test]["unique_id"].nunique() for _, test in splits] == [1, 1, 2]
    assert [y.iloc[train]["unique_id"].nunique() for train, _ in splits] == [1, 1, 2]
    with pytest.raises(
        ValueError, match="the longest series has 40 rows, but 3 windows of h=12 behind at least 5 rows"
    ):
        next(RollingOrigin(12, min_length=5).split(y))
    for options, error in (({"h": 0}, ValueError), ({"h": 2, "step_size": 1.5}, TypeError)):
        with pytest.raises(error, match="must be an int >= 1"):
            next(RollingOrigin(**options).split(y))
