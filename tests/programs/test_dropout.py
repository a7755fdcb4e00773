"""Dropout: its masks beside an independent hash, gradients by central differences, and what estimators do with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecastrnn
from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor
from forecastrnn.engine.cpu.dropout import WHOLE
from forecastrnn.engine.program import Program
from forecastrnn.programs.assembly import INPUTS, OUTPUTS, STATES
from forecastrnn.programs.head import TOP
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.stepping import dropout_seeds
from support import naive
from support.cases import CELLS, NORMED, Problem, draw, index_of, layer, program_of
from support.naive_training import numerical_gradient

ALL = Dropout(0.3, 0.4, 0.2)
MASK64, MASK32 = (1 << 64) - 1, (1 << 32) - 1


def mixed(x: int) -> int:
    """SplitMix64's finaliser, in Python's own integers."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK64
    return x ^ (x >> 31)


def kept(seed: int, salt: int, time: int, row: int, column: int, rate: float) -> float:
    """The factor of one number: 0, or one over the chance to be kept."""
    begin = mixed((mixed(seed) + (salt << 48) + (time << 24) + row) & MASK64)
    x = (begin + column * 0x9E3779B9) & MASK32
    x = (x ^ (x >> 16)) * 0x7FEB352D & MASK32
    x = (x ^ (x >> 15)) * 0x846CA68B & MASK32
    whole = round(rate * WHOLE)
    return WHOLE / (WHOLE - whole) if (x ^ (x >> 16)) >> 8 >= whole else 0.0


def naive_mask(seed: int, salt: int, shape: tuple[int, int, int], rate: float, shared: bool = False) -> np.ndarray:
    """Factors (steps, rows, columns)."""
    T, B, F = shape
    return np.array(
        [[[kept(seed, salt, 0 if shared else t, r, f, rate) for f in range(F)] for r in range(B)] for t in range(T)]
    )


def masks(rate: float, shape: tuple[int, int, int], seed: int = 5, salt: int = 1, row: int = 0) -> np.ndarray:
    """The kernel's factors."""
    program, (T, B, F) = Program("float64", 1), shape
    ones, seeds = program.buffer("ones", shape, fill=1), program.bind("seeds", np.array([seed]))
    out = program.buffer("out", shape)
    program.emit(
        "drop", 0, source=ones, out=out, seeds=seeds, T=T, B=B, F=F, lds=F, ldo=F, rate=round(rate * WHOLE), salt=salt,
        row=row, time=0, span=1,
    )  # fmt: skip
    program.run(0, 1, 1)
    return out.array


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_mask_is_the_hash(rate: float) -> None:
    """Number by number."""
    np.testing.assert_allclose(masks(rate, (5, 4, 37)), naive_mask(5, 1, (5, 4, 37), rate), rtol=1e-15)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_mask_statistics(rate: float) -> None:
    """As many zeros as there should be, the mean kept, and no correlation along time, rows or columns."""
    mask = masks(rate, (100, 100, 100))
    n, spread = mask.size, np.sqrt(rate / (1 - rate))  # of one factor, whose mean is 1
    assert abs(mask.mean() - 1) < 5 * spread / np.sqrt(n)
    assert abs((mask == 0).mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / n)
    z = (mask - 1) / spread
    for axis in range(3):
        for lag in (1, 2, 16):
            near = np.take(z, range(lag, 100), axis) * np.take(z, range(100 - lag), axis)
            assert abs(near.mean()) < 5 / np.sqrt(near.size)
    for other in (masks(rate, (100, 100, 100), seed=6), masks(rate, (100, 100, 100), salt=2)):
        assert abs((z * (other - 1) / spread).mean()) < 5 / np.sqrt(n)


def test_rows_of_shards() -> None:
    """A shard's rows have the masks of their place in the mini-batch."""
    np.testing.assert_array_equal(masks(0.5, (3, 4, 20), row=6), masks(0.5, (3, 10, 20))[:, 6:])


