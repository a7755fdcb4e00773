"""What a forecaster says of itself: the numbers are those of the data and of the windows, the words fit to them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from forecastrnn import Conformal, RNNForecaster
from forecastrnn.estimators.summary import Summary
from support.forecaster_cases import long_of, monthly, quick

CALIBRATED = {"intervals": Conformal(n_windows=2, horizon=6, held_out=True)}


@pytest.fixture(scope="module")
def calibrated() -> RNNForecaster:
    return quick(**CALIBRATED).fit(monthly(60))


def test_data_are_counted_before_anything_is_filled() -> None:
    gaps = monthly(70, 1)
    gaps.iloc[[5, 6]], gaps.iloc[9] = np.nan, 0.0
    y = long_of({"a": monthly(60), "b": gaps, "c": monthly(3)})
    with pytest.warns(UserWarning, match="too short"):
        model = quick(missing="mask", short="naive").fit(y)
    data = model.summary()["data"]
    assert data["series"] == 3 and data["values"] == 133 and (data["shortest"], data["longest"]) == (3, 70)
    assert (data["missing"], data["zeros"], data["too_short"], data["logarithms"]) == (2, 1, 1, 1)
    assert (data["first"], data["first_end"], data["last"]) == ("2015-01-01", "2015-03-01", "2020-10-01")
    text = " ".join(str(model.summary()).split())
    assert "133 values, 3 .. 70 each from 2015-01-01 to 2015-03-01 .. 2020-10-01, step MS" in text
    assert "2 (1.5%) missing, 1 (0.8%) zero; 1 series too short" in text


def test_a_season_has_a_reason() -> None:
    whys = {None: "guessed from the step MS", 6: "given"}
    for season, why in whys.items():
        found = quick(season_length=season).fit(monthly(60)).summary()["season"]
        assert (found["length"], found["why"]) == (season or 12, why)
    noise = 9.0 + np.random.default_rng(0).normal(size=30)
    numbers = quick().fit(noise).summary()
    assert numbers["season"] == {"length": 1, "why": "of plain numbers none is guessed", "longer": {}}
    assert "none (of plain numbers none is guessed)" in str(numbers)
    hidden = np.tile([1.0, 3.0, 2.0, 9.0], 12) + np.tile(noise, 2)[:48]
    for season, why in {None: "found in the series", 1: "found in the series", 4: "given"}.items():
        found = quick(season_length=season).fit(hidden).summary()["season"]
        assert (found["length"], found["why"]) == (4, why)
    step = np.arange(240)
    both = 10 * np.sin(step * np.pi / 2) + 30 * np.sin(step * np.pi / 6) + np.random.default_rng(0).normal(size=240)
    longer = quick(season_length=[4, 12]).fit(pd.DataFrame({"a": both + 100, "b": both * 0 + 50 + step % 4}))
    assert longer.summary()["season"]["longer"] == {12: 1}
    assert "1 series also have one of 12" in str(longer.summary())


def test_inputs_and_network_are_those_that_there_are() -> None:
    frame = long_of({"a": monthly(60), "b": monthly(60, 1)}).assign(price=1.0)
    static = pd.DataFrame({"kind": ["x", "y"]}, index=["a", "b"])
    model = quick(older_means=[(6, 2)], calendar=["month"], n_members=2).fit(frame, X=["price"], static=static)
    summary = model.summary()
    assert summary["inputs"]["known"] == ["price"] and summary["inputs"]["static"] == ["kind"]
    assert summary["inputs"]["older_means"] == [[6, 2]] and summary["inputs"]["context"] == model.context_length_
    assert len(summary["inputs"]["calendar"]) > 0
    assert summary["network"]["layers"] == [["GRU", 8]] and summary["network"]["members"] == 2
    assert summary["network"]["parameters"] == model._model.trained.thetas.shape[2]
    text = " ".join(str(summary).split())
    assert "2 means of 6 before them; known ahead: price; the same for a series: kind" in text
    assert "the median of 2 recursive networks for all series: GRU(8)" in text


def test_errors_are_those_of_the_windows(calibrated: RNNForecaster) -> None:
    """Seasonal naive by hand, in logarithms, of the two windows at the end; and what both are divided by."""
    y = np.log(monthly(60).to_numpy())
    starts = calibrated.intervals_.starts
    naive = [np.abs(y[60 - s :][:6] - y[60 - s - 12 :][:6]).mean() for s in starts]
    change = np.abs(y[12:] - y[:-12]).mean()
    found = calibrated.summary()["backtest"]
    assert found["seasonal_naive"] == pytest.approx(np.mean(naive) / change)
    assert (found["windows"], found["horizon"], found["held_out"]) == (2, 6, True)
    assert found["better"] == (found["error"] < found["seasonal_naive"])


def test_the_own_error_is_that_of_the_networks() -> None:
    """Where the networks of the fit forecast the windows, each by `predict` from there."""
    y = monthly(60)
    model = quick(intervals=Conformal(n_windows=2, horizon=6, held_out=False)).fit(y)
    errors = []
    for start in model.intervals_.starts:
        forecast = model.predict(6, y=y[:-start])
        errors.append(np.abs(np.log(forecast) - np.log(y[forecast.index])).mean())
    change = np.abs(np.diff(np.log(y).to_numpy().reshape(5, 12), axis=0)).mean()
    found = model.summary()["backtest"]
    assert found["error"] == pytest.approx(np.mean(errors) / change, rel=1e-5) and not found["held_out"]
    assert "that the networks have learned" in " ".join(str(model.summary()).split())


def test_it_says_when_seasonal_naive_is_better(calibrated: RNNForecaster) -> None:
    exact = pd.Series(np.tile(np.arange(12.0) ** 2 + 5, 6), index=monthly(72).index)
    noise = np.random.default_rng(0).normal(size=72) * 1e-3  # seasonal naive is all but right
    worse = quick(**CALIBRATED).fit(exact + noise + np.arange(72) * 0.0).summary()
    for summary in (worse, calibrated.summary()):
        found, text = summary["backtest"], " ".join(str(summary).split())
        less = f"{1 - found['error'] / found['seasonal_naive']:.0%} less"
        assert ("SEASONAL NAIVE IS BETTER" in text) == (not found["better"])
        assert (less in text) == found["better"]
        flipped = Summary(summary | {"backtest": found | {"error": 2.0, "seasonal_naive": 1.0, "better": False}})
        assert "2.00 of the change in a season, that of seasonal naive 1.00; SEASONAL NAIVE IS BETTER" in " ".join(
            str(flipped).split()
        )


def test_what_is_not_known_is_said() -> None:
    without = quick().fit(monthly(60)).summary()
    assert without["backtest"] is None and without["intervals"] is None
    assert "backtest    not known; cross_validation" in str(without) and "intervals   none" in str(without)
    scored = quick(loss="gaussian", intervals=CALIBRATED["intervals"]).fit(monthly(60)).summary()
    assert scored["backtest"] is None and scored["intervals"]["coverage"].keys() == {"80%", "95%"}
    short = quick(intervals=Conformal(n_windows=2, horizon=58)).fit(monthly(60)).summary()
    assert "conformal, not calibrated: even the longest series" in " ".join(str(short).split())


def test_it_is_a_dict_for_programs_and_survives_a_file(calibrated: RNNForecaster, tmp_path: Path) -> None:
    summary = calibrated.summary()
    assert json.loads(json.dumps(summary)) == summary and repr(summary) == str(summary)
    calibrated.save(tmp_path / "m.rnn")
    assert RNNForecaster.load(tmp_path / "m.rnn").summary() == summary
    assert max(map(len, str(summary).splitlines())) <= 88 and len(str(summary).splitlines()) < 24


def test_older_files_say_what_they_can() -> None:
    old = RNNForecaster.load(Path(__file__).parents[1] / "golden" / "forecaster.rnn").summary()
    assert old["data"]["first"] is None and old["data"]["last"] and old["backtest"] is None
    assert "values to" in str(old)


def test_an_update_moves_the_end(calibrated: RNNForecaster) -> None:
    model = quick(**CALIBRATED).fit(monthly(60)).update(monthly(62)[60:])
    assert model.summary()["data"]["last"] == "2020-02-01" and model.summary()["data"]["values"] == 60


def test_it_needs_a_fit() -> None:
    with pytest.raises(NotFittedError):
        RNNForecaster().summary()
