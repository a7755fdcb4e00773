"""The calendar of a forecaster: what it learns of dates, in every method, in files and in backtests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from holidays import country_holidays

from forecastrnn import Calendar, Conformal, Direct, Holidays, RNNForecaster, load
from support.forecaster_cases import SMALL, long_of, monthly, quick

DAYS = pd.date_range("2022-01-03", periods=900)
FRANCE = Calendar(["weekday"], holidays=Holidays("FR", before=0, after=0))
NOT_X = ("weekday_sin1", "weekday_cos1", "weekday_sin2", "weekday_cos2", "weekday_sin3", "weekday_cos3", "holiday")


def daily(n: int = 900, seed: int = 0) -> pd.Series:
    """Around 100; 20 less on weekends, and 40 less on the holidays of France."""
    rng, index = np.random.default_rng(seed), DAYS[:n]
    holidays = pd.DatetimeIndex([*country_holidays("FR", years=range(2022, 2025))])
    lower = 40.0 * index.isin(holidays) + 20.0 * (index.day_of_week >= 5)
    return pd.Series(100.0 - lower + rng.normal(0.0, 2.0, n), index=index, name=f"s{seed}")


def small(**options: Any) -> RNNForecaster:
    return quick(**SMALL | {"n_members": 1, "calendar": FRANCE} | options)


# What is learned --------------------------------------------------------------------------------------------------
def test_a_holiday_of_the_horizon_is_forecast() -> None:
    """1 May 2024 is a Wednesday, 8 May too; a week later it is none."""
    known, days = daily()[:"2024-04-20"], ["2024-05-01", "2024-05-08", "2024-05-15"]
    options = {"max_steps": 400, "hidden_layer_sizes": 32, "context_length": 14}
    effect = 100.0 - small(**options).fit(known).predict(30)[days]
    np.testing.assert_allclose(effect, [40.0, 40.0, 0.0], atol=10.0)


@pytest.mark.parametrize(
    "form",
    [
        lambda y: y,
        lambda y: y.to_frame("a").assign(b=2 * y),
        lambda y: long_of({"a": y, "b": y[:-40]}),
        lambda y: y.tz_localize("Europe/Paris"),
        lambda y: y.to_period("D"),
        lambda y: y.rename_axis("ds").reset_index(),
    ],
    ids=["series", "wide", "long", "zone", "periods", "dated"],
)
@pytest.mark.parametrize("strategy", ["recursive", "seq2seq", Direct(9)], ids=["recursive", "seq2seq", "direct"])
def test_every_form_has_the_same_calendar(form: Any, strategy: Any) -> None:
    """Series of the fit and the same given to predict have the same bits, and so have a file and its copy."""
    y = form(daily(300))
    model = small(max_steps=3, calendar=Calendar(["weekday"], holidays="FR"), strategy=strategy).fit(y)
    forecast = model.predict(9)
    pd.testing.assert_frame_equal(pd.DataFrame(model.predict(9, y=y)), pd.DataFrame(forecast), check_exact=True)
    assert model._model.calendar.columns == (*NOT_X, "holiday_before1", "holiday_after1")
    assert model.covariates_ == () and not hasattr(model, "feature_names_in_")


def test_local_networks_have_one_too() -> None:
    wide = pd.DataFrame({"a": daily(200), "b": daily(200, 1)})
    model = small(global_model=False, max_steps=3).fit(wide)
    pd.testing.assert_frame_equal(model.predict(5, y=wide), model.predict(5), check_exact=True)


# Beside covariates --------------------------------------------------------------------------------------------------
def test_beside_x_and_static() -> None:
    y, rng = daily(300), np.random.default_rng(1)
    price = pd.DataFrame({"price": rng.normal(9.0, 1.0, 330), "shop": rng.choice(["a", "b"], 330)}, DAYS[:330])
    model = small(max_steps=3).fit(y, price, static={"size": 3.5})
    assert [one.name for one in model.covariates_] == ["price", "shop", "size"]
    assert [*model.feature_names_in_] == ["price", "shop"]
    forecast = model.predict(9, X=price)
    assert not forecast.equals(model.predict(9, X=price.assign(price=3.0)))
    pd.testing.assert_series_equal(
        model.predict(9, y=y, X=price[::-1], static={"size": 3.5}), forecast, check_exact=True
    )
    with pytest.raises(ValueError, match="fitted with X .'price', 'shop'.; give their values"):
        model.predict(9)
    stream = model.stream(X=price.iloc[300].to_dict())
    assert stream.forecast == pytest.approx(forecast.iloc[0], rel=1e-5)
    following = stream.step(90.0, price.iloc[301].to_dict())
    model.update(pd.Series([90.0], index=DAYS[300:301]), X=price)
    assert model.predict(1, X=price).iloc[0] == following


def test_past_and_the_calendar() -> None:
    y, visits = daily(300), daily(300, 5).to_frame("visits")
    model = small(strategy="seq2seq", max_steps=3).fit(y, past=visits)
    pd.testing.assert_series_equal(model.predict(9, y=y, past=visits), model.predict(9), check_exact=True)
    model.update(pd.Series([90.0], DAYS[300:301]), past=pd.Series([80.0], DAYS[300:301], name="visits"))
    assert np.isfinite(model.predict(3)).all()


@pytest.mark.parametrize("name", ["weekday", "holiday"])
def test_a_column_of_x_is_not_called_as_a_feature(name: str) -> None:
    y = daily(300)
    with pytest.raises(ValueError, match=f"column '{name}' is a covariate, and calendar makes one of that name"):
        small().fit(y, pd.DataFrame({name: 1.0}, y.index))


# Going on -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{}, {"strategy": "seq2seq"}], ids=["recursive", "seq2seq"])
def test_new_rows_in_pieces_and_streams(options: dict[str, Any], tmp_path: Path) -> None:
    """Over 1 May, with a value that nobody knows; 40 steps of a stream, more than it finds dates for at once."""
    y = daily(900)
    known, new = y[:"2024-04-20"], y["2024-04-21":"2024-05-30"].copy()
    model = small(missing="mask", max_steps=3, **options).fit(known)
    model.save(tmp_path / "model.rnn")
    again = load(tmp_path / "model.rnn")
    for part in (new[:1], new[1:15], new[15:]):
        model.update(part)
    again.update(new)
    np.testing.assert_array_equal(model.predict(9), again.predict(9))
    if not options:
        stream = load(tmp_path / "model.rnn").stream()
        forecasts = [stream.step(value) for value in new]
        assert forecasts[-1] == again.predict(1).iloc[0]
    gap = load(tmp_path / "model.rnn").update(new.where(new.index != "2024-05-01"))
    assert np.isfinite(gap.predict(3)).all()


def test_a_warm_start_keeps_the_calendar() -> None:
    """Its columns are those of the first fit, also where new series would have given cause for others."""
    model = small(warm_start=True, max_steps=3, calendar=Calendar(["month"], holidays="FR")).fit(daily(200))
    columns = model._model.calendar.columns
    model.fit(daily(40))
    assert model._model.calendar.columns == columns
    with pytest.raises(ValueError, match="warm_start=True: X, past and static must have the columns of the first fit"):
        model.set_params(calendar=None).fit(daily(200))


# Files --------------------------------------------------------------------------------------------------------------
EVENTS = pd.DataFrame({"name": ["fair", "fair", "sale"], "time": ["2022-06-01", "2022-10-30", "2022-08-02"],
                       "series": ["a", None, "a"]})  # fmt: skip


def test_files_keep_the_dates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forecast needs the package no longer; the calendar that was asked for comes back as well."""
    wide = pd.DataFrame({"a": daily(300), "b": daily(300, 1)})
    model = small(max_steps=3, calendar=Calendar(holidays=Holidays("FR", by="name"), events=EVENTS)).fit(wide)
    model.save(tmp_path / "model.rnn")
    monkeypatch.setitem(sys.modules, "holidays", None)
    again = load(tmp_path / "model.rnn")
    pd.testing.assert_frame_equal(again.predict(30), model.predict(30), check_exact=True)
    assert again.calendar.holidays == Holidays("FR", by="name")
    assert again.calendar.events["name"].tolist() == ["fair", "fair", "sale"]
    assert again.calendar.events["series"].isna().tolist() == [False, True, False]
    with pytest.raises(ImportError, match="holidays of FR need the package"):
        again.fit(wide)