def dropped_program(problem: Problem, dropout: Dropout, dtype: str = "float64", **options: Any) -> Any:
    """A training program with dropout, and its index of one mini-batch in order."""
    program = program_of(problem, dtype, dropout=dropout, seed=3, **options)
    return program, index_of(problem, program, np.arange(len(problem.x))[None])


PLACES = {"inputs": Dropout(inputs=0.3), "outputs": Dropout(outputs=0.3), "states": Dropout(recurrent=0.6), "all": ALL}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("steps", ["all", "last", 3])
@pytest.mark.parametrize("name", CELLS)
def test_gradients(name: str, steps: Any, place: str) -> None:
    """Those of the loss with the same masks, by central differences in float64."""
    problem = draw((layer(name, 3), layer("gru", 2)), n=3, T=5, inputs=2, steps=steps, loss="huber", ragged=True)
    problem = replace(problem, lengths=np.array([4, 3, 5]))
    program, index = dropped_program(problem, PLACES[place])
    first = program.run(index, 1, 1)[0]
    found = program.grad.copy()
    expected = numerical_gradient(lambda: program.run(index, 1, 1)[0], program.theta)
    assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()
    assert first != program_of(problem, "float64").run(index, 1, 1)[0]


@pytest.mark.parametrize("steps", ["all", "last"])
@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_gradients_of_both_directions(name: str, steps: Any) -> None:
    """Each direction has masks of its own."""
    problem = draw((layer(name, 3, True), layer(name, 2, True)), n=3, T=4, inputs=2, steps=steps, ragged=True)
    program, index = dropped_program(problem, ALL)
    program.run(index, 1, 1)
    found = program.grad.copy()
    expected = numerical_gradient(lambda: program.run(index, 1, 1)[0], program.theta, sharp=name in NORMED)
    assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()


def seed_of_the_step() -> int:
    """The seed that the programs of this file have in their first step."""
    return int(dropout_seeds(3, 0, 1)[0])


def test_inputs_and_outputs_beside_the_oracle() -> None:
    """The oracle on inputs that are masked before, and with a head whose features are."""
    problem = draw((layer("lstm", 5), layer("gru", 4)), n=6, T=5, inputs=3)
    program, index = dropped_program(problem, Dropout(inputs=0.3))
    mask = naive_mask(seed_of_the_step(), INPUTS, (5, 6, 3), 0.3).transpose(1, 0, 2)
    expected = replace(problem, x=problem.x * mask).solve().loss
    assert program.run(index, 1, 1)[0] == pytest.approx(expected, rel=1e-12)


def recurrence(problem: Problem, rates: Dropout) -> np.ndarray:
    """Outputs of the head (n, T, outputs) by the oracle's steps, one layer and one step at a time."""
    n, T, _ = problem.x.shape
    seed, x = seed_of_the_step(), problem.x.transpose(1, 0, 2)
    x = x * naive_mask(seed, INPUTS, x.shape, rates.inputs)
    for number, one in enumerate(problem.layers):
        if number:
            x = x * naive_mask(seed, OUTPUTS + number, x.shape, rates.outputs)
        mask = naive_mask(seed, STATES + 2 * number, (1, n, one.units), rates.recurrent, shared=True)[0]
        x = unrolled(CELLS_OF[one.cell], problem.theta["layers"][number], x, mask)
    features = x * naive_mask(seed, TOP, x.shape, rates.outputs)
    head = problem.theta["head"]
    return (features @ head["kernel"] + head["bias"]).transpose(1, 0, 2)


CELLS_OF = {case.cell: case.described for case in CELLS.values()}


