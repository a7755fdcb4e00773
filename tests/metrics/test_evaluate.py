"""`evaluate` on frames: every unit against plain Python, how scores are averaged, forms of data, and the past."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as scikit

from forecastrnn import metrics
from forecastrnn.data.series import read_series, write_forecast
from forecastrnn.metrics import evaluate
from support import naive_metrics as naive
from support.metric_cases import MODELS, QUANTILES, SEASON, Panel, days, one_origin, panel

SCALED = {"season_length": SEASON, "benchmark": "Naive2"}
NAMES = ["mae", "mse", "rmse", "bias", "mape", "smape", "wape", "nd", "mase", "rmsse", "owa", "relative_mae"]


def expected_point(rows: pd.DataFrame, past: np.ndarray, name: str, model: str) -> float:
    """One unit: the rows of a series at a cutoff."""
    y, f, simple = (rows[column].tolist() for column in ("y", model, "Naive2"))
    if name in ("mase", "rmsse"):
        return getattr(naive, name)(y, f, past, SEASON)
    if name == "relative_mae":
        return naive.over(naive.mae(y, f), naive.mae(y, simple))
    if name == "owa":
        return 0.5 * (naive.smape(y, f) / naive.smape(y, simple)
                      + naive.mase(y, f, past, SEASON) / naive.mase(y, simple, past, SEASON))  # fmt: skip
    return getattr(naive, "wape" if name == "nd" else name)(y, f)


def expected_units(found: Panel, score: Callable[[pd.DataFrame, np.ndarray], float]) -> list[float]:
    """A score of each series and cutoff, in the order of the frame."""
    units = []
    for (name, cutoff), rows in found.forecasts.groupby(["unique_id", "cutoff"], sort=False):
        known = found.series[(found.series["unique_id"] == name) & (found.series["ds"] <= cutoff)]
        units.append(score(rows, known["y"].to_numpy()))
    return units


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize("model", MODELS)
def test_point_forecasts_of_each_unit(model: str, missing: bool) -> None:
    found = panel(missing=missing)
    by = ["series", "cutoff"]
    table = evaluate(found.forecasts, NAMES, train=found.series, by=by, **SCALED)
    assert table.columns.tolist() == ["unique_id", "cutoff", "metric", *MODELS]
    for name in NAMES:
        expected = expected_units(found, lambda rows, past, name=name: expected_point(rows, past, name, model))
        np.testing.assert_allclose(table.loc[table["metric"] == name, model], expected, rtol=1e-12)


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "gaps"])
def test_intervals_and_quantiles_of_each_unit(missing: bool) -> None:
    found = panel(missing=missing)
    names = ["interval_score", "msis", "coverage", "width", "scaled_width", "pinball", "wql"]
    options = {"season_length": SEASON, "models": "RNN", "by": ["series", "cutoff"]}
    table = evaluate(found.forecasts, names, train=found.series, **options).set_index("metric")["RNN"]

    def ends(rows: pd.DataFrame, level: float) -> tuple[list[float], ...]:
        return tuple(rows[name].tolist() for name in ("y", f"RNN-lo-{level:g}", f"RNN-hi-{level:g}"))

    for level in (80, 97.5):
        expected = {
            "interval_score": lambda rows, past, level=level: naive.interval_score(*ends(rows, level), level),
            "msis": lambda rows, past, level=level: naive.over(
                naive.interval_score(*ends(rows, level), level), naive.seasonal(past, SEASON)),
            "coverage": lambda rows, past, level=level: naive.coverage(*ends(rows, level)),
            "width": lambda rows, past, level=level: naive.width(*ends(rows, level)),
            "scaled_width": lambda rows, past, level=level: naive.over(
                naive.width(*ends(rows, level)), naive.seasonal(past, SEASON)),
        }  # fmt: skip
        for name, score in expected.items():
            units = expected_units(found, score)
            np.testing.assert_allclose(table[f"{name}_level{level:g}"], units, rtol=1e-12)

    def pinball(rows: pd.DataFrame, past: np.ndarray) -> float:
        return float(np.mean([naive.pinball(rows["y"].tolist(), rows[f"RNN_ql{q}"].tolist(), q) for q in QUANTILES]))

    def wql(rows: pd.DataFrame, past: np.ndarray) -> float:
        return naive.wql(rows["y"].tolist(), {q: rows[f"RNN_ql{q}"].tolist() for q in QUANTILES})

    for score in (pinball, wql):
        np.testing.assert_allclose(table[score.__name__], expected_units(found, score), rtol=1e-12)


def test_one_origin_is_scaled_by_what_came_before() -> None:
    """Without a column of cutoffs; rows of `train` behind the beginning of the forecasts are not used."""
    found = panel()
    forecasts, known = one_origin(found)
    options = {"season_length": SEASON}
    short, whole = (evaluate(forecasts, "mase", train=train, **options) for train in (known, found.series))
    pd.testing.assert_frame_equal(short, whole)
    units = expected_units(found, lambda rows, past: expected_point(rows, past, "mase", "RNN"))
    np.testing.assert_allclose(short["RNN"], units[::2], rtol=1e-12)


# How scores are averaged -----------------------------------------------------------------------------------------


def units_of(found: Panel, name: str) -> pd.DataFrame:
    table = evaluate(found.forecasts, name, train=found.series, by=["series", "cutoff"], **SCALED)
    return table.drop(columns="metric")


@pytest.mark.parametrize("agg", ["mean", "median"])
@pytest.mark.parametrize("name", ["rmse", "mase", "coverage"])
def test_scores_are_averaged_over_series_and_cutoffs(name: str, agg: str) -> None:
    found = panel(lengths=(30, 17, 24, 20), missing=True)
    options = {"train": found.series, "season_length": SEASON, "agg": agg, "models": "RNN", "level": 80}
    units = evaluate(found.forecasts, name, by=["series", "cutoff"], **options | {"agg": "mean"})
    for by, keys in (("series", "unique_id"), ("cutoff", "cutoff")):
        table = evaluate(found.forecasts, name, by=by, **options).set_index(keys)["RNN"]
        pd.testing.assert_series_equal(table, units.groupby(keys, sort=by == "cutoff")["RNN"].agg(agg), rtol=1e-12)
    whole = evaluate(found.forecasts, name, by=None, **options)
    assert whole.columns[0] == "metric" and len(whole) == 1
    assert whole["RNN"][0] == pytest.approx(units["RNN"].agg(agg), rel=1e-12)


def test_relative_error_has_a_geometric_mean() -> None:
    found = panel()
    units = units_of(found, "relative_mae")["RNN"]
    whole = evaluate(found.forecasts, "relative_mae", by=None, benchmark="Naive2")
    assert whole["RNN"][0] == pytest.approx(np.exp(np.log(units).mean()), rel=1e-12)
    assert whole["Naive2"][0] == 1.0


def test_owa_divides_means_by_means() -> None:
    """As M4 does: not the mean of the series' own."""
    found = panel()
    means = {name: units_of(found, name)[list(MODELS)].mean() for name in ("smape", "mase")}
    expected = np.mean([mean["RNN"] / mean["Naive2"] for mean in means.values()])
    whole = evaluate(found.forecasts, "owa", train=found.series, by=None, **SCALED)
    assert whole["RNN"][0] == pytest.approx(expected, rel=1e-12)
    assert whole["Naive2"][0] == 1.0


