"""update: new rows move the ends of series on, as a stream does, for all series at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, RNNForecaster, Seq2Seq
from forecastrnn.datasets import load_airline
from forecastrnn.persistence.model_file import open_model
from support.forecaster_cases import NEW, OLD, SMALL, long_of, monthly, panel, quick
from support.naive_seasonal import seasonal_series
from support.slow_forecasts import slow_row, without_level


def pieces(y: pd.DataFrame, sizes: tuple[int, ...] = (1, 3, 5)) -> list[pd.DataFrame]:
    ends = np.cumsum(sizes)
    return [y[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def in_pieces(model: RNNForecaster, y: pd.DataFrame) -> RNNForecaster:
    for piece in pieces(y):
        model.update(piece)
    return model


@pytest.fixture(scope="module")
def airline() -> pd.Series:
    return load_airline()


@pytest.mark.parametrize("options", [
    {}, {"cell": "lstm", "hidden_layer_sizes": (8, 5), "dtype": "float64"}, {"older_means": [(6, 2), (9, 1)]},
    {"global_model": False}, {"id_embedding_dim": 2}, {"season_length": 1, "n_members": 1}, {"long_run_mean": True},
    {"candidates": "auto"},
], ids=["default", "two layers", "older", "local", "embeddings", "no season", "long-run mean", "mixed"])  # fmt: skip
def test_same_bits_as_streams(options: dict[str, Any], tmp_path: Path) -> None:
    """In one call, in pieces, or value by value: also what comes behind, and after a file."""
    y = panel()
    model = quick(**SMALL | options).fit(y[:OLD])
    model.save(tmp_path / "fitted")
    streams = {name: model.stream(name) for name in y}
    stepped = {name: [stream.step(value) for value in y[name][OLD:]][-1] for name, stream in streams.items()}
    model.update(y[OLD:])
    for name, stream in streams.items():
        assert model.predict(1)[name].iloc[0] == stepped[name] == model.stream(name).forecast
        again = model.stream(name)
        assert [again.step(value) for value in y[name]] == [stream.step(value) for value in y[name]]
    other = in_pieces(RNNForecaster.load(tmp_path / "fitted"), y[OLD:])
    pd.testing.assert_frame_equal(other.predict(5), model.predict(5), check_exact=True)
    other.save(tmp_path / "updated")
    loaded = RNNForecaster.load(tmp_path / "updated")
    drawn = [one.sample_paths(3, 2, calibrated=False, random_state=0) for one in (model, loaded)]
    pd.testing.assert_frame_equal(*drawn, check_exact=True)
    after = [one.update(panel(OLD + NEW + 2)[-2:]).predict(2) for one in (model, loaded)]
    pd.testing.assert_frame_equal(*after, check_exact=True)


@pytest.mark.parametrize("options", [{}, {"older_means": [(5, 2)], "long_run_mean": True}], ids=["plain", "means"])
def test_same_bits_as_long_streams(options: dict[str, Any]) -> None:
    """Trailing means are found anew at the same values, however many came at once."""
    y = seasonal_series(np.random.default_rng(0), 1700, 7)
    model, other = (quick(**SMALL | {"season_length": 7} | options).fit(y[:100]) for _ in range(2))
    stream = model.stream()
    for value in y[100:]:
        forecast = stream.step(value)
    assert model.update(y[100:]).predict(1).iloc[0] == forecast
    other.update(y[100:900]).update(y[900:1123])
    assert other.update(y[1123:]).predict(1).iloc[0] == forecast == other.stream().forecast
    assert model._model.tail.carried.since.tolist() == [1600 - 1023]


@pytest.mark.parametrize("strategy", [Direct(4), Seq2Seq(4)])
def test_other_strategies_read_the_context_anew(strategy: object) -> None:
    y = panel()
    model, other = (quick(**SMALL | {"strategy": strategy}).fit(y[:OLD]) for _ in range(2))
    before = model.predict(4)
    model.update(y[OLD:])
    pd.testing.assert_frame_equal(in_pieces(other, y[OLD:]).predict(4), model.predict(4), check_exact=True)
    assert not np.allclose(model.predict(4), before)
    assert model.predict(4).index[0] == before.index[0] + pd.DateOffset(months=NEW)
    np.testing.assert_allclose(model.predict(4), model.predict(4, y=y), rtol=0.3, atol=20.0)


@pytest.mark.parametrize("strategy", ["recursive", "seq2seq"])
def test_ends_say_what_a_longer_series_says(strategy: str) -> None:
    """With level, scale and figure of fit: values, inputs, phase and figure of each series, restated one by one."""
    y, options = panel(), {"strategy": strategy, "dtype": "float64"}
    model = quick(**SMALL | options).fit(y[:OLD])
    held = model._model.tail
    moved = model.update(y[OLD:])._model.tail
    for row, name in enumerate(y):
        p, values = held.prepared, y[name][OLD:].to_numpy()
        figure = p.after[row, np.arange(NEW + 12) % p.period_of[row]]
        z = without_level(p, values, row)
        z = np.concatenate([held.z[row], (z - figure[:NEW]) / p.scale[row]])
        np.testing.assert_allclose(moved.z[row], z[NEW:], rtol=1e-12, atol=1e-12)
        one = type("one", (), {"layout": p.layout, "period_of": p.period_of[row:], "static": p.static[row:]})
        for back in (1, 2, NEW):
            t = len(z) - 1 - back
            phase = moved.phase[row] - back
            np.testing.assert_allclose(moved.inputs[row, -back], slow_row(one, z, t, phase), rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(moved.prepared.after[row, :12], figure[NEW:])
        assert moved.phase[row] == (held.phase[row] + NEW) % 12


def test_weights_and_figures_stay() -> None:
    y = panel()
    model = quick(**SMALL).fit(y[:OLD])
    held, thetas, residuals = model._model, model._model.trained.thetas.tobytes(), model._model.residuals
    model.update(y[OLD:])
    assert model._model.trained.thetas.tobytes() == thetas and model._model.residuals is residuals
    for name in ("level", "scale", "linear", "period_of"):
        assert getattr(model._model.tail.prepared, name) is getattr(held.tail.prepared, name)
    assert model.n_iter_ == 20 and len(model.loss_curve_) == 1


def test_some_series_alone() -> None:
    """Those without new rows keep their bits, and each goes on from its own end; equal counts or not."""
    wide = panel()
    y = long_of({name: wide[name] for name in wide})
    model = quick(**SMALL).fit(y[y.ds < wide.index[OLD]])
    before = model.predict(3)
    new = y[(y.ds >= wide.index[OLD]) & ((y.unique_id == "a") & (y.ds < wide.index[OLD + 4]) | (y.unique_id == "c"))]
    assert model.update(new.sample(frac=1.0, random_state=0).sort_values("ds")) is model
    after = model.predict(3)
    pd.testing.assert_frame_equal(*(one[one.unique_id == "b"] for one in (before, after)), check_exact=True)
    begins = after.groupby("unique_id").ds.min()
    assert begins.tolist() == [wide.index[OLD + 4], wide.index[OLD], wide.index[-1] + pd.DateOffset(months=1)]
    one = quick(**SMALL).fit(wide[:OLD])
    stream = one.stream("a")
    forecast = [stream.step(value) for value in wide["a"][OLD : OLD + 4]][-1]
    assert after.RNN.iloc[0] == forecast
    alone = model.predict(3, ids=["c", "a"])
    expected = pd.concat([after[after.unique_id == name] for name in "ca"], ignore_index=True)
    pd.testing.assert_frame_equal(alone, expected, check_exact=True)


def test_every_form(airline: pd.Series) -> None:
    """A Series, a frame of one series, wide, long, MultiIndex, arrays: the same forecasts, behind the new rows."""
    y = airline[:70]
    keyed = y.to_frame("y").set_index(pd.MultiIndex.from_arrays([["a"] * 70, y.index], names=["id", "time"]))
    forms = {
        "series": y, "dated": y.rename_axis("month").reset_index(), "wide": y.to_frame(), "multi_frame": keyed,
        "long": long_of({"a": y}), "multi_series": keyed["y"], "array": y.to_numpy(),
        "periods": y.to_period(), "integers": y.set_axis(np.arange(10, 150, 2)),
    }  # fmt: skip
    found = {}
    for name, form in forms.items():
        model = quick(**SMALL, season_length=12).fit(form[:60])
        forecast = model.update(form[60:61]).update(form[61:]).predict(2)
        found[name] = forecast if isinstance(forecast, pd.Series) else forecast.iloc[:, -1]
        assert found[name].tolist() == found["series"].tolist(), name
    assert found["series"].index.equals(airline.index[70:72]) and found["series"].index.freqstr == "MS"
    assert found["array"].index.tolist() == [70, 71] and found["integers"].index.tolist() == [150, 152]
    assert found["periods"].index.equals(airline.index[70:72].to_period())
    listed = quick(**SMALL, season_length=12).fit(list(y[:60])).update(list(y[60:]))
    assert listed.predict(2).tolist() == found["series"].tolist()


def test_days_that_begin_late() -> None:
    """A day whose midnight the clock has left out is followed by days that begin at midnight."""
    days = pd.date_range("2018-08-01", periods=101).tz_localize("America/Sao_Paulo", nonexistent="shift_forward")
    late = 95
    assert str(days[late]) == "2018-11-04 01:00:00-02:00" and days[late + 1].hour == 0
    y = pd.Series(np.arange(101) % 7 + 5.0, index=days)
    for behind in (1, 2):
        model = quick(**SMALL).fit(y[:late])
        for row in range(late, late + behind):
            model.update(y[row : row + 1])
        assert model.predict(3).index.equals(days[late + behind : late + behind + 3])
    utc = y.tz_convert("UTC")
    assert quick(**SMALL).fit(y[:90]).update(y[90:95].set_axis(utc.index[90:95])).predict(1).index.tz == days.tz


def test_times_of_another_unit(airline: pd.Series) -> None:
    seconds = airline.set_axis(airline.index.as_unit("s"))
    model = quick(**SMALL).fit(airline[:-12]).update(seconds[-12:])
    assert model.predict(1).index[0] == pd.Timestamp("1961-01-01")
    assert model.predict(1).index.unit == airline.index.unit


@pytest.mark.parametrize("strategy", ["recursive", Direct(2)])
def test_missing_values_are_forecast(strategy: object) -> None:
    """As if the forecast had come true; rows that are absent as well; it does not matter what comes later."""
    y = panel()
    options = SMALL | {"missing": "mask", "strategy": strategy}
    gaps = y[OLD:].copy()
    gaps.loc[gaps.index[[2, 3, 8]], "a"] = np.nan
    gaps.loc[gaps.index[2], "c"] = np.nan
    model, other, filled = (quick(**options).fit(y[:OLD]) for _ in range(3))
    for row in range(NEW):
        values = gaps[row : row + 1]
        filled.update(values.fillna(filled.predict(1).iloc[0]))
    model.update(gaps)
    pd.testing.assert_frame_equal(model.predict(2), filled.predict(2), check_exact=True)
    for piece in (gaps[:3], gaps[3:4].assign(b=np.nan), gaps[4:]):
        other.update(piece)
    assert (other.predict(2)[["a", "c"]] == model.predict(2)[["a", "c"]]).all(axis=None)
    assert not np.array_equal(other.predict(2)["b"], model.predict(2)["b"])


def test_absent_rows_and_zeros() -> None:
    y = monthly(OLD + NEW)
    model, other = (quick(**SMALL, missing="mask").fit(y[:OLD]) for _ in range(2))
    absent = model.update(y[OLD:].drop(y.index[[OLD + 1, OLD + 4]])).predict(2)
    masked = other.update(y[OLD:].where(~y.index[OLD:].isin(y.index[[OLD + 1, OLD + 4]]))).predict(2)
    pd.testing.assert_series_equal(absent, masked, check_exact=True)
    counts = (y / 40).round() * (np.arange(len(y)) % 3 > 0)
    zero, one = (quick(**SMALL, missing="zero").fit(counts[:OLD]) for _ in range(2))
    gaps = counts[OLD:].replace(0.0, np.nan)
    pd.testing.assert_series_equal(zero.update(gaps).predict(2), one.update(counts[OLD:]).predict(2), check_exact=True)


def test_bounds_are_kept() -> None:
    """Of given bounds also by new rows, and by what takes the place of a gap; 0 until a value below it comes."""
    y = pd.Series(np.maximum(0.0, np.random.default_rng(0).normal(0.0, 1.0, OLD)))
    options = SMALL | {"season_length": 4, "missing": "mask"}
    model = quick(**options, bounds=(0, 3)).fit(y)
    held = model._model
    with pytest.raises(ValueError, match=r"bounds=\(0.0, 3.0\): series 'y_new' has -1 at 61"):
        model.update(pd.Series([1.0, -1.0], index=[60, 61]))
    assert model._model is held
    for bounds in ("auto", (0, 3)):
        low, gap = (quick(**options, bounds=bounds).fit(y) for _ in range(2))
        moved = low.update(pd.Series([0.0] * 5, index=range(60, 65))).predict(1).iloc[0]
        gap.update(pd.Series([0.0] * 5 + [np.nan], index=range(60, 66)))
        stream = quick(**options, bounds=bounds).fit(y).stream()
        last = [stream.step(value) for value in (0.0,) * 5][-1]
        assert last == moved and stream.step(max(last, 0.0)) == gap.predict(1).iloc[0]
    assert low._model.floors.all()
    negative = quick(**options, bounds="auto").fit(y).update(pd.Series([-3.0, -4.0, -5.0], index=range(60, 63)))
    assert not negative._model.floors.any() and (negative.predict(3) < 0).any()


def test_short_series_go_on_too() -> None:
    """Those that are forecast by their seasonal naive value: a season of values moves on, or the last value alone."""
    wide = panel()
    long = long_of({"a": wide["a"], "short": wide["a"][OLD - 3 :], "season": wide["b"][OLD - 15 :], "b": wide["b"]})
    old, new = long[long.ds < wide.index[OLD]], long[long.ds >= wide.index[OLD]]
    options = SMALL | {"short": "naive", "context_length": 20, "season_length": 12}
    with pytest.warns(UserWarning, match="2 of 4 series are too short"):
        model, other = (quick(**options).fit(old) for _ in range(2))
    for time in new.ds.unique():
        other.update(new[new.ds == time])
    found = model.update(new).predict(14)
    pd.testing.assert_frame_equal(other.predict(14), found, check_exact=True)
    begin = wide.index[-1] + pd.DateOffset(months=1)
    assert (found.groupby("unique_id").ds.min() == begin).all()
    assert set(found.RNN[found.unique_id == "short"]) == {wide["a"].iloc[-1]}
    season = wide["b"][-12:].tolist()
    assert found.RNN[found.unique_id == "season"].tolist() == season + season[:2]
    alone = quick(**SMALL | {"context_length": 20, "season_length": 12}).fit(old[old.unique_id.isin(["a", "b"])])
    expected = alone.update(new[new.unique_id.isin(["a", "b"])]).predict(14)
    learned = found[found.unique_id.isin(["a", "b"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(learned, expected, check_exact=True)


def test_a_new_fit_begins_anew(airline: pd.Series, tmp_path: Path) -> None:
    """Nothing of the update is left; a warm start goes on with the weights; files say nothing of what has not been."""
    model = quick(**SMALL).fit(airline[:60]).update(airline[60:70])
    pd.testing.assert_series_equal(model.fit(airline).predict(3), quick(**SMALL).fit(airline).predict(3))
    model.save(tmp_path / "fitted")
    with open_model(tmp_path / "fitted") as file:
        assert "carried" not in str(file.header)
    model.set_params(warm_start=True).update(airline[-1:].set_axis([pd.Timestamp("1961-01-01")]))
    assert model.fit(airline).n_iter_ == 40 and model._model.tail.carried is None


def test_what_is_refused(airline: pd.Series) -> None:
    """Each with what is wrong, where, and what to do; and nothing has moved."""
    old, new = airline[:100], airline[100:110]
    model = quick(**SMALL).fit(old)
    held = model._model
    spoilt, nothing = new.copy(), new.copy()
    spoilt.iloc[3], nothing.iloc[2] = 0.0, np.nan
    cases: list[tuple[Any, type[Exception], str]] = [
        (new[1:], ValueError, r"series 'airline' ends at 1957-04-01 00:00:00, y_new begins at 1957-06-01 00:00:00; "
         r"expected 1957-05-01 00:00:00 \(fill the gap with NaN rows and missing='mask', or predict\(y=...\)\)"),
        (airline[99:110], ValueError, "ends at 1957-04-01 .* begins at 1957-04-01 .*rows that are known already cannot "
         "be given again, also if they are equal"),
        (airline[50:60], ValueError, "y_new begins at 1953-03-01 .*; expected 1957-05-01 .*known already"),
        (new.drop(new.index[4]), ValueError,
         "y_new lacks a row of freq=MS: series 'airline' has none at 1957-09-01 .*: add it .* it be a gap"),
        (spoilt, ValueError, r"y_new: series 'airline' has 0 at 1957-08-01 00:00:00, but all its values in fit were "
         r"positive.* \(1 such value\). Correct it, make it missing \(missing='mask'\), or fit anew"),
        (nothing, ValueError, "y_new contains NaN: series 'airline' has 1 such value, the first at 1957-07-01"),
        (new.replace(new.iloc[0], np.inf), ValueError, "y_new contains infinity"),
        (new.to_frame(), ValueError, "y_new must have the form of the y of fit, a Series. Got a wide frame"),
        (new.to_numpy(), ValueError, "must have the form of the y of fit, a Series. Got a list or an array"),
        (new.set_axis(range(100, 110)), ValueError, "of y_new holds integers, but the series go on from dates"),
        (new.tz_localize("UTC"), ValueError, "holds dates with a time zone, but the series go on from dates: give"),
        (new[:0], ValueError, "y_new: series 'airline' has length 0 but it needs at least 1"),
        (3.5, TypeError, "y_new must be a pandas Series or DataFrame, a list or a 1-D array"),
        (new.astype(str), TypeError, "y_new: column 'airline' must hold numbers"),
    ]  # fmt: skip
    for y, kind, message in cases:
        with pytest.raises(kind, match=message):
            model.update(y)
        assert model._model is held
    with pytest.raises(ValueError, match="y_new holds periods of D, but the series go on in periods of M"):
        quick(**SMALL).fit(old.to_period()).update(pd.Series(1.0, pd.period_range("1957-05-01", periods=2, freq="D")))


def test_what_is_refused_of_panels() -> None:
    wide = panel()
    old, new = wide[:OLD], wide[OLD:]
    model = quick(**SMALL).fit(old)
    with pytest.raises(ValueError, match=r"lacks the column 'b': the series of a wide frame end together. Give NaN"):
        model.update(new[["a", "c"]])
    with pytest.raises(ValueError, match=r"y_new: series 'Z' was not in fit. predict\(y=...\) forecasts series that"):
        model.update(new.assign(Z=1.0))
    y = long_of({name: wide[name] for name in wide})
    model = quick(**SMALL).fit(y[y.ds < wide.index[OLD]])
    held, late = model._model, y[y.ds >= wide.index[OLD]]
    with pytest.raises(ValueError, match=r"'b' ends at 2019-12-01 .* begins at 2020-02-01 .* \(1 more series does"):
        model.update(late[(late.ds > wide.index[OLD]) | (late.unique_id == "a")])
    late.loc[late.ds == wide.index[-1], "y"] = -5.0
    with pytest.raises(ValueError, match=r"series 'a' has -5 at 2020-09-01 .* \(2 such values\)"):
        model.update(late)
    assert model._model is held
    with pytest.raises(ValueError, match="series 'x' was not in fit"):
        model.update(late.assign(unique_id="x").drop_duplicates("ds"))


def test_a_few_new_rows_are_no_history(airline: pd.Series) -> None:
    """`predict` says what is meant where the y of known series has just begun."""
    said = (
        r"y of predict: series 'airline' has 12 rows, which begin right behind the end of the series that is known, at "
        r"1957-05-01.*: a forecast would rest on them alone. Take them in with update\(y_new\), or give the whole"
    )
    model = quick(hidden_layer_sizes=8).fit(airline[:100])
    with pytest.raises(ValueError, match=said):
        model.predict(3, y=airline[100:112])
    with pytest.raises(ValueError, match=said.replace("12 rows", "2 rows")):  # also where they are too few to read
        model.predict(3, y=airline[100:102])
    with pytest.raises(ValueError, match="series 'airline' has length 2 but forecasting needs at least 4"):
        model.predict(3, y=airline[90:92])
    assert len(model.predict(3, y=airline[100:125])) == len(model.predict(3, y=airline[90:102])) == 3
    assert len(model.predict(3, y=airline[100:112].rename("another"))) == 3
    wide = panel()
    model = quick(hidden_layer_sizes=8).fit(wide[:OLD])
    with pytest.raises(ValueError, match="series 'a' has 9 rows, which begin right behind the end"):
        model.predict(1, y=wide[OLD:])
    assert len(model.predict(1, y=wide[OLD:].rename(columns=str.upper))) == 1
