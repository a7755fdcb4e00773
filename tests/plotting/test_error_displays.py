"""What pictures of errors, coverage and training draw, and what they refuse."""

from __future__ import annotations

from typing import Any

import matplotlib.dates as dates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from forecastrnn import EarlyStopping, RNNForecaster, RNNRegressor
from forecastrnn.metrics import evaluate
from forecastrnn.plotting import BacktestDisplay, CoverageDisplay, ForecastDisplay, LossCurveDisplay, ResidualDisplay
from support.forecaster_cases import monthly, panel, quick

H, WINDOWS = 4, 3


@pytest.fixture(scope="module")
def y() -> pd.Series:
    return monthly(72)


@pytest.fixture(scope="module")
def cv(y: pd.Series) -> pd.DataFrame:
    model = quick(intervals="conformal")
    return model.cross_validation(y, H, n_windows=WINDOWS, refit=False, level=[50, 80], baselines="naive")


@pytest.fixture(scope="module")
def random_panel() -> pd.DataFrame:
    """Forecasts of five series from eight times, which hold what they promise."""
    rng, rows = np.random.default_rng(0), []
    for name in "abcde":
        for cutoff in range(0, 32, 4):
            mean, spread = rng.normal(10, 2, 4), 1.5
            rows.append(pd.DataFrame({"unique_id": name, "ds": cutoff + np.arange(1, 5), "cutoff": cutoff,
                                      "y": rng.normal(mean, spread), "m": mean, "m-lo-80": mean - 1.2816 * spread,
                                      "m-hi-80": mean + 1.2816 * spread, "m-lo-20": mean - 0.2533 * spread,
                                      "m-hi-20": mean + 0.2533 * spread}))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def labels(ax: Axes) -> list[str]:
    return ax.get_legend_handles_labels()[1]


def test_frames_of_a_file_have_dates_as_texts(cv: pd.DataFrame, y: pd.Series) -> None:
    texts, known = cv.astype({"ds": str, "cutoff": str}), y.set_axis(y.index.strftime("%Y-%m-%d"))
    display = BacktestDisplay.from_predictions(texts, history=known)
    expected = BacktestDisplay.from_predictions(cv, history=y)
    for one, other in zip(display.axes_[0].lines, expected.axes_[0].lines, strict=True):
        np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())


# Backtests --------------------------------------------------------------------------------------------------------
def test_a_backtest_draws_each_cutoff_in_a_colour_of_its_own(cv: pd.DataFrame, y: pd.Series) -> None:
    display = BacktestDisplay.from_predictions(cv, history=y, level=80)
    ax, below = display.axes_
    observed, *others = ax.lines
    np.testing.assert_array_equal(observed.get_ydata(), y[-(WINDOWS + 2) * H :])
    forecasts = [line for line in others if len(line.get_xdata()) == H]
    np.testing.assert_array_equal([line.get_ydata() for line in forecasts], cv["RNN"].to_numpy().reshape(-1, H))
    assert len({line.get_color() for line in forecasts}) == len(ax.collections) == WINDOWS
    borders = [line.get_xdata()[0] for line in others if len(line.get_xdata()) == 2]
    np.testing.assert_array_equal(borders, dates.date2num(cv["cutoff"].unique()))
    assert labels(ax) == ["observed", "forecasts, a colour for each cutoff"]
    assert labels(below) == ["RNN", "10% to 90% of errors", "Naive"]


def test_errors_by_step_are_those_of_evaluate(cv: pd.DataFrame) -> None:
    below = BacktestDisplay.from_predictions(cv).axes_[-1]
    expected = evaluate(cv, "mae", by="step")
    for line, model in zip(below.lines, ("RNN", "Naive"), strict=True):
        np.testing.assert_allclose(line.get_ydata(), expected[model])
    assert below.get_ylabel() == "absolute error" and below.get_xlabel() == "step ahead"


def test_series_with_the_largest_errors_are_drawn_or_those_named(random_panel: pd.DataFrame) -> None:
    worse = random_panel.assign(m=random_panel["m"] + 9.0 * (random_panel["unique_id"] == "c"))
    display = BacktestDisplay.from_predictions(worse, max_series=2)
    assert display.ids[0] == "c" and [ax.get_ylabel() for ax in display.axes_[:1]] == ["c"]
    assert display.axes_[-1].get_ylabel() == "error / mean change"
    assert BacktestDisplay.from_predictions(worse, ids=["d", "a"]).ids == ["d", "a"]


