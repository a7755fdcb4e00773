"""What a picture of a forecast draws, for all forms of series, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.dates as dates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from sklearn.dummy import DummyRegressor

import forecastrnn
from forecastrnn import RNNForecaster, plotting
from forecastrnn.plotting import ForecastDisplay
from forecastrnn.plotting.canvas import Dates
from support.forecaster_cases import long_of, monthly, panel, quick

H = 6
BANDS = ["80% interval", "95% interval"]


@pytest.fixture(scope="module")
def y() -> pd.Series:
    return monthly(72)


@pytest.fixture(scope="module")
def model(y: pd.Series) -> RNNForecaster:
    return quick(intervals="conformal").fit(y[:-H])


@pytest.fixture(scope="module")
def wide_model() -> RNNForecaster:
    return quick().fit(panel()[:-H])


def line(ax: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Where a line is, of the label."""
    found = next(one for one in ax.lines if one.get_label() == label)
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def labels(ax: Axes) -> list[str]:
    return ax.get_legend_handles_labels()[1]


def indexed(wide: pd.DataFrame) -> pd.Series:
    return wide.T.stack().rename_axis(["shop", "day"])


def ends_of(band: Any, x: float) -> tuple[float, float]:
    """The lower and the upper end of a filled band at a place."""
    points = band.get_paths()[0].vertices
    at = points[np.isclose(points[:, 0], x), 1]
    return at.min(), at.max()


# One series -----------------------------------------------------------------------------------------------------
def test_lines_and_bands_are_the_values_of_the_forecast(model: RNNForecaster, y: pd.Series) -> None:
    display = model.plot(H, truth=y[-H:])
    ax, expected = display.ax_, model.predict(H, level=[80, 95])
    assert labels(ax) == ["observed", "truth", "forecast", *BANDS] and display.axes_ == [ax]
    x, values = line(ax, "forecast")
    np.testing.assert_array_equal(values, expected["RNN"])
    np.testing.assert_array_equal(x, dates.date2num(expected.index))
    np.testing.assert_array_equal(line(ax, "truth")[1], y[-H:])
    np.testing.assert_array_equal(line(ax, "observed")[1], y[:-H][-24:])
    for band, level in zip(ax.collections, (80, 95), strict=True):
        found = np.array([ends_of(band, at) for at in x])
        np.testing.assert_allclose(found, expected[[f"RNN-lo-{level}", f"RNN-hi-{level}"]])
    assert ax.get_ylabel() == y.name


def test_the_wider_band_is_below_and_the_legend_as_dark_as_both(model: RNNForecaster) -> None:
    narrow, wide = (display := model.plot(H)).ax_.collections
    assert narrow.get_zorder() > wide.get_zorder()
    first, second = (patch.get_alpha() for patch in display.ax_.get_legend().get_patches())
    assert first == pytest.approx(1 - (1 - second) ** 2)


def test_the_legend_covers_no_data(model: RNNForecaster) -> None:
    display = model.plot(H)
    display.figure_.canvas.draw()
    assert display.ax_.get_legend().get_window_extent().y0 >= display.ax_.get_window_extent().y1


def test_truth_and_history_may_be_the_whole_series(model: RNNForecaster, y: pd.Series) -> None:
    """Each is cut to its side of the border."""
    ax = model.plot(H, truth=y, history=y, n_history=50).ax_
    np.testing.assert_array_equal(line(ax, "truth")[1], y[-H:])
    np.testing.assert_array_equal(line(ax, "observed")[1], y[:-H][-50:])


def test_plot_draws_the_same_again_with_other_levels_on_other_axes(model: RNNForecaster) -> None:
    display, (figure, ax) = model.plot(H), plt.subplots()
    assert display.plot(ax, level=95) is display
    assert display.figure_ is figure and labels(ax) == ["observed", "forecast", "95% interval"]


def test_nothing_is_shown_and_close_forgets_the_figure(model: RNNForecaster, figures: list[int]) -> None:
    display = model.plot(H)
    assert len(plt.get_fignums()) == len(figures) + 1
    display.close()
    assert plt.get_fignums() == figures


