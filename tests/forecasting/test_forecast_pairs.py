"""strategy="seq2seq" of the forecaster: beside plain NumPy, alone and in panels, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecastrnn
from forecastrnn import AdamW, Dropout, EarlyStopping, RNNForecaster, Seq2Seq
from forecastrnn.estimators.parameters import layers_of
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.preparation import prepare
from forecastrnn.forecasting.residuals import pair_outputs
from forecastrnn.forecasting.validation import last_windows
from forecastrnn.forecasting.windows import pair_source
from forecastrnn.networks.network import Embedding, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.training.stepping import TrainingProgram
from forecastrnn.training.window_batches import WindowBatches, window_index
from support import naive
from support.cases import described
from support.forecaster_cases import long_of, mase, monthly, quick
from support.slow_forecasts import in_unit, slow_row

STACKS = {"gru": ("gru", (5,)), "lstm, rnn": (["peephole_lstm", "rnn"], (4, 3))}


def pairs(**options: object) -> RNNForecaster:
    return quick(**{"strategy": "seq2seq", "hidden_layer_sizes": 8} | options)


# Beside NumPy -----------------------------------------------------------------------------------------


def naive_layers(network: Network, theta: np.ndarray, x: np.ndarray, states: list | None) -> tuple[np.ndarray, list]:
    """Outputs of the last layer over x (n, T, columns, codes), and the final states."""
    views, final = network.views(theta.astype(float)), []
    count = len(network.embeddings)
    read = [views[f"embeddings.{k}.vectors"][x[:, :, k - count].astype(int)] for k in range(count)]
    x = np.concatenate([x[:, :, : x.shape[2] - count], *read], axis=2)
    for number, cell in enumerate(described(network.layers)):
        start = f"layers.{number}."
        weights = {name.removeprefix(start): w for name, w in views.items() if name.startswith(start)}
        x, state, _ = naive.run(cell, weights, x, states and states[number])
        final.append(state)
    return x, final


def naive_outputs(network: Seq2SeqNetwork, theta: np.ndarray, known: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Outputs (n, H) over inputs known (n, C, 2 columns + codes) and own (n, H, the same), the raw columns first."""
    columns, decoder = network.decoder.n_skip, network.decoder
    _, states = naive_layers(network.encoder, network.reader_theta(theta), known[:, :, columns:], None)
    top, _ = naive_layers(decoder, network.writer_theta(theta), own[:, :, columns:], states)
    head = decoder.views(network.writer_theta(theta).astype(float))
    return (top @ head["output.kernel"] + head["output.bias"] + own[:, :, :columns] @ head["output.skip"])[:, :, 0]


def naive_path(held: Model, h: int) -> np.ndarray:
    """The forecast of the first series: all of its own values through the decoder for each step."""
    tail, p, theta = held.tail, held.tail.prepared, held.trained.thetas[0, 0]
    z, own = list(tail.z[0]), []
    for step in range(h):
        own.append(slow_row(p, np.array(z), len(z) - 1, tail.phase[0] + step))
        z.append(z[-1] + naive_outputs(held.network, theta, tail.inputs[:1], np.array(own)[None])[0, -1])
    path = np.array(z[-h:]) * p.scale[0] + p.after[0, np.arange(h) % p.period_of[0]]
    return in_unit(p, path)


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 1e-3)])
@pytest.mark.parametrize("stack", STACKS)
def test_predict_equals_numpy(airline: pd.Series, stack: str, dtype: str, tolerance: float) -> None:
    """Also far behind the steps that the decoder has learned."""
    cell, units = STACKS[stack]
    model = pairs(cell=cell, hidden_layer_sizes=units, dtype=dtype, strategy=Seq2Seq(8), max_steps=60).fit(airline)
    np.testing.assert_allclose(model.predict(30), naive_path(model._model, 30), rtol=tolerance)