def test_a_forecaster_is_tested_and_drawn(y: pd.Series) -> None:
    wide = panel()
    model = quick()
    display = BacktestDisplay.from_estimator(model, wide, H, n_windows=2, refit=False, ids="b")
    expected = model.cross_validation(wide, H, n_windows=2, refit=False)
    np.testing.assert_array_equal(display.origins.frame["RNN"], expected["RNN"])
    assert display.ax_.get_ylabel() == "b"


# Coverage ---------------------------------------------------------------------------------------------------------
def test_coverage_is_that_of_evaluate_and_drawn_by_level_and_step(random_panel: pd.DataFrame) -> None:
    display = CoverageDisplay.from_predictions(random_panel)
    expected = evaluate(random_panel, "coverage", by=None)["m"] / 100
    np.testing.assert_allclose(display.coverage_, expected)
    np.testing.assert_allclose(display.levels_, [0.2, 0.8])
    first, second, third = display.axes_
    found = next(line for line in first.lines if line.get_label() == "found")
    np.testing.assert_allclose(found.get_ydata(), 100 * expected)
    by_step = evaluate(random_panel, "coverage", level=80, by="step")["m"]
    np.testing.assert_allclose(second.lines[0].get_ydata(), by_step)
    shares = third.patches[0].get_data()
    np.testing.assert_allclose(shares.edges, [0, 0.1, 0.4, 0.6, 0.9, 1])
    assert (shares.values * np.diff(shares.edges)).sum() == pytest.approx(1.0)


def test_the_band_of_chance_counts_series_and_cutoffs(random_panel: pd.DataFrame) -> None:
    band = CoverageDisplay.from_predictions(random_panel).ax_.collections[0].get_paths()[0].vertices
    at = band[np.isclose(band[:, 0], 50), 1]
    assert (at.max() - at.min()) / 2 == pytest.approx(196 * np.sqrt(0.25 / 40))


# Residuals --------------------------------------------------------------------------------------------------------
def test_residuals_are_what_came_less_what_was_forecast(cv: pd.DataFrame) -> None:
    display = ResidualDisplay.from_predictions(cv, step=2)
    rows = cv.groupby("cutoff").nth(1)
    np.testing.assert_allclose(display.residuals_, rows["y"] - rows["RNN"])
    over, histogram, _ = display.axes_
    np.testing.assert_array_equal(over.lines[-1].get_xdata(), dates.date2num(rows["ds"]))
    assert sum(bar.get_height() for bar in histogram.patches) == WINDOWS


def test_autocorrelation_is_that_of_numpy() -> None:
    rng = np.random.default_rng(1)
    errors = pd.Series(np.convolve(rng.normal(size=60), [1, 0.8], "same"))
    display = ResidualDisplay.from_predictions(errors * 0.0, truth=errors)
    drawn = [segment[1, 1] for segment in display.axes_[2].collections[0].get_segments()]
    centred = errors.to_numpy() - errors.mean()
    expected = [(centred[lag:] * centred[:-lag]).sum() / (centred**2).sum() for lag in range(1, 31)]
    np.testing.assert_allclose(drawn, expected)


def test_a_forecaster_takes_one_step_from_each_of_the_last_times(y: pd.Series) -> None:
    display = ResidualDisplay.from_estimator(quick(), y, n_windows=5)
    assert len(display.residuals_) == 5 and display.axes_[0].get_ylabel() == "error"


# Training ---------------------------------------------------------------------------------------------------------
def test_losses_of_members_their_mean_and_the_rates_are_drawn(y: pd.Series) -> None:
    model = quick(n_members=2, max_steps=120).fit(y)
    display = LossCurveDisplay.from_estimator(model)
    mean, *members = display.ax_.lines
    np.testing.assert_allclose(mean.get_ydata(), model.loss_curve_)
    np.testing.assert_array_equal(mean.get_xdata(), [50, 100, 150])
    np.testing.assert_array_equal([line.get_ydata() for line in members], model.training_curves_.losses)
    rates = model.training_curves_.rates
    assert len(rates) == 3 and rates[-1] < rates[0] and display.score_ax_ is None