def test_forecasters_without_intervals_have_no_bands(wide_model: RNNForecaster) -> None:
    assert labels(wide_model.plot(H).ax_) == ["observed", "forecast"]
    with pytest.raises(ValueError, match="fit with intervals="):
        wide_model.plot(H, level=80)


def test_paths_are_thin_lines_with_one_label_and_eight_at_most(model: RNNForecaster) -> None:
    ax = model.plot(H, n_paths=11, random_state=0).ax_
    thin = [one for one in ax.lines if one.get_linewidth() < 0.7]
    expected = model.sample_paths(H, 11, random_state=0)
    np.testing.assert_array_equal([one.get_ydata() for one in thin], expected.to_numpy().T[:8])
    assert labels(ax).count("possible futures") == 1


def test_a_single_step_is_a_point_with_bars(model: RNNForecaster) -> None:
    ax = model.plot(1).ax_
    assert next(one for one in ax.lines if one.get_label() == "forecast").get_marker() == "."
    (low, high), expected = ax.collections[1].get_segments()[0][:, 1], model.predict(1, level=95).iloc[0]
    assert (low, high) == (expected["RNN-lo-95"], expected["RNN-hi-95"])


def test_quantiles_in_pairs_are_bands(model: RNNForecaster) -> None:
    ax = model.plot(H, level=None, quantiles=[0.1, 0.5, 0.9]).ax_
    assert labels(ax) == ["observed", "forecast", "80% interval"]


def test_missing_values_are_gaps_and_lonely_ones_points(y: pd.Series) -> None:
    holed = y.copy()
    holed.iloc[[-20, -19, -10, -8]] = np.nan
    found = quick(missing="mask").fit(holed.dropna()).plot(H).ax_.lines[0]
    shown = np.asarray(found.get_ydata())
    assert np.isnan(shown[[-20, -19, -10, -8]]).all() and np.isfinite(shown).sum() == 20
    assert found.get_markevery() == [24 - 9]


# Several series ---------------------------------------------------------------------------------------------------
def test_series_with_the_largest_errors_come_first(wide_model: RNNForecaster) -> None:
    truth = wide_model.predict(H)
    truth["b"] += 500.0
    truth["a"] += 50.0
    display = wide_model.plot(H, truth=truth, max_series=2)
    assert display.ids == ["b", "a"] and [ax.get_title("left") for ax in display.axes_] == ["b", "a"]
    np.testing.assert_array_equal(line(display.axes_[0], "truth")[1], truth["b"])
    assert len(display.figure_.legends) == 1 and all(ax.get_legend() is None for ax in display.axes_)


def test_named_series_come_in_their_order_and_others_as_they_are(wide_model: RNNForecaster) -> None:
    assert wide_model.plot(H, ids=["c", "a"]).ids == ["c", "a"]
    assert wide_model.plot(H).ids == ["a", "b", "c"]


@pytest.mark.parametrize("form", ["wide", "long", "multi", "renamed"])
def test_all_forms_of_panels_draw_the_same(form: str) -> None:
    wide = panel()
    long = long_of({name: wide[name] for name in wide})
    forms: dict[str, tuple[Any, Any, dict]] = {
        "wide": (wide[:-H], wide[-H:], {}),
        "long": (long[long.ds < wide.index[-H]], long[long.ds >= wide.index[-H]], {}),
        "multi": (indexed(wide[:-H]), indexed(wide[-H:]), {}),
    }
    names = {"id_col": "shop", "time_col": "day", "target_col": "sold"}
    renamed = long.set_axis(list(names.values()), axis=1)
    forms["renamed"] = (renamed[long.ds < wide.index[-H]], renamed[long.ds >= wide.index[-H]], names)
    train, truth, columns = forms[form]
    fitted = quick(intervals="paths").fit(train, **columns)
    display = fitted.plot(H, truth=truth, ids=["b"], n_paths=2, random_state=0)
    np.testing.assert_array_equal(line(display.ax_, "truth")[1], wide["b"][-H:])
    np.testing.assert_array_equal(line(display.ax_, "observed")[1], wide["b"][:-H][-24:])
    assert labels(display.ax_) == ["observed", "truth", "forecast", *BANDS, "possible futures"]


