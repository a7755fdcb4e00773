"""The forecaster's fits: gaps, early stopping, warm starts, errors that keep the old model, size."""

from __future__ import annotations

import pickle
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from forecastrnn import SGD, AdamW, Direct, EarlyStopping, RNNForecaster
from forecastrnn.callbacks import MemberUpdate
from forecastrnn.datasets import load_co2
from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.forecasting import members
from support.forecaster_cases import long_of, mase, monthly, quick

# Mini-batches -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "options", "batch"),
    [
        (1, {}, 16),
        (9, {}, 64),
        (9, {"batch_size": 7}, 7),
        (1, {"batch_size": 64}, 64),
        (9, {"global_model": False}, 16),
    ],
)
def test_mini_batches_are_small_where_windows_are_few(n: int, options: dict[str, Any], batch: int) -> None:
    """A series of 80 values has 44 windows: nine have more than three hundred."""
    wide = pd.DataFrame({f"s{seed}": monthly(80, seed) for seed in range(n)})
    assert quick(max_steps=1, **options).fit(wide)._model.settings.batch_size == batch


# Missing values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [slice(0, 5), slice(60, 75), slice(-4, None)], ids=["start", "middle", "end"])
@pytest.mark.parametrize("options", [{}, {"strategy": Direct(12)}], ids=["recursive", "direct"])
def test_gaps_are_masked(airline: pd.Series, gap: slice, options: dict) -> None:
    y = airline.copy()
    y.iloc[gap] = np.nan
    model = quick(missing="mask", **options).fit(y)
    forecast = model.predict(12)
    assert forecast.index[0] == pd.Timestamp("1961-01-01")
    assert (forecast > 250).all() and (forecast < 800).all()
    pd.testing.assert_series_equal(model.predict(12, y=y), forecast)
    with pytest.raises(ValueError, match=r"NaN.*'airline' has \d+ such values.*fill them"):
        quick(**options).fit(y)


def test_gap_at_the_end_costs_little(airline: pd.Series) -> None:
    """Four unknown months, then twelve to forecast: about as good as sixteen months ahead."""
    y = airline[:-12].copy()
    y.iloc[-4:] = np.nan
    forecast = (
        RNNForecaster(candidates="network", intervals=None, missing="mask", n_members=1, random_state=0)
        .fit(y)
        .predict(12)
    )
    assert mase(airline, forecast.to_numpy(), 12) < 1.5


def test_leading_gap_is_as_a_shorter_series(airline: pd.Series) -> None:
    y = airline.copy()
    y.iloc[:20] = np.nan
    np.testing.assert_array_equal(quick(missing="mask").fit(y).predict(6), quick().fit(airline[20:]).predict(6))


def test_real_gaps() -> None:
    forecast = quick(missing="mask").fit(load_co2()).predict(52)
    assert forecast.between(360, 385).all()


@pytest.mark.parametrize("known", [1, 2, 5])
@pytest.mark.parametrize("first", [0, 10, 35])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_few_known_values(known: int, first: int, early_stopping: bool) -> None:
    y = np.full(40, np.nan)
    y[first : first + known] = 5.0
    np.testing.assert_allclose(quick(missing="mask", early_stopping=early_stopping).fit(y).predict(3), 5.0, rtol=0.02)


def test_series_of_nothing_but_nan() -> None:
    with pytest.raises(ValueError, match="every value of series 'b' is NaN"):
        quick(missing="mask").fit(pd.DataFrame({"a": np.ones(9), "b": np.nan}))


# Early stopping and warm starts -----------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"strategy": Direct(3)}], ids=["recursive", "direct"])
def test_early_stopping_keeps_the_best(options: dict) -> None:
    y = pd.DataFrame({k: monthly(60, k) for k in range(3)})
    shared = {"solver": AdamW(0.01), "hidden_layer_sizes": 16, **options}
    model = quick(early_stopping=EarlyStopping(patience=3), max_steps=1000, **shared).fit(y)
    member = model._model.trained.members[0]
    scores = member.validation_scores
    assert len(scores) == min(member.best_iter + 3, 20)
    assert member.best_iter == 1 + int(np.argmax(scores))
    short = quick(early_stopping=True, max_steps=50 * member.best_iter, **shared).fit(y)
    np.testing.assert_array_equal(short.predict(3), model.predict(3))