def window_problem(stack: str) -> tuple[Seq2SeqNetwork, np.ndarray, np.ndarray, np.ndarray]:
    """A network, its parameters, inputs of 30 times with a code in the last column, and values."""
    rng, columns = np.random.default_rng(1), 3
    cell, units = STACKS[stack]
    layers = layers_of(RNNForecaster(cell=cell, hidden_layer_sizes=units))
    decoder = Network(columns + 1, layers, 1, columns, (Embedding(columns, 4, 2),))
    network = Seq2SeqNetwork(replace(decoder, n_outputs=0), decoder)
    theta = network.init_theta(0, "float64", "uniform") + rng.normal(0, 0.1, network.size)
    inputs = np.concatenate([rng.normal(size=(30, 2 * columns)), rng.integers(4, size=(30, 1))], axis=1)
    return network, theta, inputs, rng.normal(size=30).cumsum()


@pytest.mark.parametrize("stack", STACKS)
def test_loss_and_gradients_equal_numpy(stack: str) -> None:
    """Windows of 4 and 3 steps, at places of their own; the loss is that of the decoder's outputs alone."""
    network, theta, inputs, z = window_problem(stack)
    counts = ~np.isin(np.arange(30), [8, 20])
    starts, steps = np.array([1, 3, 17]), (4, 3)
    series: Any = SimpleNamespace(prepared=SimpleNamespace(z=z), rows=inputs, of_decoder=inputs)
    settings: Any = SimpleNamespace(likelihood=None, dtype="float64")
    source = pair_source(series, counts, settings)
    program = TrainingProgram(network, theta, None, source, steps=steps, rows=3, loss="squared_error")
    loss = program.run(window_index(starts[None], steps), 1, 1)[0]

    def naive_loss(theta: np.ndarray) -> float:
        known, own = (inputs[starts[:, None] + np.arange(*span)] for span in ((0, 4), (4, 7)))
        at = starts[:, None] + np.arange(4, 7)
        wrong = naive_outputs(network, theta, known, own) - (z[at + 1] - z[at])
        return (wrong**2)[counts[at + 1]].mean()

    assert loss == pytest.approx(naive_loss(theta), rel=1e-12)
    for k in np.random.default_rng(2).choice(network.size, 60, replace=False):
        step = np.zeros(network.size)
        step[k] = 1e-6
        slope = (naive_loss(theta + step) - naive_loss(theta - step)) / 2e-6
        assert program.grad[k] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("times, stretches", [(30, 6), (15, 2), (9, 1)])
def test_one_step_errors_are_those_behind_a_context(times: int, stretches: int) -> None:
    """Each stretch of 4 steps has the 6 times before it as its context; what is left over is at the front."""
    network, theta, inputs, _ = window_problem("gru")
    rows = np.arange(30 - times, 30)[None]
    found = pair_outputs(network, theta, (inputs, inputs), np.repeat(rows, 2, axis=0), (6, 4), n_threads=2)
    length = min(4, times - 6)
    begins = [30 - length * k for k in range(stretches, 0, -1)]
    expected = [naive_outputs(network, theta, inputs[None, b - 6 : b], inputs[None, b : b + length])[0] for b in begins]
    np.testing.assert_allclose(found, np.tile(np.concatenate(expected), (2, 1)), rtol=1e-12)


def test_windows_are_those_of_other_strategies_cut_in_two() -> None:
    windows = WindowBatches(
        lo=np.array([5, 40]), hi=np.array([9, 60]), chance=np.array([0.5, 0.5]), batch=7, seed=0, steps_an_epoch=3,
        steps=(6, 4), total=5,
    )  # fmt: skip
    first, second = windows.epoch(0)[0], windows.epoch(1)[0]
    assert (first.x.shape, second.x.shape) == ((3, 7), (2, 7))
    assert windows.sizes == [(7, (6, 4))] and windows.steps_of(first) == (6, 4)
    np.testing.assert_array_equal(first.y, first.x + 6)
    assert (first.lengths == 6).all() and (first.y_lengths == 4).all()
    plain = replace(windows, steps=10)
    np.testing.assert_array_equal(plain.epoch(0)[0].x, first.x)
    assert plain.sizes == [(7, 10)] and plain.epoch(0)[0].lengths is None