def test_scores_have_an_axis_of_their_own_and_what_was_kept_a_line() -> None:
    X = np.random.default_rng(0).normal(size=(40, 5))
    model = RNNRegressor(hidden_layer_sizes=4, max_iter=6, early_stopping=True, random_state=0).fit(X, X.sum(axis=1))
    display = LossCurveDisplay.from_estimator(model)
    (scores,) = display.score_ax_.lines
    np.testing.assert_allclose(scores.get_ydata(), model.validation_scores_)
    assert display.ax_.lines[1].get_xdata()[0] == model.best_iter_ and display.ax_.get_xlabel() == "epoch"
    assert model.training_curves_.rates == []


def test_scores_of_all_members_are_drawn(y: pd.Series) -> None:
    model = quick(n_members=2, max_steps=120, early_stopping=EarlyStopping(patience=5)).fit(y)
    curves = model.training_curves_
    assert [len(one) for one in curves.scores] == [len(one) for one in curves.losses]
    assert len(LossCurveDisplay.from_estimator(model).score_ax_.lines) == 3


def test_rates_of_earlier_fits_are_not_known(y: pd.Series) -> None:
    model: RNNForecaster = quick(max_steps=100, warm_start=True).fit(y).fit(y)
    rates = model.training_curves_.rates
    assert np.isnan(rates[:2]).all() and np.isfinite(rates[2:]).all() and len(rates) == 4
    LossCurveDisplay.from_estimator(model)


# Refused ----------------------------------------------------------------------------------------------------------
NO_TRUTH = pd.DataFrame({"unique_id": "a", "ds": [1, 2], "m": 1.0})


@pytest.mark.parametrize(
    ("display", "frame", "options", "said"),
    [
        (BacktestDisplay, NO_TRUTH, {}, "no column 'y' .target_col. of what came; give truth="),
        (BacktestDisplay, NO_TRUTH.assign(y=1.0), {"ids": "b"}, "ids: there are no forecasts of 'b'"),
        (BacktestDisplay, NO_TRUTH.assign(y=1.0), {"level": 80}, "level=80 is not there: the forecasts have no inter"),
        (BacktestDisplay, NO_TRUTH.assign(y=np.nan), {}, "what came is known at no time of the forecasts"),
        (CoverageDisplay, NO_TRUTH.assign(y=1.0), {}, "forecasts has no intervals of 'm'; cross_validation.level="),
        (ResidualDisplay, NO_TRUTH.assign(y=1.0), {}, "forecasts has 2 errors of step 1; there must be 3 or more"),
        (ResidualDisplay, NO_TRUTH.assign(y=1.0), {"model": "x"}, "models: there are no forecasts of 'x'"),
    ],
)
def test_what_is_not_there_is_refused(display: Any, frame: pd.DataFrame, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        display.from_predictions(frame, **options)
    assert not plt.get_fignums()


def test_axes_must_be_as_many_as_there_are_panels(random_panel: pd.DataFrame) -> None:
    _, axes = plt.subplots(2, 2)
    with pytest.raises(
        ValueError, match="ax must be an array of 3 Axes of Matplotlib, or None for a new figure. Got 4"
    ):
        CoverageDisplay.from_predictions(random_panel, ax=axes)
    assert CoverageDisplay.from_predictions(random_panel, ax=axes.ravel()[:3]).axes_ == list(axes.ravel()[:3])


@pytest.mark.parametrize("argument", ["history", "truth"])
def test_times_of_all_frames_are_of_one_kind(argument: str, y: pd.Series) -> None:
    forecast = y[-12:].rename("RNN")
    with pytest.raises(TypeError, match=f"datetimes without .* of {argument} holds integers; lists and arrays have no"):
        ForecastDisplay.from_predictions(forecast, **{argument: y.to_numpy()})
    with pytest.raises(TypeError, match=f"of {argument} holds periods M; use to_timestamp"):
        ForecastDisplay.from_predictions(forecast, **{argument: y.to_period("M")})
    paris = forecast.tz_localize("Europe/Paris")
    display = ForecastDisplay.from_predictions(paris, **{argument: paris.tz_convert("UTC")})
    assert getattr(display, argument)["ds"].tolist() == paris.index.tolist()


def test_a_truth_of_other_times_is_told_of(y: pd.Series) -> None:
    with pytest.warns(UserWarning, match="truth has no row of the series and times of the forecasts, .* none is drawn"):
        ForecastDisplay.from_predictions(y[-12:], truth=y[:3])
