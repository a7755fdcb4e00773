"""One network a series: each is trained as it would be alone, all of them in one call."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecastrnn import GRU, SGD, Direct, OneCycle, RNNForecaster, TrainingDivergedError
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.local_models import draw_windows, fit_local
from forecastrnn.forecasting.preparation import prepare
from forecastrnn.forecasting.settings import Settings, network_of, start_member
from forecastrnn.forecasting.windows import window_starts
from forecastrnn.networks.network import Embedding, Layer
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram
from support.forecaster_cases import long_of, quick

N = 5


@pytest.fixture(scope="module")
def wide() -> pd.DataFrame:
    """Five noisy seasonal series of equal length, one of them not positive."""
    t, rng = np.arange(96), np.random.default_rng(0)
    columns = {
        f"s{k}": 100.0 * (k + 1) + 20 * np.sin(2 * np.pi * (t + k) / 12) + rng.normal(0, 2 + k, len(t))
        for k in range(N)
    }
    frame = pd.DataFrame(columns, index=pd.date_range("2015-01-31", periods=len(t), freq="ME"))
    frame["s4"] -= 500.0
    return frame


def local(**options: object) -> RNNForecaster:
    """Small local networks."""
    defaults = {"hidden_layer_sizes": 9, "n_members": 2, "max_steps": 60, "global_model": False}
    return quick(**(defaults | options))


def problem(wide: pd.DataFrame) -> tuple[SeriesInputs, Settings]:
    """The series as the engine sees them, in mini-batches of one window."""
    values = wide.to_numpy().T.reshape(-1)
    prepared = prepare(values, np.arange(N + 1) * len(wide), 12)
    layers = (Layer(GRU(), 9),)
    settings = Settings(
        layers=layers, initializer="uniform", loss="absolute_error",
        rule=Rule("adamw", 0.004, learning_rate="one_cycle", alpha=1e-4, clip_norm=1.0), batch_size=1, max_steps=8,
        horizon=1, n_iter_no_change=5,
        validation_fraction=None, n_threads=2, verbose=False, dtype="float32", is_local=True,
    )  # fmt: skip
    return SeriesInputs(prepared, "float32"), settings


@pytest.mark.parametrize("embeddings", [(), (Embedding(0, 3, 2),)], ids=["plain", "embedded"])
def test_training_is_that_of_one_network(wide: pd.DataFrame, embeddings: tuple[Embedding, ...]) -> None:
    """The same windows through the training program of a single network: losses and parameters have the same bits."""
    series, settings = problem(wide)
    if embeddings:
        settings = replace(settings, embeddings=embeddings)
        series = SeriesInputs(series.prepared, "float32", np.arange(N)[:, None] % 3)
    fit = fit_local(series, settings, [3, 4], tuple(wide))
    prepared = series.prepared
    network, shares = network_of(prepared.layout, settings), draw_windows(settings, [3, 4], 8)
    lo, hi = window_starts(prepared, 1, np.zeros(N, np.int64))
    z = prepared.z.astype(np.float32)
    source = TrainingData(series.rows, np.where(prepared.observed, z, np.nan).astype(np.float32), base=z)
    for member, seed in enumerate([3, 4]):
        for row in range(N):
            progress = start_member(network, settings, seed)
            program = TrainingProgram(
                network, progress.theta, OptimizerState.zeros(progress.theta), source,
                steps=prepared.context + prepared.ahead, rows=1, loss="absolute_error", rule=settings.rule,
            )  # fmt: skip
            starts = lo[row] + (shares[member] * (hi[row] - lo[row] + 1)).astype(np.int64)
            losses = program.run(BatchIndex(starts, starts, starts), 8, 1)
            network.set_unknown(progress.theta)
            np.testing.assert_array_equal(fit.thetas[member, row], progress.theta)
            np.testing.assert_array_equal(fit.losses[member, row], losses)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole_lstm", "gru"])
def test_alone_and_together(wide: pd.DataFrame, cell: str) -> None:
    """What a series' networks learn and forecast does not depend on the series beside it."""
    together = local(cell=cell).fit(wide).predict(7)
    for name in ("s1", "s4"):
        alone = local(cell=cell).fit(wide[[name]]).predict(7)
        pd.testing.assert_frame_equal(alone, together[[name]])


def test_alone_and_together_where_lengths_differ(wide: pd.DataFrame) -> None:
    """The usual context is one for all series: it must be given for that."""
    short = wide["s1"][-50:]
    both = long_of({"s1": short, "s4": wide["s4"]})
    usual = [local().fit(y).context_length_ for y in (short, both)]
    assert usual[0] < usual[1]
    alone, together = (local(context_length=8).fit(y).predict(7) for y in (short, both))
    np.testing.assert_array_equal(alone, together["RNN"][:7])