# Backtests ----------------------------------------------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore:y. series .* times as far from the values beside it")  # the garbage
def test_backtests_are_those_by_hand_and_know_nothing_later() -> None:
    """An event and a holiday that only come behind the first cutoff are not there at it."""
    y = daily(300)
    events = pd.DataFrame({"name": ["fair", "fair"], "time": [y.index[100], y.index[285]]})
    model = small(max_steps=3, calendar=Calendar(["weekday"], holidays=Holidays("FR", by="name"), events=events))
    table = model.cross_validation(y, 10, n_windows=2, n_jobs=1)
    for cutoff, part in table.groupby("cutoff"):
        by_hand = model.fit(y[:cutoff])
        np.testing.assert_array_equal(by_hand.predict(10), part["RNN"])
    spoilt = y.where(y.index <= table["cutoff"].iloc[0], 1e6)
    same = model.cross_validation(spoilt, 10, n_windows=2, n_jobs=1)
    np.testing.assert_array_equal(same["RNN"][:10], table["RNN"][:10])
    for refit in (False, "update"):
        assert model.cross_validation(y, 10, n_windows=2, refit=refit)["RNN"].notna().all()


def test_networks_that_calibrate_choose_for_themselves() -> None:
    """What was seen once before the windows is no channel of theirs, though it is one of the fit."""
    y = daily(500)
    events = pd.DataFrame({"name": ["late"], "time": [y.index[480]]})
    options = {"max_steps": 3, "intervals": Conformal(n_windows=3, horizon=10)}
    model = small(calendar=Calendar(["weekday"], events=events), **options).fit(y)
    without = small(calendar=["weekday"], **options).fit(y)
    assert model._model.calendar.columns == (*NOT_X[:-1], "late")
    np.testing.assert_array_equal(model.intervals_.table, without.intervals_.table)
    lines = model.predict(5, level=80)
    assert (lines["RNN-lo-80"] < lines["RNN"]).all()