@pytest.mark.parametrize("held", [1, 18, 19, 40, 1000])
def test_windows_of_validation_end_with_the_series(held: int) -> None:
    p = prepare(np.random.default_rng(0).gamma(5.0, 1.0, 150), np.array([0, 50, 150]), 4)
    starts = last_windows(p, held)
    ends = starts + p.context + p.ahead + 1
    np.testing.assert_array_equal(ends[0], p.starts[1:])
    np.testing.assert_array_equal(np.diff(ends, axis=0), -p.ahead)
    assert (starts >= p.starts[:-1]).all()
    assert len(starts) == -(-held // p.ahead) or (starts[-1] - p.ahead < p.starts[:-1] + 2).any()


# From outside -----------------------------------------------------------------------------------------


def test_default_beats_the_seasonal_naive(airline: pd.Series) -> None:
    known = airline[:-24]
    naive_error = mase(airline, np.tile(known[-12:].to_numpy(), 2), 12)
    forecast = (
        RNNForecaster(candidates="network", intervals=None, strategy="seq2seq", n_members=1, random_state=0)
        .fit(known)
        .predict(24)
    )
    assert mase(airline, forecast.to_numpy(), 12) < 0.6 * naive_error


OPTIONS = {
    "plain": {},
    "members": {"n_members": 2},
    "early stopping": {"early_stopping": True, "max_steps": 100},
    "dropout": {"dropout": Dropout(input=0.1, between=0.2, recurrent=0.2)},
    "older means": {"older_means": [(4, 3)]},
    "ids, layer normalisation": {"id_embedding_dim": 2, "layer_norm": True},
    "horizon": {"strategy": Seq2Seq(20)},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_all_ways_to_forecast(name: str, tmp_path: object) -> None:
    """The same bits by any number of threads, for the series given again, and from a file; horizons agree."""
    frame = long_of({"b": monthly(40, 1), "a": monthly(25, 2), "c": monthly(90, 3)})
    model = pairs(n_jobs=1, **OPTIONS[name]).fit(frame)
    forecast = model.predict(30)
    assert np.isfinite(forecast["RNN"]).all()
    pd.testing.assert_frame_equal(model.predict(30, y=frame), forecast)
    pd.testing.assert_frame_equal(pairs(n_jobs=2, **OPTIONS[name]).fit(frame).predict(30), forecast)
    model.save(f"{tmp_path}/model.rnn")
    again = forecastrnn.load(f"{tmp_path}/model.rnn")
    pd.testing.assert_frame_equal(again.predict(30), forecast)
    paths = model.sample_paths(6, 3, calibrated=False, random_state=0)
    pd.testing.assert_frame_equal(again.sample_paths(6, 3, calibrated=False, random_state=0), paths)
    assert np.isfinite(paths["RNN"]).all()
    short = model.predict(3)["RNN"].to_numpy().reshape(3, 3)
    np.testing.assert_array_equal(short, forecast["RNN"].to_numpy().reshape(3, 30)[:, :3])


def test_paths_lie_around_the_forecast(airline: pd.Series) -> None:
    model = pairs(max_steps=100).fit(airline)
    forecast, paths = model.predict(12), model.sample_paths(12, calibrated=False, random_state=0)
    np.testing.assert_allclose(paths.median(axis=1), forecast, rtol=0.06)
    assert (paths.std(axis=1) > 0.005 * forecast).all()


def test_streams(airline: pd.Series) -> None:
    """The encoder's state goes to the decoder, which then takes each new value in."""
    model = pairs(dtype="float64").fit(airline[:-24])
    stream = model.stream()
    own = [stream.forecast] + [stream.step(stream.forecast) for _ in range(35)]
    np.testing.assert_allclose(own, model.predict(36), rtol=1e-9)
    stream = model.stream()
    given = [stream.forecast] + [stream.step(value) for value in airline[-24:]]
    one_pass = naive_stream(model, airline[-24:].to_numpy())
    np.testing.assert_allclose(given, one_pass, rtol=1e-9)


def naive_stream(model: RNNForecaster, values: np.ndarray) -> np.ndarray:
    """Forecast behind each of `values`: all of them through the decoder in one pass."""
    held, known = model._model, model._model.tail.z.shape[1]
    tail, p = held.tail, held.tail.prepared
    figure = p.after[0, np.arange(len(values) + 1) % p.period_of[0]]
    z = np.concatenate([tail.z[0], (np.log(values / p.level[0]) - figure[:-1]) / p.scale[0]])
    own = np.array([slow_row(p, z, t, tail.phase[0] + t - known + 1) for t in range(known - 1, len(z))])
    change = naive_outputs(held.network, held.trained.thetas[0, 0], tail.inputs[:1], own[None])[0]
    return np.exp((z[known - 1 :] + change) * p.scale[0] + figure) * p.level[0]


def test_early_stopping_keeps_the_best() -> None:
    y = pd.DataFrame({k: monthly(70, k) for k in range(3)})
    shared = {"solver": AdamW(0.01), "hidden_layer_sizes": 16}
    model = pairs(early_stopping=EarlyStopping(patience=3), max_steps=1000, **shared).fit(y)
    member = model._model.trained.members[0]
    scores = member.validation_scores
    assert len(scores) == min(member.best_iter + 3, 20) and member.best_iter == 1 + int(np.argmax(scores))
    short = pairs(early_stopping=True, max_steps=50 * member.best_iter, **shared).fit(y)
    np.testing.assert_array_equal(short.predict(3), model.predict(3))


def test_warm_start_goes_on(airline: pd.Series) -> None:
    model = pairs(warm_start=True, max_steps=50).fit(airline[:-12])
    model.fit(airline)
    assert model.n_iter_ == 100 and model.loss_curve_[1] < model.loss_curve_[0]
    before = model.predict(5)
    with pytest.raises(ValueError, match="warm_start=True: .*strategy.*must be as in the first fit"):
        model.set_params(strategy="recursive").fit(airline)
    model.set_params(strategy="seq2seq")
    pd.testing.assert_series_equal(model.predict(5), before)


def test_gaps_are_masked(airline: pd.Series) -> None:
    y = airline.copy()
    y.iloc[60:75] = np.nan
    assert pairs(missing="mask").fit(y).predict(12).between(250, 800).all()


def test_what_is_refused(airline: pd.Series) -> None:
    with pytest.raises(ValueError, match='strategy="seq2seq" needs global_model=True'):
        pairs(global_model=False).fit(airline)
    with pytest.raises(ValueError, match="horizon=40: .* of at least 44 values, but the longest, 'airline', has 20"):
        pairs(strategy=Seq2Seq(40)).fit(airline[:20])
    with pytest.raises(ValueError, match="horizon=1000000000000000000000: .*the longest, 'airline', has 144"):
        pairs(strategy=Seq2Seq(10**21)).fit(airline)
    with pytest.raises(ValueError, match="'strategy__horizon' parameter of RNNForecaster must be"):
        pairs(strategy=Seq2Seq(0)).fit(airline)


def test_short_series_teach_what_they_have() -> None:
    """Beside one that has as many steps as the decoder learns."""
    frame = long_of({"long": monthly(90, 1), "short": monthly(5, 2)})
    forecast = pairs(strategy=Seq2Seq(30)).fit(frame).predict(30)
    assert np.isfinite(forecast["RNN"]).all() and len(forecast) == 60


def test_horizon_is_what_the_decoder_learns(airline: pd.Series) -> None:
    """None: as many steps as the windows of other strategies have behind the context."""
    assert pairs(max_steps=1).fit(airline)._model.tail.prepared.ahead == 24
    model = pairs(max_steps=1, strategy=Seq2Seq(7)).fit(airline)
    assert model._model.tail.prepared.ahead == 7 and len(model.predict(40)) == 40