def test_early_stopping_takes_unequal_and_short_series() -> None:
    y = long_of({"a": monthly(4), "b": monthly(200, 1), "c": monthly(9, 2)})
    assert np.isfinite(quick(early_stopping=True, max_steps=60).fit(y).predict(3)["RNN"]).all()


@pytest.mark.parametrize("max_steps", [7, 50, 100])
def test_max_steps_is_the_number_of_updates(airline: pd.Series, max_steps: int) -> None:
    assert quick(max_steps=max_steps).fit(airline).n_iter_ == max_steps


def test_warm_start_goes_on(airline: pd.Series) -> None:
    model = quick(warm_start=True, max_steps=50).fit(airline[:-12])
    first = model.predict(6)
    model.fit(airline)
    assert (model.n_iter_, len(model.loss_curve_)) == (100, 2)
    assert model.loss_curve_[1] < model.loss_curve_[0]
    cold = quick(max_steps=50).fit(airline)
    assert (model.predict(6) != cold.predict(6)).all()
    assert len(first) == 6 and model.predict(1).index[0] == pd.Timestamp("1961-01-01")


@pytest.mark.parametrize(
    "change",
    [{"hidden_layer_sizes": 9}, {"cell": "lstm"}, {"n_members": 2}, {"dtype": "float64"}, {"season_length": 6},
     {"strategy": Direct(5)}],
)  # fmt: skip
def test_warm_start_refuses_another_network(airline: pd.Series, change: dict) -> None:
    model = quick(warm_start=True).fit(airline)
    before = model.predict(5)
    with pytest.raises(ValueError, match="warm_start"):
        model.set_params(**change).fit(airline)
    model.set_params(**{name: getattr(quick(), name) for name in change})
    pd.testing.assert_series_equal(model.predict(5), before)


# Callbacks --------------------------------------------------------------------------------------------


def test_callback_sees_each_member_every_50_updates(airline: pd.Series) -> None:
    seen: list[MemberUpdate] = []
    model = quick(n_members=2, max_steps=120, warm_start=True).fit(airline, callback=seen.append)
    assert [(look.member, look.update) for look in seen] == [(k, n) for k in (0, 1) for n in (50, 100, 120)]
    assert np.mean([[look.loss for look in seen if look.member == k] for k in (0, 1)], axis=0).tolist() == (
        model.loss_curve_
    )
    assert all(look.validation_score is None for look in seen)
    np.testing.assert_array_equal(model.predict(3), quick(n_members=2, max_steps=120).fit(airline).predict(3))
    model.set_params(early_stopping=True).fit(airline, callback=seen.append)
    assert seen[-1].update == 240
    assert [look.validation_score for look in seen[9:]] == model._model.trained.members[1].validation_scores


def test_callback_stops_the_member(airline: pd.Series) -> None:
    """The rate follows a cycle over max_steps: only a constant one makes a shorter fit the same."""
    constant = {"solver": AdamW(0.004), "n_members": 2}
    stopped = quick(max_steps=200, **constant).fit(airline, callback=lambda look: look.update == 100)
    np.testing.assert_array_equal(stopped.predict(3), quick(max_steps=100, **constant).fit(airline).predict(3))
    assert stopped.n_iter_ == 100


def test_callback_that_fails_keeps_the_old_model(airline: pd.Series) -> None:
    model = quick().fit(airline)
    before = state_of(model)
    with pytest.raises(ZeroDivisionError):
        model.fit(airline[:-20], callback=lambda look: 1 / 0)
    with pytest.raises(TypeError, match="callback must be None or a function that takes a look.*Got int"):
        model.fit(airline[:-20], callback=3)
    with pytest.raises(ValueError, match="callback needs global_model=True"):
        model.set_params(global_model=False).fit(airline[:-20], callback=print)
    model.set_params(global_model=True)
    assert state_of(model) == before