def test_rows_of_a_step_are_scored_together() -> None:
    """The root of a step's mean squared error, not the mean of absolute errors."""
    found = panel(lengths=(30, 17, 24))
    rows = found.forecasts.assign(step=np.tile(np.arange(1, 6), 6), error=lambda t: t["y"] - t["RNN"])
    mixed = found.forecasts.sample(frac=1.0, random_state=0)
    for by, keys in (("step", ["step"]), (["step", "cutoff"], ["cutoff", "step"]),
                     (["series", "step"], ["unique_id", "step"])):  # fmt: skip
        table = evaluate(mixed, "rmse", by=by).sort_values(keys)
        expected = rows.groupby(keys)["error"].agg(lambda error: np.sqrt((error**2).mean()))
        np.testing.assert_allclose(table["RNN"], expected, rtol=1e-12)
        assert table[keys].apply(tuple, axis=1).tolist() == [k if len(keys) > 1 else (k,) for k in expected.index]


def test_rows_of_all_series_may_be_pooled() -> None:
    """One sum of errors over one sum of values."""
    found = panel(missing=True)
    table = evaluate(found.forecasts, ["wape", "rmse"], by=None, agg="pooled")
    y, f = (found.forecasts[name].tolist() for name in ("y", "RNN"))
    np.testing.assert_allclose(table["RNN"], [naive.wape(y, f), naive.rmse(y, f)], rtol=1e-12)
    table = evaluate(found.forecasts, "wape", agg="pooled")
    rows = [part for _, part in found.forecasts.groupby("unique_id", sort=False)]
    expected = [naive.wape(part["y"].tolist(), part["RNN"].tolist()) for part in rows]
    np.testing.assert_allclose(table["RNN"], expected, rtol=1e-12)