def unrolled(described: naive.Cell, w: dict, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """One layer whose recurrence reads h * mask; the GRU's mixture keeps h itself."""
    name, options = described
    h = c = np.zeros_like(mask)
    found = []
    for x_t in x:
        if name == "rnn":
            h = {"tanh": np.tanh, "relu": lambda s: np.maximum(s, 0.0), "logistic": naive.logistic}[
                options["activation"]
            ](x_t @ w["kernel"] + (h * mask) @ w["recurrent_kernel"] + w["bias"])
        elif name == "lstm":
            i, f, g, o = np.split(x_t @ w["kernel"] + (h * mask) @ w["recurrent_kernel"] + w["bias"], 4, axis=1)
            c = naive.logistic(f) * c + naive.logistic(i) * np.tanh(g)
            h = naive.logistic(o) * np.tanh(c)
        else:
            h = gru_step(options["reset_after"], w, x_t, h, h * mask)
        found.append(h)
    return np.array(found)


def gru_step(reset_after: bool, w: dict, x: np.ndarray, h: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """One step of a GRU whose gates and candidate read `seen`."""
    units = h.shape[1]
    a, u = x @ w["kernel"] + w["bias"], w["recurrent_kernel"]
    b = seen @ u + w["recurrent_bias"] if reset_after else seen @ u
    r, z = (naive.logistic(a[:, k * units : (k + 1) * units] + b[:, k * units : (k + 1) * units]) for k in (0, 1))
    last = slice(2 * units, None)
    n = np.tanh(a[:, last] + (r * b[:, last] if reset_after else (r * seen) @ u[:, last]))
    return (1 - z) * n + z * h


@pytest.mark.parametrize("name", [name for name in CELLS if name != "peephole_lstm"])
def test_everything_beside_plain_loops(name: str) -> None:
    """All kinds of dropout at once, in two layers, against loops over steps with masks from the independent hash."""
    problem = draw((layer(name, 5), layer(name, 4)), n=6, T=4, inputs=3)
    program, index = dropped_program(problem, ALL)
    error = recurrence(problem, ALL) - problem.y
    assert program.run(index, 1, 1)[0] == pytest.approx(np.square(error).mean(), rel=1e-12)


@pytest.mark.parametrize("steps", ["all", "last", 4])
@pytest.mark.parametrize("name", CELLS)
def test_checkpoints_ask_for_the_same_masks(name: str, steps: Any) -> None:
    """Stretches that are recomputed have the masks of the first time."""
    problem, found = draw((layer(name, 5), layer("lstm", 4)), n=9, T=11, steps=steps, ragged=True), []
    for every in (None, 3):
        rule = Rule("adam", 0.01)
        program = program_of(problem, "float32", rule=rule, dropout=ALL, seed=3, checkpoint_steps=every)
        order = np.tile(np.arange(9), (4, 1))
        found.append((program.run(index_of(problem, program, order), 4, 2), program.theta))
    for plain, bounded in zip(*found, strict=True):
        np.testing.assert_array_equal(bounded, plain)


def test_each_step_has_masks_of_its_own() -> None:
    """Also where calls are cut; the number of threads changes nothing."""
    problem = draw((layer("gru", 5),), n=140, T=4)
    found = []
    for calls, threads in (((6,), 1), ((2, 4), 3), ((1, 1, 1, 1, 2), 2)):
        program = program_of(problem, "float32", rule=Rule("sgd", 1e-30), dropout=ALL, seed=3)
        order = np.tile(np.arange(140), (6, 1))
        index, at, losses = index_of(problem, program, order), 0, []
        for n in calls:
            losses.append(program.run(index.part(at, at + n), 6, threads))
            at += n
        found.append(np.concatenate(losses))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert len(set(found[0])) == 6


# Estimators.


def sums(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Sequences, and their sums."""
    X = np.random.default_rng(0).standard_normal((n, 6, 2)).astype(np.float32)
    return X, X.sum(axis=(1, 2))


def test_off_at_predict() -> None:
    """Predictions repeat, and differ from those of a fit without dropout; the seed decides."""
    X, y = sums()
    model = RNNRegressor(
        dropout=forecastrnn.Dropout(input=0.1, between=0.3, recurrent=0.2), max_iter=5, random_state=0
    ).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), model.predict(X))
    np.testing.assert_array_equal(RNNRegressor(**model.get_params(deep=False)).fit(X, y).predict(X), model.predict(X))
    for other in ({"dropout": 0.0}, {"random_state": 1}):
        assert (
            np.abs(RNNRegressor(**(model.get_params(deep=False) | other)).fit(X, y).predict(X) - model.predict(X)).max()
            > 1e-4
        )


def test_it_still_learns() -> None:
    """Dropout makes training noisier, not wrong."""
    X, y = sums(400)
    model = RNNRegressor(
        dropout=forecastrnn.Dropout(between=0.1, recurrent=0.1), max_iter=60, learning_rate_init=0.02, random_state=0
    )
    assert model.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.8


def test_monte_carlo_dropout() -> None:
    """Samples scatter around the prediction, less so with little dropout; seeded; refused without dropout."""
    X, y = sums()
    spread = []
    for rate in (0.02, 0.4):
        model = RNNRegressor(
            dropout=forecastrnn.Dropout(between=rate, recurrent=rate), max_iter=20, random_state=0
        ).fit(X, y)
        drawn = model.predict(X, n_samples=200, random_state=1)
        assert drawn.shape == (200, 60)
        np.testing.assert_array_equal(drawn[:7], model.predict(X, n_samples=7, random_state=1))
        spread.append(drawn.std(axis=0).mean())
        assert np.abs(drawn.mean(axis=0) - model.predict(X)).mean() < 3 * spread[-1]
    assert spread[0] < 0.5 * spread[1]
    with pytest.raises(ValueError, match=r"n_samples=3 needs a model fitted with dropout"):
        RNNRegressor(max_iter=1).fit(X, y).predict(X, n_samples=3)
    with pytest.raises(ValueError, match="n_samples must be an int >= 1"):
        model.predict(X, n_samples=0)


def test_classifier() -> None:
    """Probabilities of each sample."""
    X, y = sums()
    model = RNNClassifier(dropout=0.4, max_iter=5, random_state=0).fit(X, y > 0)
    drawn = model.predict_proba(X, n_samples=5, random_state=0)
    assert drawn.shape == (5, 60, 2)
    np.testing.assert_allclose(drawn.sum(axis=2), 1.0)
    assert np.ptp(drawn, axis=0).max() > 0.01


@pytest.mark.parametrize("global_model", [True, False])
def test_forecaster(airline: pd.Series, global_model: bool) -> None:
    """Seeded, off in forecasts, and the thread count changes nothing."""
    options = {"max_steps": 30, "n_members": 1, "random_state": 0, "global_model": global_model}
    plain = RNNForecaster(candidates="network", intervals=None, **options).fit(airline).predict(6)
    model = RNNForecaster(
        candidates="network",
        intervals=None,
        dropout=forecastrnn.Dropout(between=0.2, recurrent=0.2),
        n_jobs=1,
        **options,
    ).fit(airline)
    pd.testing.assert_series_equal(model.predict(6), model.predict(6))
    again = RNNForecaster(**(model.get_params(deep=False) | {"n_jobs": 3})).fit(airline)
    pd.testing.assert_series_equal(again.predict(6), model.predict(6))
    assert (model.predict(6) != plain).all()


@pytest.mark.parametrize("name", ["dropout", "input_dropout", "recurrent_dropout"])
@pytest.mark.parametrize("value", [-0.1, 1.0, 1, "half", True, np.nan])
def test_what_is_refused(name: str, value: object) -> None:
    """Rates outside 0 .. 1, a rate of 1 that leaves nothing, other types."""
    X, y = sums(8)
    with pytest.raises(ValueError, match=f"'?{name}'?"):
        RNNRegressor(**{name: value}).fit(X, y)