# Copies, parameters, errors -----------------------------------------------------------------------------


def test_pickle(fitted: RNNForecaster) -> None:
    copy = pickle.loads(pickle.dumps(fitted))
    pd.testing.assert_series_equal(copy.predict(12), fitted.predict(12))
    paths = (model.sample_paths(3, calibrated=False, random_state=0) for model in (copy, fitted))
    pd.testing.assert_frame_equal(*paths)


def test_pickle_does_not_hold_the_training_data() -> None:
    sizes = [len(pickle.dumps(quick().fit(np.arange(1.0, n)))) for n in (100, 20_000)]
    assert abs(sizes[1] - sizes[0]) < 10_000


def test_clone_and_parameters() -> None:
    model = quick(cell="lstm", season_length=7)
    copy = clone(model)
    assert copy.get_params() == model.get_params() and not hasattr(copy, "_model")
    assert copy.set_params(season_length=3).season_length == 3
    with pytest.raises(ValueError, match="(?s)Invalid parameter 'foo'.*Valid parameters are"):
        copy.set_params(foo=1)


def test_fit_does_not_change_parameters(airline: pd.Series) -> None:
    model = quick()
    before = model.get_params()
    model.fit(airline)
    assert model.get_params() == before


@pytest.mark.parametrize("call", [lambda m: m.predict(3), lambda m: m.sample_paths(3), lambda m: m.stream()])
def test_nothing_before_fit(call: Any) -> None:
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        call(RNNForecaster())


def state_of(model: RNNForecaster) -> tuple:
    return model.predict(6).tolist(), model.loss_curve_, model.n_iter_, model.season_length_


def test_failed_fit_keeps_the_old_model(airline: pd.Series) -> None:
    model = quick().fit(airline)
    before = state_of(model)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(airline.where(airline > 200))
    with pytest.raises(ValueError, match="season_length"):
        model.set_params(season_length=0).fit(airline)
    with pytest.raises(TrainingDivergedError, match=r"diverged.*learning rate 1e\+30"):
        model.set_params(season_length=4, solver__learning_rate__peak=1e30).fit(airline)
    assert state_of(model) == before


DIVERGENT = [{}, {"solver": AdamW(1e30, clip_norm=None)}, {"solver": SGD(1e30)}, {"dtype": "float64"}]


@pytest.mark.parametrize("options", DIVERGENT)
@pytest.mark.parametrize("max_steps", [1, 20])
def test_divergence_is_an_error(airline: pd.Series, options: dict, max_steps: int) -> None:
    with pytest.raises(TrainingDivergedError, match="the loss (increased|became)"):
        quick(**{"solver": AdamW(1e30), "max_steps": max_steps} | options).fit(airline)


@pytest.mark.parametrize("rate", [50.0, 300.0, 1e4])
@pytest.mark.parametrize("options", [{}, {"global_model": False}, {"loss": "squared_error"}], ids=str)
def test_a_rate_far_too_high_is_an_error_where_the_loss_stays_finite(rate: float, options: dict) -> None:
    y = pd.Series(10 + np.sin(np.arange(120) * 2 * np.pi / 7), pd.date_range("2020", periods=120))
    with pytest.raises(TrainingDivergedError, match="diverged.*Lower solver__learning_rate"):
        quick(max_steps=60, solver=AdamW(rate), **options).fit(y)


NEVER = {
    "constant": np.full(120, 3.0),
    "noise": np.random.default_rng(0).normal(size=120),
    "walk": np.random.default_rng(0).normal(size=120).cumsum(),
    "trend": np.arange(120.0),
    "counts": np.random.default_rng(0).poisson(0.3, 120),
}


@pytest.mark.parametrize("name", NEVER)
def test_no_false_alarm(name: str) -> None:
    """At the usual rate, with 5 updates and with 60, and where a fit goes on."""
    for options in ({}, {"global_model": False}, {"loss": "squared_error"}):
        for steps in (5, 60):
            model = quick(max_steps=steps, warm_start=True, **options).fit(NEVER[name])
            model.fit(NEVER[name])