def test_other_series_are_their_own_history(model: RNNForecaster) -> None:
    other = monthly(60, seed=5)
    ax = model.plot(H, y=other, n_paths=1).ax_
    np.testing.assert_array_equal(line(ax, "observed")[1], other[-24:])
    assert ax.get_ylabel() == "s5"


# Times ------------------------------------------------------------------------------------------------------------
def test_times_are_those_of_the_zone_and_written_as_people_do() -> None:
    hours = pd.date_range("2024-03-29", periods=96, freq="h", tz="Europe/Paris")  # the clock goes forward on the 31st
    y = pd.Series(np.sin(np.arange(96) * np.pi / 12) + 2.0, index=hours, name="load")
    ax = ForecastDisplay.from_predictions(y[72:], history=y[:72]).ax_
    assert ax.get_xlabel() == "time in Europe/Paris"
    np.testing.assert_allclose(np.diff(line(ax, "forecast")[0]), 1 / 24)  # instants: no hour is missing or twice
    formatter = ax.xaxis.get_major_formatter()
    assert isinstance(formatter, Dates)
    midnights = dates.date2num(pd.date_range("2024-03-30", periods=4, tz="Europe/Paris").tz_convert("UTC"))
    assert formatter.format_ticks(midnights) == ["30 Mar", "31 Mar", "1 Apr", "2 Apr"]
    assert formatter.get_offset() == "2024"
    nine = dates.date2num(pd.date_range("2024-05-03 09:00", periods=3, freq="h", tz="Europe/Paris").tz_convert("UTC"))
    assert formatter.format_ticks(nine) == ["09:00", "10:00", "11:00"] and formatter.get_offset() == "3 May 2024"


def test_integers_are_steps_and_periods_dates() -> None:
    y = [3.0, 4.0, 5.0, 4.0] * 9
    ax = quick().fit(y).plot(H, truth=y[:H]).ax_
    assert ax.get_xlabel() == "step"
    np.testing.assert_array_equal(line(ax, "truth")[0], np.arange(36, 42))
    quarters = pd.Series(np.arange(12.0), index=pd.period_range("2020Q1", periods=12, freq="Q"))
    ax = ForecastDisplay.from_predictions(quarters[8:], history=quarters[:8]).ax_
    np.testing.assert_array_equal(line(ax, "forecast")[0], dates.date2num(quarters.index[8:].to_timestamp()))


# Covariates -------------------------------------------------------------------------------------------------------
def test_covariates_are_drawn_below_with_what_is_ahead_shaded() -> None:
    days = pd.date_range("2024-01-01", periods=80)
    X = pd.DataFrame({"offer": np.arange(80) % 5 == 0, "price": 9.0, "sky": ["sun", "rain"] * 40}, index=days)
    y = pd.Series(20.0 + np.arange(80) % 7, index=days, name="sold")
    fitted = quick().fit(y[:-H], X=X[:-H])
    display = fitted.plot(H, X=X, covariates=["price", "sky", "offer"])
    price, sky, offer = display.covariate_axes_
    assert [ax.get_ylabel() for ax in display.covariate_axes_] == ["price", "sky", "offer"]
    x, values = price.lines[0].get_data()
    np.testing.assert_array_equal(x, dates.date2num(days[-24 - H :]))
    assert (values == 9.0).all()
    assert [text.get_text() for text in sky.get_yticklabels()] == ["rain", "sun"]
    assert [text.get_text() for text in offer.get_yticklabels()] == ["no", "yes"]
    shaded = price.patches[0].get_path().get_extents(price.patches[0].get_patch_transform())
    assert (shaded.x0, shaded.x1) == tuple(dates.date2num(days[[-H, -1]]))
    _, axes = plt.subplots(2)
    assert fitted.plot(H, X=X, covariates=["price"], ax=axes).covariate_axes_ == [axes[1]]


def test_each_series_may_have_its_own_covariate() -> None:
    wide = panel(30)[["a", "b"]]
    X = pd.concat({name: pd.DataFrame({"price": wide[name] / 10}) for name in wide}, axis=1)
    display = ForecastDisplay.from_predictions(wide[-H:], history=wide[:-H], X=X, covariates=["price"])
    for ax, name in zip(display.covariate_axes_, wide, strict=True):
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), X[name, "price"])