def test_each_cutoff_of_a_step_has_its_own_scale() -> None:
    found = panel(lengths=(30,))
    rows = found.forecasts.assign(step=np.tile(np.arange(1, 6), 2))
    scale = {cutoff: naive.seasonal(found.series.loc[found.series["ds"] <= cutoff, "y"].tolist(), SEASON)
             for cutoff in rows["cutoff"].unique()}  # fmt: skip
    expected = ((rows["y"] - rows["RNN"]).abs() / rows["cutoff"].map(scale)).groupby(rows["step"]).mean()
    table = evaluate(found.forecasts, "mase", train=found.series, season_length=SEASON, by="step")
    np.testing.assert_allclose(table["RNN"], expected, rtol=1e-12)


def test_what_has_no_score_is_left_out_and_counted() -> None:
    """A constant series and a short one have no scale."""
    found = panel(lengths=(30, 17, 24), cutoffs=(12,))
    flat = found.series["unique_id"] == "s10"
    train = found.series.assign(y=found.series["y"].mask(flat, 3.0))
    table = evaluate(found.forecasts, ["mase", "mae"], train=train, season_length=6)  # 5 values of "s9" are known
    assert table["RNN"].isna().tolist() == [True, True, False, False, False, False]
    whole = evaluate(found.forecasts, ["mase", "mae"], train=train, season_length=6, by=None)
    assert whole["RNN"].tolist() == [table["RNN"][2], pytest.approx(table["RNN"][3:].mean(), rel=1e-12)]
    assert whole.attrs["agg_counts"] == {"mase": {"RNN": 1, "Naive2": 1}, "mae": {"RNN": 3, "Naive2": 3}}
    assert whole.attrs["n_scores"] == 3 and whole.attrs["rows_left_out"] == 0


def test_truth_that_is_missing_is_left_out_and_counted() -> None:
    found = panel(missing=True)
    forecasts = found.forecasts.assign(y=found.forecasts["y"].mask(found.forecasts["unique_id"] == "s9"))
    table = evaluate(forecasts, "mae")
    assert table["RNN"].isna().tolist() == [False, True, False]
    assert table.attrs["rows_left_out"] == forecasts["y"].isna().sum() > 10


# Functions of one's own ------------------------------------------------------------------------------------------


def test_functions_are_called_for_each_series_and_cutoff() -> None:
    found = panel(missing=True)
    by = ["series", "cutoff"]
    table = evaluate(found.forecasts, [scikit.mean_absolute_error, "mae", scikit.max_error], by=by)
    parts = [part[list(MODELS)].reset_index(drop=True) for _, part in table.groupby("metric", sort=False)]
    pd.testing.assert_frame_equal(parts[0], parts[1], rtol=1e-12)
    assert table["metric"].unique().tolist() == ["mean_absolute_error", "mae", "max_error"]


def test_our_functions_are_their_names() -> None:
    found = panel()
    options = {"train": found.series, "season_length": SEASON, "models": "RNN"}
    pd.testing.assert_frame_equal(
        evaluate(found.forecasts, [metrics.mase, metrics.coverage], **options),
        evaluate(found.forecasts, ["mase", "coverage"], **options),
    )


# Forms of data ---------------------------------------------------------------------------------------------------

H = 3


def series(name: str, seed: int, n: int = 20) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).normal(10, 2, n), index=days(n), name=name)


Y = {name: series(name, seed) for seed, name in enumerate(("b", "a"))}
LONG = pd.concat([pd.DataFrame({"unique_id": n, "ds": s.index, "y": s.to_numpy()}) for n, s in Y.items()])
FORMS = {
    "series": Y["b"],
    "wide": pd.DataFrame(Y),
    "wide of two levels": pd.DataFrame({("x", name): s for name, s in Y.items()}),
    "long": LONG,
    "MultiIndex": LONG.set_index(["unique_id", "ds"])["y"],
    "MultiIndex frame": LONG.set_index(["unique_id", "ds"]),
}


def head(data: pd.Series | pd.DataFrame, known: bool) -> pd.Series | pd.DataFrame:
    """What was known, or what came."""
    times = data["ds"] if "ds" in data else data.index.get_level_values(-1)
    return data[times < days(20)[-H]] if known else data[times >= days(20)[-H]]