@pytest.mark.parametrize("warm_start", [False, True])
def test_interrupt_keeps_the_old_model(airline: pd.Series, monkeypatch: pytest.MonkeyPatch, warm_start: bool) -> None:
    model = quick(n_members=2, warm_start=warm_start).fit(airline)
    before, calls, train = state_of(model), [], members.train

    def interrupted(*args: Any, **options: Any) -> Any:
        calls.append(train(*args, **options))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return calls[-1]

    monkeypatch.setattr(members, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(airline[:-30])
    assert len(calls) == 2 and state_of(model) == before


def test_verbose_prints_and_silence_is_the_default(airline: pd.Series, capsys: pytest.CaptureFixture) -> None:
    quick().fit(airline)
    assert capsys.readouterr() == ("", "")
    quick(verbose=True).fit(airline)
    assert "loss = " in capsys.readouterr().out


def test_ten_thousand_short_series() -> None:
    values = np.random.default_rng(0).gamma(9.0, 1.0, (40, 10_000))
    wide = pd.DataFrame(values, index=pd.date_range("2020-01-01", periods=40, freq="MS"))
    begun = time.process_time()
    forecast = quick(max_steps=5).fit(wide).predict(6)
    assert time.process_time() - begun < 20
    assert forecast.shape == (6, 10_000) and np.isfinite(forecast.to_numpy()).all()


def test_some_series_up_to_a_time() -> None:
    """Series by name, in the order asked for, and a date instead of a number of steps: the forecasts stay."""
    frame = long_of({"a": monthly(40), "b": monthly(36, 2), "c": monthly(30, 3)})
    model = quick().fit(frame)
    whole = model.predict(12).set_index(["unique_id", "ds"])["RNN"]
    some = model.predict(12, ids=["c", "a"])
    assert some["unique_id"].unique().tolist() == ["c", "a"]
    np.testing.assert_allclose(some["RNN"], whole.loc[["c", "a"]], rtol=1e-5)
    until = model.predict(whole.loc["b"].index[2], ids="b")
    np.testing.assert_allclose(until["RNN"], whole.loc["b"][:3], rtol=1e-5)
    assert model.predict(3, y=frame, ids=["b"])["unique_id"].tolist() == ["b"] * 3
    with pytest.raises(ValueError, match="unknown series: 'd'; the known series are 'a', 'b', 'c'"):
        model.predict(3, ids=["a", "d"])
    wide = model.fit(frame.pivot(index="ds", columns="unique_id", values="y").dropna())
    assert wide.predict(2, ids=["b"]).columns.tolist() == ["b"] and wide.predict("2030").shape[1] == 3
    direct = quick(strategy=Direct(3)).fit(monthly(40))
    with pytest.raises(ValueError, match="is more than horizon=3"):
        direct.predict("2030")


def test_absent_rows_train_as_rows_of_nan() -> None:
    """The same networks to the last bit, through a long frame without the rows."""
    holes = monthly(60)
    holes.iloc[[7, 8, 30]] = np.nan
    expected = quick(missing="mask").fit(holes).predict(4)
    np.testing.assert_array_equal(quick(missing="mask").fit(holes.dropna()).predict(4), expected)
    table = holes.dropna().rename_axis("month").rename("sold").reset_index()
    found = quick(missing="mask").fit(table.assign(month=table["month"].dt.strftime("%Y-%m"))).predict(4)
    assert found["month"].tolist() == expected.index.tolist()
    np.testing.assert_array_equal(found["RNN"], expected)
    with pytest.raises(ValueError, match="missing='mask'"):
        quick().fit(table)


def test_series_of_other_steps_are_named() -> None:
    model = quick().fit(pd.Series(np.arange(60.0) % 7, index=pd.date_range("2024", periods=60)))
    hours = pd.Series(np.arange(60.0) % 7, index=pd.date_range("2024", periods=60, freq="h"))
    with pytest.warns(UserWarning, match=r"y of predict has steps of h \(season 24\).*fitted on steps of D") as caught:
        model.predict(2, y=hours)
    assert caught[0].filename == __file__
    model.predict(2, y=hours.to_numpy())