# Forecasts that are there -------------------------------------------------------------------------------------------
def test_several_models_are_lines_and_the_first_has_bands() -> None:
    frame = pd.DataFrame(
        {"unique_id": "a", "ds": range(4), "y": 1.0, "ETS": 1.0, "Naive": 2.0, "ETS-lo-80": 0.0, "ETS-hi-80": 3.0}
    )
    ax = ForecastDisplay.from_predictions(frame).ax_
    assert labels(ax) == ["truth", "ETS", "80% interval", "Naive"]
    ax = ForecastDisplay.from_predictions(frame, models=["Naive"]).ax_
    assert labels(ax) == ["truth", "forecast"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"level": 70}, r"level=70 is not there: the levels are \[80.0\]; predict\(h, level=\[70\]\) gives it"),
        ({"ids": ["b", "x"]}, "ids: there are no forecasts of 'x'; there are those of 'a', 'b'"),
        ({"ids": []}, "ids: name at least one"),
        ({"models": ["ETS"]}, "models: there are no forecasts of 'ETS'; there are those of 'RNN'"),
        ({"ax": "none"}, "ax must be an array of 2 Axes of Matplotlib, one for each panel, or None"),
        ({"covariates": ["price"]}, "covariates: there is no X to draw them from"),
        ({"covariates": ["price"], "X": pd.DataFrame({"ds": range(4), "cost": 1.0})}, "X has no column 'price'"),
        ({"max_series": 0}, "max_series must be an int >= 1. Got 0"),
        ({"n_history": -1}, "n_history must be an int >= 1. Got -1"),
    ],
)
def test_what_is_not_there_is_refused(options: dict[str, Any], said: str, figures: list[int]) -> None:
    rows = {"ds": range(4), "RNN": 1.0, "RNN-lo-80": 0.0, "RNN-hi-80": 2.0}
    frame = pd.concat([pd.DataFrame({"unique_id": name} | rows) for name in "ab"])
    with pytest.raises(ValueError, match=said):
        ForecastDisplay.from_predictions(frame, **options)
    assert plt.get_fignums() == figures


def test_forecasts_of_several_cutoffs_are_refused() -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": [1, 2], "cutoff": [0, 1], "RNN": 1.0})
    with pytest.raises(ValueError, match="forecasts has 2 cutoffs: BacktestDisplay draws them together"):
        ForecastDisplay.from_predictions(frame)


def test_covariates_that_are_no_frame_are_refused() -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": [1, 2], "RNN": 1.0})
    with pytest.raises(TypeError, match="X must be a pandas Series or DataFrame to draw them. Got ndarray"):
        ForecastDisplay.from_predictions(frame, X=np.ones((2, 1)), covariates=["price"])


def test_without_matplotlib_the_error_says_what_to_install(run_script: Callable[..., str]) -> None:
    said = run_script(
        "import sys\nsys.modules['matplotlib'] = None\nimport forecastrnn\n"
        "try:\n    import forecastrnn.plotting\nexcept ImportError as error:\n    print(error)"
    )
    assert said.startswith(
        "forecastrnn.plotting needs Matplotlib, which cannot be imported here: pip install matplotlib"
    )


# What a forecaster keeps for them ---------------------------------------------------------------------------------
def test_history_goes_on_with_update_and_through_files(tmp_path: Any) -> None:
    wide = panel()
    fitted = quick(context_length=12).fit(wide[:-H])
    fitted.update(wide[-H:-2]).save(tmp_path / "model.rnn")
    loaded = forecastrnn.load(tmp_path / "model.rnn")
    found = loaded.history(["c", "a"])
    pd.testing.assert_frame_equal(found, fitted.history(["c", "a"]))
    expected = wide[:-2][-48:].iloc[:, [2, 0]]  # two contexts, as they usually are
    np.testing.assert_array_equal(found["y"].to_numpy().reshape(2, -1).T, expected)
    np.testing.assert_array_equal(found["ds"].to_numpy()[:48], expected.index)