FORMS["wide of one series"] = FORMS["wide of two levels"][[("x", "b")]]


@pytest.mark.parametrize("several", [False, True], ids=["point", "intervals"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_forecasts(form: str, several: bool) -> None:
    """Written as `predict` writes them."""
    data = FORMS[form]
    axis = read_series(head(data, known=True)).axis
    values = np.random.default_rng(5).normal(10, 2, (axis.n_series, H))
    more = {"RNN-lo-80": values - 1.0, "RNN-hi-80": values + 1.0} if several else {}
    forecasts = write_forecast(axis, {"RNN": values} | more, H)
    before = forecasts.copy()
    names = ["mae", "mase"] + (["coverage"] if several else [])
    truth, train = head(data, known=False), head(data, known=True)
    table = evaluate(forecasts, names, truth=truth, train=train, season_length=1)
    assert forecasts.equals(before)
    ids = [("x", name) for name in Y] if isinstance(axis.ids[0], tuple) else list(Y)
    assert table["unique_id"].tolist() == ids[: axis.n_series] * len(names)
    for row, s in enumerate(list(Y.values())[: axis.n_series]):
        y, past = s[-H:].tolist(), s[:-H].tolist()
        found = table[table["unique_id"] == ids[row]].set_index("metric")["RNN"]
        assert found["mae"] == pytest.approx(naive.mae(y, values[row].tolist()), rel=1e-12)
        assert found["mase"] == pytest.approx(naive.mase(y, values[row].tolist(), past, 1), rel=1e-12)
        if several:
            assert found["coverage_level80"] == naive.coverage(y, values[row] - 1.0, values[row] + 1.0)


def test_arrays() -> None:
    """What `predict` gives of a list: a Series that counts on."""
    y = Y["b"].tolist()
    axis = read_series(y[:-H]).axis
    forecasts = write_forecast(axis, {"RNN": np.array([[9.0, 10.0, 11.0]])}, H)
    for found in (forecasts, forecasts.to_numpy(), forecasts.tolist()):
        table = evaluate(found, "mase", truth=y[-H:], train=np.array(y[:-H]), season_length=1)
        assert table["RNN"][0] == pytest.approx(naive.mase(y[-H:], [9.0, 10.0, 11.0], y[:-H], 1), rel=1e-12)
    assert evaluate([1.0, 2.0], "mae", truth=[1.0, 3.0])["RNN"].tolist() == [0.5]


def test_names_of_columns() -> None:
    found = panel()
    names = {"unique_id": "shop", "ds": "day", "y": "sold"}
    options = {"id_col": "shop", "time_col": "day", "target_col": "sold", "season_length": SEASON}
    table = evaluate(found.forecasts.rename(columns=names), train=found.series.rename(columns=names), **options)
    expected = evaluate(found.forecasts, train=found.series, season_length=SEASON)
    pd.testing.assert_frame_equal(table.rename(columns={"shop": "unique_id"}), expected)


def test_names_of_columns_may_come_with_the_frame() -> None:
    """Until somebody renames them."""
    found = panel()
    names = {"unique_id": "shop", "ds": "day", "y": "sold"}
    forecasts, train = (table.rename(columns=names) for table in (found.forecasts, found.series))
    forecasts.attrs["columns"] = {"id_col": "shop", "time_col": "day", "target_col": "sold"}
    expected = evaluate(found.forecasts, train=found.series, season_length=SEASON)
    told = evaluate(forecasts, train=train, season_length=SEASON)
    pd.testing.assert_frame_equal(told.rename(columns={"shop": "unique_id"}), expected)
    back = forecasts.rename(columns={new: old for old, new in names.items()})
    pd.testing.assert_frame_equal(evaluate(back, train=found.series, season_length=SEASON), expected)


def test_a_frame_of_dates_and_values_is_one_series() -> None:
    found = panel(lengths=(30,), cutoffs=(5,))
    forecasts, train = (t.drop(columns="unique_id") for t in (found.forecasts, found.series))
    table = evaluate(forecasts, train=train, season_length=SEASON)
    expected = evaluate(found.forecasts, train=found.series, season_length=SEASON)
    assert table["RNN"].tolist() == expected["RNN"].tolist()
    values = found.series.set_index("ds")["y"].rename("sales")  # a Series is the only series, whatever its name
    pd.testing.assert_frame_equal(evaluate(found.forecasts, train=values, season_length=SEASON), expected)


def test_the_season_may_come_with_the_frame() -> None:
    found = panel()
    forecasts = found.forecasts.copy()
    forecasts.attrs["season_length"] = SEASON
    pd.testing.assert_frame_equal(
        evaluate(forecasts, train=found.series), evaluate(found.forecasts, train=found.series, season_length=SEASON)
    )


def test_paths() -> None:
    """Tidy, wide, and of one series: the CRPS of each series."""
    rng = np.random.default_rng(1)
    draws = rng.normal(10, 2, (7, 2, H))
    truth = head(FORMS["wide"], known=False)
    expected = [naive.crps(truth[name].tolist(), draws[:, k].tolist()) for k, name in enumerate(Y)]
    wide = pd.concat({n: pd.DataFrame(draws[:, k].T, index=truth.index) for k, n in enumerate(Y)}, axis=1)
    wide.columns = wide.columns.set_names([None, "path"])
    np.testing.assert_allclose(evaluate(wide, "crps", truth=truth)["RNN"], expected, rtol=1e-12)
    keys = [(name, time, path) for name in Y for time in truth.index for path in range(7)]
    tidy = pd.DataFrame(keys, columns=["unique_id", "ds", "path"])
    tidy["RNN"] = draws.transpose(1, 2, 0).ravel()
    mixed = tidy.sample(frac=1.0, random_state=0)
    for frame, came in ((mixed, head(LONG, known=False)), (mixed, truth)):
        table = evaluate(frame, "crps", truth=came).set_index("unique_id")["RNN"]
        np.testing.assert_allclose(table[list(Y)], expected, rtol=1e-12)
    by_step = evaluate(mixed, "crps", truth=truth, by="step")["RNN"]
    assert by_step.mean() == pytest.approx(np.mean(expected), rel=1e-12)
    one = wide["b"].rename_axis("path", axis=1)
    assert evaluate(one, "crps", truth=truth["b"])["RNN"][0] == pytest.approx(expected[0], rel=1e-12)
    inner = evaluate(mixed, "crps", truth=truth.iloc[1:], how="inner").set_index("unique_id")["RNN"]
    assert inner["a"] == pytest.approx(naive.crps(truth["a"].tolist()[1:], draws[:, 1, 1:].tolist()), rel=1e-12)


def test_categories_are_taken_by_value() -> None:
    found = panel()
    kinds = [pd.CategoricalDtype(order) for order in (["s8", "s9", "s10"], ["s9", "x", "s10", "s8"])]
    forecasts, train = (t.astype({"unique_id": k}) for t, k in zip((found.forecasts, found.series), kinds))
    table = evaluate(forecasts, train=train, season_length=SEASON)
    expected = evaluate(found.forecasts, train=found.series, season_length=SEASON)
    pd.testing.assert_frame_equal(table.astype({"unique_id": expected["unique_id"].dtype}), expected)


def test_instants_of_another_zone_are_the_same() -> None:
    found = panel()
    zones = [t.assign(**{c: t[c].dt.tz_localize("UTC") for c in ("ds", "cutoff") if c in t})
             for t in (found.forecasts, found.series)]  # fmt: skip
    zones[1]["ds"] = zones[1]["ds"].dt.tz_convert("Asia/Tokyo")
    options = {"season_length": SEASON, "by": ["series", "cutoff"]}
    table = evaluate(zones[0], train=zones[1], **options)
    expected = evaluate(found.forecasts, train=found.series, **options)
    assert str(table["cutoff"].dt.tz) == "UTC"
    np.testing.assert_array_equal(table["RNN"], expected["RNN"])


def test_a_function_that_takes_something_else_is_told_of() -> None:
    with pytest.raises(TypeError, match="metric len must take what came and its forecast and return a number"):
        evaluate(np.ones(3), len, truth=np.ones(3))


def test_dates_that_are_texts_are_those_that_fit_reads() -> None:
    """As in a file that was written and read again."""
    found = panel()
    texts = found.forecasts.astype({"ds": str, "cutoff": str})
    known = found.series.assign(ds=found.series["ds"].dt.strftime("%d.%m.%Y"))
    options = {"by": ["series", "step"], "season_length": SEASON}
    expected = evaluate(found.forecasts, "mase", train=found.series, **options)
    pd.testing.assert_frame_equal(evaluate(texts, "mase", train=known, **options), expected)
