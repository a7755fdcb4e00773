"""Each command does what the methods of the same name do, from files to files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecastrnn
from cli.conftest import IDS, shops
from forecastrnn import RNNForecaster
from forecastrnn.metrics import evaluate
from support.command_line import QUICK, Shell
from support.forecaster_cases import monthly, panel, quick

TEXT = {"dtype": {"unique_id": str}, "keep_default_na": False}


def test_predict_is_that_of_the_estimator(shell: Shell, shops_model: Path) -> None:
    found = shell.ok("predict", shops_model, "-n", 3, "--level", "80,95", "--quantiles", "0.1").table(**TEXT)
    model = quick(intervals="conformal").fit(shops())
    expected = model.predict(3, level=[80, 95], quantiles=[0.1])
    assert found.columns.tolist() == expected.columns.tolist()
    assert found["unique_id"].tolist() == [name for name in IDS for _ in range(3)]
    assert found["ds"].tolist() == expected["ds"].dt.strftime("%Y-%m-%d").tolist()
    np.testing.assert_allclose(found.iloc[:, 2:].to_numpy(), expected.iloc[:, 2:].to_numpy(), rtol=1e-12)


def test_a_season_is_forecast_unless_said_how_far(shell: Shell, shops_model: Path) -> None:
    until = shell.ok("predict", shops_model, "--to", "2020-04").table(**TEXT)
    assert until["ds"].unique().tolist() == ["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01"]
    assert len(shell.ok("predict", shops_model).table()) == 3 * 12
    assert shell("predict", shops_model, "-n", 3, "--to", "2020-04").code == 2


def test_sample_is_a_row_for_each_path(shell: Shell, shops_model: Path) -> None:
    words = ("sample", shops_model, "-n", 2, "--paths", 3, "--seed", 5)
    found = shell.ok(*words).table(**TEXT)
    expected = RNNForecaster.load(shops_model).sample_paths(2, 3, random_state=5)
    np.testing.assert_allclose(found["RNN"], expected["RNN"], rtol=1e-12)
    assert found["path"].tolist() == [0, 1, 2] * 6 and found.columns.tolist() == expected.columns.tolist()
    assert shell.ok(*words[:-1], 6).out != shell.ok(*words).out


def test_other_series_and_their_ids_that_are_numbers(shell: Shell, shops_model: Path) -> None:
    other = shell.write("other.csv", shops(30).assign(unique_id=lambda t: "new" + t["unique_id"]))
    found = shell.ok("predict", shops_model, "-n", 1, "--data", other).table(**TEXT)
    assert found["unique_id"].tolist() == ["new" + name for name in IDS]
    quick().fit(shops().assign(unique_id=lambda t: t["unique_id"].map({"010": 1, "NA": 2, "9": 3}))).save("int.rnn")
    rows = pd.DataFrame({"unique_id": [2], "ds": ["2020-01-01"], "y": [50.0]})
    shell.ok("update", "int.rnn", shell.write("rows.csv", rows))
    assert shell.ok("predict", "int.rnn", "-n", 1).table()["ds"].tolist() == ["2020-01-01", "2020-02-01", "2020-01-01"]


def test_update_is_in_place_or_all_or_nothing(shell: Shell, shops_model: Path) -> None:
    model = shell.folder / "m.rnn"
    model.write_bytes(shops_model.read_bytes())
    later = shops(62).groupby("unique_id", sort=False).tail(2)
    late = shell.write("late.csv", later[later["ds"] > "2020-01-15"])
    refused = shell("update", model, late)
    assert refused.code == 3 and "late.csv: series '010' ends at 2019-12-01" in refused.err
    assert model.read_bytes() == shops_model.read_bytes()
    new = shell.write("new.csv", later)
    shell.ok("update", model, new, "-o", "other.rnn")
    assert model.read_bytes() == shops_model.read_bytes()
    shell.ok("update", model, "-", stdin=new.read_text())
    expected = RNNForecaster.load(shops_model).update(later).predict(2)
    for path in (model, "other.rnn"):
        np.testing.assert_allclose(shell.ok("predict", path, "-n", 2).table()["RNN"], expected["RNN"], rtol=1e-12)


def test_backtest_prints_errors_and_writes_forecasts(shell: Shell) -> None:
    data = shell.write("one.csv", monthly(60).rename_axis("month").reset_index(name="sold"))
    words = ("backtest", data, "-n", 6, "--windows", 2, "--refit", "false", *QUICK, "--level", 80)
    done = shell.ok(*words, "--metrics", "mase,coverage", "-o", "cv.csv")
    cv = pd.read_csv("cv.csv", parse_dates=["month", "cutoff"])
    y = monthly(60).rename("sold")
    model = quick(intervals="conformal")
    expected = model.cross_validation(y, 6, n_windows=2, refit=False, level=[80], baselines="seasonal_naive")
    np.testing.assert_allclose(cv["RNN-lo-80"], expected["RNN-lo-80"], rtol=1e-12)
    assert cv.columns[:4].tolist() == ["unique_id", "month", "cutoff", "sold"]
    errors = evaluate(expected, ["mase", "coverage"], train=y, season_length=12, by=None).set_index("metric")
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["metric", "RNN", "SeasonalNaive"]
    assert [line[0] for line in lines[1:]] == errors.index.tolist()
    np.testing.assert_allclose([float(x) for x in lines[1][1:]], errors.loc["mase"], rtol=1e-3)
    piped = shell.ok(*words, "-o", "-")
    assert len(piped.table()) == 12 and "SeasonalNaive" in piped.err


def test_columns_that_were_known_ahead(shell: Shell) -> None:
    frame = shops(62).assign(price=lambda t: np.arange(len(t)) % 7 * 1.0)
    known = frame[frame["ds"] < "2020-01-01"]
    data = shell.write("sold.csv", known)
    plan = shell.write("plan.csv", frame[["unique_id", "ds", "price"]])
    shell.ok("fit", data, "-o", "m.rnn", "--future-cols", "price", *QUICK, "--set", "intervals=null")
    found = shell.ok("predict", "m.rnn", "-n", 2, "--future", plan).table()
    expected = quick().fit(known, X=["price"]).predict(2, X=frame[["unique_id", "ds", "price"]])
    np.testing.assert_allclose(found["RNN"], expected["RNN"], rtol=1e-12)
    again = shell.ok("predict", "m.rnn", "-n", 2, "--future", shell.write("ahead.csv", frame[frame["ds"] >= "2020"]),
                     "--data", data).table()  # fmt: skip
    np.testing.assert_allclose(again["RNN"], expected["RNN"])
    refused = shell("predict", "m.rnn", "-n", 2)
    assert refused.code == 3 and "give their values" in refused.err and "--future plan.csv" in refused.err
    rows = shell.write("rows.csv", frame[frame["ds"] == "2020-01-01"])
    shell.ok("update", "m.rnn", rows)
    assert shell.ok("predict", "m.rnn", "-n", 1, "--future", plan).table()["ds"].unique().tolist() == ["2020-02-01"]


def test_parameters_by_flags_and_from_a_file(shell: Shell) -> None:
    data = shell.write("one.csv", monthly(60).rename_axis("ds").reset_index(name="y"))
    Path("some.toml").write_text("max_steps = 5\nhidden_layer_sizes = [8]\n[solver]\nlearning_rate = 0.01\n")
    words = ("fit", data, "-o", "m.rnn", "--config", "some.toml", "--set", "n_members=1", "--seed", 7)
    shell.ok(*words, "--set", "max_steps=3", "--set", "alias=GRU", "--set", "season_length=[6, 12]", "--freq", "MS")
    model = RNNForecaster.load("m.rnn")
    assert (model.max_steps, model.hidden_layer_sizes, model.alias, model.random_state) == (3, [8], "GRU", 7)
    assert model.get_params()["solver__learning_rate"] == 0.01 and model.season_length == [6, 12]
    assert model.verbose == RNNForecaster().verbose


def test_kinds_of_files(shell: Shell) -> None:
    """Semicolons with decimal commas, tabs, gzip, a mark of the order of bytes: the same series."""
    frame = monthly(60).rename_axis("ds").reset_index(name="y")
    shell.write("a.csv", frame, sep=";", decimal=",", encoding="utf-8-sig")
    shell.write("b.tsv", frame, sep="\t", date_format="%d.%m.%Y")
    shell.write("c.csv.gz", frame)
    flags = {"a.csv": ("--sep", ";", "--decimal", ","), "b.tsv": ("--date-format", "%d.%m.%Y"), "c.csv.gz": ()}
    files = []
    for name, form in flags.items():
        shell.ok("fit", name, "-o", f"{name}.rnn", *QUICK, *form, "--set", "intervals=null")
        files.append(Path(f"{name}.rnn").read_bytes())
    assert files[0] == files[1] == files[2]
    plain = shell.ok("predict", "a.csv.rnn", "-n", 2).out
    shell.ok("predict", "a.csv.rnn", "-n", 2, "-o", "out.csv.gz")
    assert gzip.decompress(Path("out.csv.gz").read_bytes()).decode() == plain
    shell.ok("predict", "a.csv.rnn", "-n", 2, "-o", "out.tsv", "--decimal", ",")
    assert Path("out.tsv").read_text() == plain.replace(",", "\t").replace(".", ",")


def test_hours_keep_their_zone(shell: Shell) -> None:
    hours = pd.date_range("2024-03-27", periods=96, freq="h", tz="Europe/Paris")
    values = 5.0 + np.sin(np.arange(96) * np.pi / 12)
    local = pd.DataFrame({"ds": hours.tz_localize(None), "y": values})
    utc = pd.DataFrame({"ds": hours.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ"), "y": values})
    for name, frame in {"local.csv": local, "utc.csv": utc}.items():
        shell.ok("fit", shell.write(name, frame), "-o", f"{name}.rnn", *QUICK, "--tz", "Europe/Paris")
    found = [shell.ok("predict", f"{name}.rnn", "-n", 3).out for name in ("local.csv", "utc.csv")]
    assert found[0] == found[1]
    times = [line.split(",")[0] for line in found[0].splitlines()[1:]]
    assert times == ["2024-03-31T00:00:00+01:00", "2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"]


@pytest.mark.parametrize("form", ["series", "wide"])
def test_models_that_a_program_has_fitted(shell: Shell, form: str) -> None:
    y, rows = {"series": (monthly(60), monthly(61)[60:]), "wide": (panel(60), panel(61)[60:])}[form]
    quick(intervals="conformal").fit(y).save("m.rnn")
    long = rows.rename_axis("ds").reset_index().melt("ds", var_name="unique_id", value_name="y")
    new = long if form == "wide" else long.drop(columns="unique_id")
    shell.ok("update", "m.rnn", shell.write("new.csv", new))
    model = quick(intervals="conformal").fit(y).update(rows)
    found = shell.ok("predict", "m.rnn", "-n", 2, "--level", 80).table()
    expected = model.predict(2, level=80)
    expected = expected if form == "series" else expected.xs("b", axis=1, level=0)
    found = found if form == "series" else found[found["unique_id"] == "b"]
    np.testing.assert_allclose(found[["RNN", "RNN-lo-80", "RNN-hi-80"]], expected, rtol=1e-12)
    paths = shell.ok("sample", "m.rnn", "-n", 2, "--paths", 3).table()
    assert paths.columns[-3:].tolist() == ["ds", "path", "RNN"] and len(paths) == (6 if form == "series" else 18)
    assert len(shell.ok("predict", "m.rnn", "-n", 2).table()) == (2 if form == "series" else 6)


def test_info_for_people_and_programs(shell: Shell, shops_model: Path) -> None:
    held = json.loads(shell.ok("info", shops_model, "--json").out)
    assert held["data"]["series"] == 3 and held["bytes"] == shops_model.stat().st_size
    summary = RNNForecaster.load(shops_model).summary()
    assert summary.items() <= held.items() and shell.ok("info", shops_model).out.startswith(str(summary))
    X = np.sin(np.arange(60.0).reshape(10, 6))
    forecastrnn.RNNRegressor(hidden_layer_sizes=8, max_iter=2, random_state=0).fit(X, X[:, 0]).save("r.rnn")
    assert "RNNRegressor(" in shell.ok("info", "r.rnn").out
    refused = shell("predict", "r.rnn")
    assert refused.code == 4 and "it holds RNNRegressor" in refused.err