def test_history_of_each_series_goes_on_by_itself_and_begins_where_it_does() -> None:
    parts = {"a": monthly(60), "short": monthly(20, 1)[:8], "b": monthly(30, 2)}
    with pytest.warns(UserWarning, match="too short"):
        fitted = quick(context_length=12, short="naive").fit(long_of({k: s[:-1] for k, s in parts.items()}))
    fitted.update(long_of({"b": parts["b"][-1:], "short": parts["short"][-1:]}))
    for name, expected in (("a", parts["a"][:-1][-48:]), ("short", parts["short"]), ("b", parts["b"])):
        found = fitted.history(name)
        np.testing.assert_array_equal(found["y"], expected)
        np.testing.assert_array_equal(found["ds"], expected.index)


@pytest.mark.parametrize("freq", ["D", "B", "h", "QE", "2W", "MS"])
@pytest.mark.parametrize("zone", [None, "Europe/Paris"])
def test_times_of_the_past_are_those_of_the_series(freq: str, zone: str | None) -> None:
    """Also across changes of the clock."""
    from forecastrnn.data.past_rows import write_past
    from forecastrnn.data.series import read_series

    index = pd.date_range("2003-03-01", periods=1000, freq=freq, tz=zone)[:-30]
    read = read_series(pd.Series(np.arange(970.0), index=index))
    found = write_past(read.axis, read.values[None, -700:], "id", "time", "y")
    assert pd.Index(found["time"]).equals(index[-700:])


def test_files_that_kept_no_values_are_drawn_without_them() -> None:
    old = forecastrnn.load(Path(__file__).parents[1] / "golden" / "forecaster.rnn")
    assert not len(old.history()) and labels(old.plot(H).ax_) == ["forecast"]


def test_short_series_are_drawn_as_far_back_as_others() -> None:
    """Hours of four days are read in short contexts, and yet all of them are kept for pictures."""
    y = pd.Series(np.arange(90.0) % 24.0 + 5.0, index=pd.date_range("2024-01-01", periods=90, freq="h"))
    model = quick().fit(y)
    assert len(model.history()) == 90
    new = pd.Series(1.0, index=pd.date_range("2024-01-04 18:00", periods=9, freq="h"))
    assert len(model.update(new).history()) == 90


def test_what_all_numbers_share_stands_beside_the_axis() -> None:
    """1e9 would be under the legend."""
    display = quick().fit(monthly(60) * 1e-9 + 1e9).plot(3)
    display.figure_.draw_without_rendering()
    shared = display.ax_.yaxis.get_offset_text()
    legend = display.ax_.get_legend().get_window_extent()
    assert shared.get_text() and not shared.get_window_extent().overlaps(legend)
    display.close()


def test_names_are_cut_where_they_are_long_and_are_no_formulas() -> None:
    names = ["a shop with a name as long as " + "this " * 20, "$x_1$ and $", "short"]
    display = quick().fit(pd.DataFrame({name: monthly(60) for name in names})).plot(3)
    titles = [ax.get_title(loc="left") for ax in display.axes_]
    assert len(titles[0]) <= 36 and titles[0].endswith("\N{HORIZONTAL ELLIPSIS}")
    assert titles[1:] == [r"\$x_1\$ and \$", "short"]
    display.close()


def test_names_that_are_cut_are_told_apart() -> None:
    names = [f"sales of the northern branch in euros, shop {k}" for k in (1, 2)]
    rows = pd.DataFrame({"ds": range(4), "RNN": 1.0})
    display = ForecastDisplay.from_predictions(pd.concat([rows.assign(unique_id=name) for name in names]))
    assert [ax.get_title(loc="left") for ax in display.axes_] == [
        "\N{HORIZONTAL ELLIPSIS}1",
        "\N{HORIZONTAL ELLIPSIS}2",
    ]
    display.close()


@pytest.mark.parametrize("name", [name for name in plotting.__all__ if name.endswith("Display")])
def test_estimators_of_another_kind_are_refused_by_name(name: str, y: pd.Series) -> None:
    given = {"ForecastDisplay": (3,), "ResidualDisplay": (y,), "BacktestDisplay": (y, 3), "CoverageDisplay": (y, 3)}
    with pytest.raises(TypeError, match="estimator must be .* Got DummyRegressor"):
        getattr(plotting, name).from_estimator(DummyRegressor(), *given.get(name, ()))
