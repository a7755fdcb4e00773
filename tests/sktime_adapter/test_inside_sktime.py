"""Backtests, searches, pipelines and reconciliation of sktime around the adapters; the page of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecastrnn.datasets import load_airline

pytest.importorskip("sktime")

from sktime.classification.compose import ClassifierPipeline  # noqa: E402
from sktime.forecasting.compose import ForecastingPipeline, TransformedTargetForecaster  # noqa: E402
from sktime.forecasting.model_evaluation import evaluate  # noqa: E402
from sktime.forecasting.model_selection import ForecastingGridSearchCV  # noqa: E402
from sktime.forecasting.reconcile import ReconcilerForecaster  # noqa: E402
from sktime.performance_metrics.forecasting.probabilistic import PinballLoss  # noqa: E402
from sktime.split import ExpandingWindowSplitter  # noqa: E402
from sktime.transformations.detrend import Detrender  # noqa: E402
from sktime.transformations.difference import Differencer  # noqa: E402
from sktime.transformations.series.exponent import ExponentTransformer  # noqa: E402
from sktime.utils._testing.panel import _make_panel  # noqa: E402

from forecastrnn.sktime_adapter import SktimeClassifier, SktimeForecaster, SktimeRegressor  # noqa: E402

pytestmark = [
    pytest.mark.sktime,
    pytest.mark.filterwarnings("ignore:The default of config:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Found elements in the index of X named '__total':UserWarning"),
]

QUICK = {"hidden_layer_sizes": (4,), "n_members": 1, "max_steps": 10, "context_length": 6, "intervals": "paths",
         "random_state": 0}  # fmt: skip
WINDOWS = ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=120, step_length=12)


def airline() -> pd.Series:
    return load_airline().to_period("M")


@pytest.mark.parametrize("strategy", ["refit", "update", "no-update_params"])
def test_evaluate(strategy: str) -> None:
    found = evaluate(SktimeForecaster(**QUICK), WINDOWS, airline(), strategy=strategy, error_score="raise")
    assert len(found) == 2 and (found["test_MeanAbsolutePercentageError"] < 0.2).all()


def test_evaluate_intervals() -> None:
    found = evaluate(
        SktimeForecaster(**QUICK), WINDOWS, airline(), scoring=PinballLoss(alpha=[0.1, 0.9]), error_score="raise"
    )
    assert np.isfinite(found["test_PinballLoss"]).all()


def test_grid_search() -> None:
    grid = {"cell": ["gru", "lstm"], "hidden_layer_sizes": [(2,), (4,)]}
    search = ForecastingGridSearchCV(SktimeForecaster(**QUICK), WINDOWS, grid, error_score="raise").fit(airline())
    assert len(search.cv_results_) == 4 and search.best_params_.keys() == grid.keys()
    assert search.predict([1, 2]).notna().all()


def test_pipelines_of_the_target() -> None:
    steps = [("log", ExponentTransformer(0.5)), ("trend", Detrender()), ("network", SktimeForecaster(**QUICK))]
    pipe = TransformedTargetForecaster(steps).fit(airline())
    bands = pipe.predict_interval([1, 3])
    found = pipe.predict([1, 3])
    assert (bands.iloc[:, 0] <= found).all() and (found <= bands.iloc[:, 1]).all()
    assert pipe.update(airline()[-3:], update_params=False).predict([1, 3]).equals(found)


def test_pipelines_of_covariates() -> None:
    y = airline()
    X = pd.DataFrame({"x": np.arange(len(y)) % 5 * 1.0}, index=y.index)
    pipe = ForecastingPipeline([("change", Differencer()), ("network", SktimeForecaster(**QUICK))])
    assert pipe.fit(y[:-4], X=X[:-4]).predict([1, 4], X=X[-4:]).index.equals(y.index[[-4, -1]])


def test_a_hierarchy_is_reconciled() -> None:
    days = pd.date_range("2024-01-01", periods=40)
    parts = {(region, shop): pd.DataFrame({"sold": 9.0 + np.sin(np.arange(40) * k)}, index=days)
             for region, shop, k in [("n", "a", 1), ("n", "b", 2), ("s", "c", 3)]}  # fmt: skip
    y = pd.concat(parts, names=["region", "shop", "day"])
    found = ReconcilerForecaster(SktimeForecaster(**QUICK), method="ols").fit(y).predict([1, 2])
    total = found.loc["__total", "__total"]["sold"]
    leaves = found[found.index.get_level_values("shop") != "__total"].groupby(level="day")["sold"].sum()
    np.testing.assert_allclose(total, leaves)


def waves(unequal: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Slow and fast waves of two channels, and which they are."""
    rng, kinds = np.random.default_rng(0), np.arange(24) % 2
    lengths = rng.integers(15, 30, 24) if unequal else np.full(24, 20)
    frames = {
        k: pd.DataFrame({"a": np.sin(np.arange(n) * (0.3 + 0.9 * kind)), "b": rng.normal(size=n)})
        for k, (n, kind) in enumerate(zip(lengths, kinds))
    }
    return pd.concat(frames, names=["instance", "time"]), kinds


@pytest.mark.parametrize("unequal", [False, True])
def test_panels_of_any_lengths(unequal: bool) -> None:
    X, kinds = waves(unequal)
    labels = np.where(kinds == 1, "fast", "slow")
    classifier = SktimeClassifier(hidden_layer_sizes=8, max_iter=60, random_state=0).fit(X, labels)
    assert classifier.score(X, labels) > 0.9
    np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1.0, atol=1e-6)
    regressor = SktimeRegressor(hidden_layer_sizes=8, max_iter=60, random_state=0).fit(X, kinds * 1.0)
    assert regressor.score(X, kinds * 1.0) > 0.5
    two = SktimeRegressor(hidden_layer_sizes=4, max_iter=2, random_state=0)
    assert two.fit(X, pd.DataFrame({"u": kinds * 1.0, "v": 1.0 - kinds})).predict(X).shape == (24, 2)


def test_channels_and_times_are_not_mixed_up() -> None:
    X, kinds = waves(unequal=False)
    array = X.to_numpy().reshape(24, 20, 2).transpose(0, 2, 1)
    model = SktimeClassifier(hidden_layer_sizes=4, max_iter=3, random_state=0)
    np.testing.assert_array_equal(
        model.fit(X, kinds).predict_proba(X), model.clone().fit(array, kinds).predict_proba(array)
    )
    assert model.classifier_.n_features_in_ == 2


def test_missing_values_of_panels_are_refused() -> None:
    X, kinds = waves(unequal=False)
    with pytest.raises(ValueError, match="missing values"):
        SktimeClassifier(max_iter=2).fit(X.where(X > -0.99), kinds)


def test_classification_pipeline() -> None:
    X = _make_panel(n_instances=12, n_columns=2, random_state=0)
    labels = np.array(["a", "b"] * 6)
    pipe = ClassifierPipeline(SktimeClassifier(hidden_layer_sizes=4, max_iter=3), [Differencer()]).fit(X, labels)
    assert set(pipe.predict(X)) <= {"a", "b"}


def test_the_page_of_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "sktime.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for code in re.findall(r"```py\n(.*?)```", page, re.DOTALL):
        exec(compile(code, "sktime.md", "exec"), names)
