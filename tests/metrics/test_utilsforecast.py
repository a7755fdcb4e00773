"""Beside utilsforecast: the same numbers, and our frames pass through its `evaluate` and `plot_series` as they are."""

from __future__ import annotations

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.series import read_series, write_forecast
from forecastrnn.metrics import evaluate
from support.backtest_cases import ragged, tiny
from support.metric_cases import MODELS, QUANTILES, SEASON, Panel, one_origin, panel

losses = pytest.importorskip("utilsforecast.losses")
theirs = pytest.importorskip("utilsforecast.evaluation")
plotting = pytest.importorskip("utilsforecast.plotting")

# Ours, theirs, and how many of theirs make one of ours: they have fractions where we have percent.
POINT = [
    ("mae", losses.mae, 1.0), ("mse", losses.mse, 1.0), ("rmse", losses.rmse, 1.0), ("bias", losses.bias, 1.0),
    ("mape", losses.mape, 100.0), ("smape", losses.smape, 200.0), ("nd", losses.nd, 100.0),
    ("wape", losses.wape, 100.0), ("mase", partial(losses.mase, seasonality=SEASON), 1.0),
    ("rmsse", partial(losses.rmsse, seasonality=SEASON), 1.0),
    ("relative_mae", partial(losses.rmae, baseline="Naive2"), 1.0),
]  # fmt: skip
INTERVALS = [("coverage", losses.coverage, 100.0), ("interval_score", losses.winkler_score, 1.0)]


def plain(found: Panel) -> pd.DataFrame:
    """Without quantiles, which it takes for models."""
    return found.forecasts.drop(columns=[f"RNN_ql{q}" for q in QUANTILES])


def sorted_scores(table: pd.DataFrame, models: list[str]) -> np.ndarray:
    """In the order of series and cutoffs, which it sorts."""
    return table.sort_values(["unique_id", "cutoff"])[models].to_numpy()


@pytest.mark.parametrize(("name", "loss", "factor"), POINT, ids=[name for name, *_ in POINT])
def test_losses(name: str, loss: object, factor: float) -> None:
    found = panel(lengths=(30, 17, 24, 40))
    table = evaluate(
        found.forecasts, name, train=found.series, season_length=SEASON, benchmark="Naive2", by=["series", "cutoff"]
    )
    other = theirs.evaluate(plain(found), [loss], models=list(MODELS), train_df=found.series)
    np.testing.assert_allclose(
        sorted_scores(table, list(MODELS)), sorted_scores(other, list(MODELS)) * factor, rtol=1e-12
    )


@pytest.mark.parametrize(("name", "loss", "factor"), INTERVALS, ids=[name for name, *_ in INTERVALS])
def test_losses_of_intervals(name: str, loss: object, factor: float) -> None:
    found = panel()
    options = {"models": ["RNN"], "level": [80]}
    table = evaluate(found.forecasts, name, by=["series", "cutoff"], **options)
    other = theirs.evaluate(plain(found), [loss], **options)
    np.testing.assert_allclose(sorted_scores(table, ["RNN"]), sorted_scores(other, ["RNN"]) * factor, rtol=1e-12)
    assert other["metric"][0].endswith("_level80") and table["metric"][0] == f"{name}_level80"


@pytest.mark.parametrize(("name", "loss"), [("pinball", losses.mqloss), ("wql", losses.scaled_crps)])
def test_losses_of_quantiles(name: str, loss: object) -> None:
    found = panel()
    columns = [f"RNN_ql{q}" for q in QUANTILES]
    other = loss(found.forecasts, models={"RNN": columns}, quantiles=np.array(QUANTILES))
    table = evaluate(found.forecasts, name, models="RNN", by=["series", "cutoff"])
    np.testing.assert_allclose(sorted_scores(table, ["RNN"]), sorted_scores(other, ["RNN"]), rtol=1e-12)