# Errors -------------------------------------------------------------------------------------------------------------
def test_what_fit_refuses() -> None:
    with pytest.raises(TypeError, match="calendar needs dates: the times of y are integers"):
        small().fit([1.0, 2.0, 3.0] * 20)
    with pytest.raises(ValueError, match="'weekdy' is no feature"):
        small(calendar=["weekdy"]).fit(daily(100))
    with pytest.raises(ValueError, match="does not know XX"):
        small(calendar=Calendar(holidays="XX")).fit(daily(100))
    with pytest.raises(ValueError, match=r"must be .* A single name goes into a list, \['weekday'\]"):
        small(calendar="weekday").fit(daily(100))
    with pytest.raises(ValueError, match="The 'calendar__holidays__by' parameter of RNNForecaster must be"):
        small(calendar=Calendar(holidays=Holidays("FR", by="day"))).fit(daily(100))


def test_years_behind_those_that_are_kept() -> None:
    months = pd.Series(np.arange(60.0) % 7 + 3, pd.date_range("2019-01-01", periods=60, freq="MS"))
    model = small(max_steps=3, calendar=Calendar(None, holidays="FR")).fit(months)
    assert len(model.predict(120)) == 120
    with pytest.raises(ValueError, match="holidays of FR are known for 2019 .. 2033, fixed in fit, but not for 2034"):
        model.predict(121)


def test_short_forms_and_names_of_parameters() -> None:
    model = RNNForecaster(calendar="auto").set_params(calendar__features=["weekday"], calendar__holidays="FR")
    assert model.set_params(calendar__holidays__before=2).calendar == Calendar(["weekday"], Holidays("FR", before=2))
    assert model.get_params()["calendar__holidays__after"] == 1
    with pytest.raises(ValueError, match="calendar=None has no parameters"):
        RNNForecaster().set_params(calendar__holidays="FR")


@pytest.mark.parametrize(
    "options", [{"calendar": "auto"}, {"calendar": []}, {"calendar": "auto", "strategy": "seq2seq"}]
)
def test_a_calendar_that_says_nothing_is_none(options: dict[str, Any], tmp_path: Path) -> None:
    """Of months "auto" leaves the season alone, which networks know: files have nothing to keep of it."""
    y = monthly(60)
    model = quick(**options).fit(y[:50]).update(y[50:])
    model.save(tmp_path / "model.rnn")
    assert load(tmp_path / "model.rnn").predict(12).equals(model.predict(12))
    assert np.isfinite(model.stream().step(100.0))