@pytest.mark.parametrize("n_jobs", [1, 2, 3, 8])
def test_threads_change_no_bit(wide: pd.DataFrame, n_jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the number of threads, on any machine."""
    monkeypatch.setattr("forecastrnn.engine.threads._usable", lambda *_, **__: 64)
    pd.testing.assert_frame_equal(local(n_jobs=n_jobs).fit(wide).predict(5), local(n_jobs=4).fit(wide).predict(5))


def test_they_learn(wide: pd.DataFrame) -> None:
    """The loss falls, and each series' forecast is better than its last value."""
    train, test = wide.iloc[:-12], wide.iloc[-12:]
    model = local(max_steps=300).fit(train)
    assert model.loss_curve_[-1] < 0.7 * model.loss_curve_[0]
    assert model.n_iter_ == 300
    errors = (model.predict(12) - test).abs().mean()
    assert (errors < 0.6 * (train.iloc[-1] - test).abs().mean()).all()


def test_series_in_another_order(wide: pd.DataFrame) -> None:
    """Each series that is given later finds its own network; one that was not in fit has none."""
    model = local().fit(wide)
    longer = pd.concat([wide, (wide.iloc[-12:] * 1.01).set_axis(wide.index[-12:] + pd.offsets.MonthEnd(12))])
    expected = model.predict(4, y=longer)
    found = model.predict(4, y=longer[["s3", "s0"]])
    pd.testing.assert_frame_equal(found, expected[["s3", "s0"]])
    with pytest.raises(ValueError, match=r"series 'new' was not in fit.*global_model=True"):
        model.predict(4, y=wide[["s0"]].rename(columns={"s0": "new"}))


def test_paths_and_streams(wide: pd.DataFrame) -> None:
    """Futures scatter around each series' own forecast; a stream begins with it."""
    model = local().fit(wide)
    paths = model.sample_paths(3, 200, calibrated=False, random_state=1).to_numpy().reshape(3, N, -1)
    forecast = model.predict(3).to_numpy()
    assert paths.shape == (3, N, 200)
    assert (np.abs(np.median(paths, axis=2) - forecast) < paths.std(axis=2)).all()
    for k, name in enumerate(wide):
        assert model.stream(name).forecast == pytest.approx(forecast[0, k], rel=1e-5)


def test_direct_strategy(wide: pd.DataFrame) -> None:
    """All steps ahead at once, by each series' own network."""
    model = local(strategy=Direct(6)).fit(wide)
    alone = local(strategy=Direct(6)).fit(wide[["s2"]])
    pd.testing.assert_frame_equal(alone.predict(6), model.predict(6)[["s2"]])


def test_warm_start(wide: pd.DataFrame) -> None:
    """A second fit goes on from the networks; other series are refused and the model stays."""
    model = local(warm_start=True, max_steps=100).fit(wide)
    first, before = model.loss_curve_[-1], model.predict(3)
    with pytest.raises(ValueError, match="the series must be those of the first fit"):
        model.fit(wide[["s1", "s0"]])
    pd.testing.assert_frame_equal(model.predict(3), before)
    assert model.fit(wide).loss_curve_[-1] < first


def test_what_is_refused(wide: pd.DataFrame) -> None:
    """Early stopping, and networks that would not fit into memory."""
    with pytest.raises(ValueError, match="early_stopping=True needs global_model=True"):
        local(early_stopping=True).fit(wide)
    with pytest.raises(ValueError, match=r"2 networks of \d+ parameters for each of 5 series need [\d.e+]+ GiB"):
        local(hidden_layer_sizes=60_000).fit(wide)


def test_divergence_names_the_series(wide: pd.DataFrame) -> None:
    """A learning rate that blows up."""
    with pytest.raises(TrainingDivergedError, match=r"diverged for series 's\d'"):
        local(solver=SGD(OneCycle(1e30), clip_norm=None), loss="squared_error").fit(wide)


def test_settings_are_those_of_the_forecaster(wide: pd.DataFrame) -> None:
    """The number of updates follows the observations of one series, not of all."""
    series, settings = problem(wide)
    fit = fit_local(series, replace(settings, max_steps=None, batch_size=2), [0], tuple(wide))
    assert fit.losses.shape == (1, N, 300)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals to threads")
def test_interrupted(wide: pd.DataFrame) -> None:
    """Ctrl-C in the middle of a long call is heard within half a second, and the old model stays."""
    model = local().fit(wide)
    before, many = model.predict(3), pd.concat([wide.add_prefix(f"{k} ") for k in range(40)], axis=1)
    heard: list[float] = []

    def interrupt() -> None:
        heard.append(time.perf_counter())
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    timer = threading.Timer(1.0, interrupt)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            model.set_params(max_steps=3000).fit(many)
        assert time.perf_counter() - heard[0] < 0.5
    finally:
        timer.cancel()
    pd.testing.assert_frame_equal(model.predict(3), before)