def test_a_whole_evaluation_of_a_cross_validation() -> None:
    """All at once, averaged: every numeric column but the keys is a model."""
    found = panel(lengths=(30, 17, 24, 40))
    names, functions, factors = zip(*POINT[:10], strict=True)
    other = theirs.evaluate(plain(found), list(functions), train_df=found.series, agg_fn="mean", models=list(MODELS))
    table = evaluate(found.forecasts, names, train=found.series, season_length=SEASON, by="cutoff")
    assert table.groupby("metric").size().eq(other["cutoff"].nunique()).all()
    for name, factor in zip(names, factors, strict=True):
        ours, their = (t[t["metric"] == name].sort_values("cutoff")[list(MODELS)] for t in (table, other))
        np.testing.assert_allclose(ours, their * factor, rtol=1e-12)


def written(known: pd.DataFrame, h: int) -> pd.DataFrame:
    """Forecasts of a long frame as `predict` writes them, with an interval."""
    axis = read_series(known).axis
    values = np.random.default_rng(2).normal(10, 2, (axis.n_series, h))
    return write_forecast(axis, {"RNN": values, "RNN-lo-80": values - 2, "RNN-hi-80": values + 2}, h)


def test_predictions_pass_through_evaluate() -> None:
    found = panel(cutoffs=(8,))
    forecasts, known = one_origin(found)
    predicted = written(known, 5)
    together = predicted.merge(found.series, how="left", on=["unique_id", "ds"])
    mase = partial(losses.mase, seasonality=SEASON)
    other = theirs.evaluate(together, [losses.mae, mase, losses.coverage], train_df=known, level=[80])
    truth = forecasts[["unique_id", "ds", "y"]]
    table = evaluate(predicted, ["mae", "mase", "coverage"], truth=truth, train=known, season_length=SEASON)
    ours, their = (t.sort_values(["metric", "unique_id"]) for t in (table, other))
    assert ours.columns.tolist() == their.columns.tolist() == ["unique_id", "metric", "RNN"]
    factor = np.where(their["metric"] == "coverage_level80", 100.0, 1.0)
    np.testing.assert_allclose(ours["RNN"], their["RNN"] * factor, rtol=1e-12)


def test_backtests_pass_through() -> None:
    """What `cross_validation` gives, of a ragged panel with baselines, as it is: to `evaluate` and to `plot_series`."""
    y = ragged()
    y["unique_id"] = y["unique_id"].astype(str)
    cv = tiny().cross_validation(y, 4, refit=False, baselines=["naive", "seasonal_naive"])
    models = ["RNN", "Naive", "SeasonalNaive"]
    names, functions, factors = zip(
        *(case for case in POINT if case[0] not in ("relative_mae", "mase", "rmsse")), strict=True
    )
    season = cv.attrs["season_length"]
    scaled = [partial(losses.mase, seasonality=season), partial(losses.rmsse, seasonality=season)]
    other = theirs.evaluate(cv, [*functions, *scaled], train_df=y)
    assert other.columns.tolist() == ["unique_id", "cutoff", "metric", *models]
    table = evaluate(cv, [*names, "mase", "rmsse"], train=y, by=["series", "cutoff"])
    for name, factor in zip([*names, "mase", "rmsse"], [*factors, 1.0, 1.0], strict=True):
        ours, their = (t[t["metric"] == name] for t in (table, other))
        np.testing.assert_allclose(sorted_scores(ours, models), sorted_scores(their, models) * factor, rtol=1e-12)
    figure = plotting.plot_series(y, cv, models=models, level=[])
    assert len([axes for axes in figure.axes if axes.get_lines()]) == 3
    plt.close("all")


def test_frames_pass_through_plot_series() -> None:
    found = panel(cutoffs=(8,))
    _, known = one_origin(found)
    predicted = written(known, 5)
    figures = [plotting.plot_series(known, predicted, level=[80])]
    cut = found.forecasts.drop(columns="cutoff")  # a time is not a model
    figures.append(plotting.plot_series(found.series, cut, models=list(MODELS), ids=["s9"], level=[]))
    assert [len(figure.axes) for figure in figures] == [4, 1]
    lines = {line.get_label() for axes in figures[0].axes[:3] for line in axes.get_lines()}
    assert lines == {"y", "RNN"}
    assert all(len(axes.collections) == 1 for axes in figures[0].axes[:3])  # the interval
    plt.close("all")
