"""Encoder, attention, decoder and beam search on Numba's CUDA simulator, beside the oracles and the CPU engine.

Run by test_cuda_simulator.py in another process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cudasim_copies import Copies, copies  # noqa: F401  (a fixture)

import forecastrnn
from forecastrnn import Beam, EarlyStopping, RNNForecaster, RNNSeq2Seq, Seq2Seq
from forecastrnn.datasets import load_airline
from forecastrnn.engine import devices
from forecastrnn.engine.cuda.memory import Mirror
from forecastrnn.engine.program import Program
from forecastrnn.programs.shapes import Dropout
from forecastrnn.sequences import seq2seq_fitting
from forecastrnn.sequences.decoding import CALL_STEPS, Search, decode_codes
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.own_inputs import Sampling, own_one_hot, own_token, own_value
from support import cuda_simulator
from support.beam_tables import Search as TableSearch
from support.beam_tables import tables
from support.cases import layer, worst
from support.decoding_checks import MOST, network_of
from support.decoding_checks import check as check_decoding
from support.known_inputs import forward_pairs
from support.pair_cases import (
    PairProblem,
    attention_weights,
    by_name,
    draw_pairs,
    flat_theta,
    pair_index,
    pair_program,
    small,
    sorted_pairs,
)
from support.pair_checks import ATTENTIONS, check
from support.scheduled_cases import sampled, solved

GPU = "cuda:0"
SCORES = [name for name in ATTENTIONS if name]


# Training ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_gradients(attention: str | None) -> None:
    """Rows ragged on both sides, weighted, under a bidirectional encoder."""
    problem = draw_pairs(small("gru", both=True), attention, n=4, T=3, weighted=True)
    check(problem, "float64", GPU)


@pytest.mark.parametrize("attention", SCORES)
def test_gradients_in_float32(attention: str) -> None:
    """More units than a vector has, and classes."""
    problem = draw_pairs((layer("gru", 18),), attention, n=2, J=3, T=2, loss="cross_entropy", outputs=5)
    check(problem, "float32", GPU)


@pytest.mark.parametrize("attention", SCORES)
def test_empty_sources(attention: str) -> None:
    """The decoder looks back at nothing: no weight, and no derivative."""
    problem = draw_pairs(small("tanh"), attention, n=3, J=3, T=2)
    lengths, found = np.array([0, 3, 2]), []
    problem = replace(problem, pairs=problem.pairs._replace(lengths=lengths))
    for device in ("cpu", GPU):
        program = pair_program(problem, "float64", device=device)
        loss, index = program.run(pair_index(problem, program), 1, 1), pair_index(problem, program)
        weights = np.concatenate(attention_weights(program))
        np.testing.assert_allclose(weights.sum(axis=2).max(axis=1), index.lengths[0] > 0, rtol=0, atol=1e-12)
        found.append(np.concatenate([loss, program.grad]))
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["value", "one_hot"])
def test_scheduled_sampling(kind: str) -> None:
    """Loss and gradients are those of the oracle's second pass."""
    loss, own = ("squared_error", own_value(3)) if kind == "value" else ("cross_entropy", own_one_hot(3))
    problem = draw_pairs(small("gru"), "dot", n=4, J=3, T=5, inputs=(2, 3), outputs=3, loss=loss)
    program = sampled(problem, own, 0.5, device=GPU)
    index = pair_index(problem, program)
    expected = solved(sorted_pairs(problem, index), kind, 0.5)
    assert program.run(index, 1, 1)[0] == pytest.approx(expected.loss, rel=1e-11)
    assert worst(problem.network.views(program.grad), by_name(expected.d_theta)) < 1e-11
    assert expected.loss != problem.solve().loss


def same_lengths(problem: PairProblem) -> PairProblem:
    """Rows of one length, whose order does not depend on the number of shards, and so neither what is dropped."""
    whole = [np.full_like(n, n.max()) for n in (problem.pairs.lengths, problem.pairs.y_lengths)]
    return replace(problem, pairs=problem.pairs._replace(lengths=whole[0], y_lengths=whole[1]))


def trained(problem: PairProblem, dtype: str, device: str, calls: tuple[int, ...]) -> np.ndarray:
    """Losses and parameters after updates with everything that training has."""
    rule, dropout = Rule("adam", 0.01, alpha=0.01, clip_norm=0.1, gradient_noise=1e-4), Dropout(0.1, 0.2, 0.3)
    sampling = Sampling(own_token(2), 0.5, "constant")
    program = pair_program(
        problem, dtype, rule=rule, dropout=dropout, seed=5, sampling=sampling, rows=2, device=device
    )  # fmt: skip
    rng, losses = np.random.default_rng(0), []
    index = pair_index(problem, program, np.stack([rng.permutation(len(problem.pairs.x))[:2] for _ in range(3)]))
    for n in calls:
        losses.append(program.run(index.part(sum(map(len, losses)), sum(map(len, losses)) + n), 3, 1))
    return np.concatenate([*losses, program.theta])


@pytest.mark.parametrize("attention", SCORES)
def test_three_updates(attention: str) -> None:
    """Parameters as on the CPU, with dropout, own tokens fed back, noise and a limit to the gradient's norm."""
    problem = same_lengths(draw_pairs(small("peephole_lstm", layers=2), attention, n=3, J=3, T=3))
    cpu, gpu = (trained(problem, "float64", device, (3,)) for device in ("cpu", GPU))
    np.testing.assert_allclose(gpu, cpu, rtol=0, atol=1e-11)


def test_the_same_bits() -> None:
    """In one call or several."""
    problem = draw_pairs(small("tanh"), "additive", n=3, J=2, T=2)
    one, other = (trained(problem, "float32", GPU, calls) for calls in ((3,), (1, 2)))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("attention", SCORES)
def test_late_threads(attention: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that comes late behind each barrier, another one each time, changes no bit: no barrier is missing."""
    problem, found = draw_pairs(small("tanh"), attention, n=3, J=3, T=4, inputs=(2, 5), outputs=5), []
    sampling = Sampling(own_one_hot(5), 1.0, "constant")
    monkeypatch.setattr(cuda_simulator, "WARP", 1)
    for delay in (0.0, 1e-3):
        monkeypatch.setattr(cuda_simulator, "DELAY", delay)
        program = pair_program(problem, "float64", seed=7, sampling=sampling, device=GPU)
        program.feed.chances.array[:] = 1.0
        found.append([*program.run(pair_index(problem, program), 1, 1), *program.grad])
    assert np.isfinite(found[0]).all()
    np.testing.assert_array_equal(found[1], found[0])


# Decoding ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("attention", SCORES)
def test_known_inputs(attention: str) -> None:
    """Outputs and weights over all steps of a target."""
    problem = draw_pairs(small("gru", both=True), attention, n=3, J=4, T=3)
    pairs, expected = problem.pairs, problem.solve()
    found = forward_pairs(
        problem.network, flat_theta(problem, "float64"), pairs.x, pairs.x_out, pairs.lengths, device=GPU
    )
    np.testing.assert_allclose(found.outputs, expected.outputs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.attention, expected.attention, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("attention", "width"), [(None, 2), ("dot", 1), ("additive", 3)])
def test_decoding_is_that_of_the_naive_search(attention: str | None, width: int) -> None:
    """Symbols, log-probabilities and weights of the best hypothesis."""
    search = Search(width, MOST, 0.7 * (width > 1), attends=True)
    found = check_decoding(network_of(attention=attention), search, 3, GPU)
    assert (found.weights is None) == (attention is None)


def test_more_symbols_than_one_call() -> None:
    """The states of an LSTM with two layers go on between calls, and sources that have ended stay."""
    network = network_of("lstm", layers=2, both=True)
    check_decoding(network, Search(2, CALL_STEPS + 1), 2, GPU)


def beams(scores: np.ndarray, k: int, most: int, alpha: float, device: str, dtype: str = "float64") -> list[np.ndarray]:
    """All that a search through tables of scores keeps."""
    search = TableSearch(scores, k, most, alpha, dtype, device)
    found = search.run()
    names = ("symbols", "parents", "length", "done", "x")
    kept = [search.at[name].array.copy() for name in names] + [b.array.copy() for b in search.found.values()]
    return [*kept, search.best.array.copy(), np.array([logp for logp, _, _ in found]), search.at["logp"].array.copy()]


@pytest.mark.parametrize(("k", "V", "alpha"), [(1, 5, 0.0), (3, 5, 0.8), (7, 3, 0.8), (4, 4, 0.0)])
def test_beams_are_those_of_the_cpu(k: int, V: int, alpha: float) -> None:
    """Every hypothesis of each step; with fewer continuations than hypotheses, and with many equal scores."""
    scores = tables(3, V, spread=1.5) if k != V else np.round(tables(3, V, spread=0.6))
    cpu, gpu = (beams(scores, k, 5, alpha, device) for device in ("cpu", GPU))
    for one, other in zip(cpu[:-2], gpu[:-2], strict=True):
        np.testing.assert_array_equal(other, one)
    for one, other in zip(cpu[-2:], gpu[-2:], strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-13)


def test_equal_scores_keep_their_order() -> None:
    """The first symbol of the first hypothesis comes first."""
    search = TableSearch(np.zeros((1, 6, 6)), 3, 2, device=GPU)
    for t in range(2):
        search.step(t)
        assert search.at["parents"].array[t].tolist() == [0, 0, 0]
        assert search.at["symbols"].array[t].tolist() == [0, 1, 2]


def test_beams_in_float32() -> None:
    """The same hypotheses."""
    scores = tables(2, 9, seed=4).astype(np.float32)
    found = [beams(scores, 2, 4, 0.0, device, "float32") for device in ("cpu", GPU)]
    np.testing.assert_array_equal(found[1][0], found[0][0])
    np.testing.assert_allclose(found[1][-1], found[0][-1], rtol=0, atol=4 * 2e-6)


def test_late_threads_of_beams(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in training: no barrier is missing."""
    monkeypatch.setattr(cuda_simulator, "WARP", 1)
    found = []
    for delay in (0.0, 1e-3):
        monkeypatch.setattr(cuda_simulator, "DELAY", delay)
        found.append(np.concatenate([one.reshape(-1) for one in beams(tables(2, 5), 2, 3, 0.5, GPU)]))
    np.testing.assert_array_equal(found[1], found[0])


def test_what_comes_to_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing within a call, and between two calls of a search only whether it has settled."""
    network, events = network_of(attention="dot"), []

    def noted(name: str) -> Callable[..., Any]:
        before = getattr(Mirror, name)

        def look(mirror: Mirror, *args: int) -> Any:
            events.extend([mirror.buffer().name] * mirror.newer)
            return before(mirror, *args)

        return look

    def run(program: Program, *args: Any, **arguments: Any) -> None:
        events.append("run")
        before_run(program, *args, **arguments)
        events.append("ran")

    for name in ("download", "part"):
        monkeypatch.setattr(Mirror, name, noted(name))
    before_run = Program.run
    monkeypatch.setattr(Program, "run", run)
    search = Search(2, CALL_STEPS + 1)
    decode_codes(network, np.zeros(network.size), np.zeros((2, 4), np.int64), np.array([4, 2]), search, 1, GPU)
    at = events.index("done[0]")
    assert events[at - 2 : at + 5] == ["run", "ran", "done[0]", "run", "ran", "run", "ran"]
    assert {*events[at + 5 :]} == {"best[0]", "length[0]", "logp[0]", "rows[0]", "found[0]"}


# Estimators -------------------------------------------------------------------------------------------
X = ["abc", "ba", "cab", "a", "bcc", "cc"]
Y = [x[::-1] for x in X]
COMMON: dict[str, Any] = {
    "hidden_layer_sizes": 3, "embedding_dim": 2, "batch_size": 6, "max_iter": 2, "random_state": 0, "dtype": "float64",
    "decoding": Beam(max_length=4), "bucket_by_length": False,
}  # fmt: skip


def both(attention: str | None, **options: Any) -> list[RNNSeq2Seq]:
    """A model of the CPU and one of the GPU, whose parameters are the same."""
    models = [RNNSeq2Seq(device=d, attention=attention, **COMMON | options).fit(X, Y) for d in ("cpu", "cuda")]
    assert [model.device_ for model in models] == ["cpu", GPU]
    np.testing.assert_allclose(models[1].loss_curve_, models[0].loss_curve_, rtol=0, atol=1e-8)
    for name, values in models[0].weights_.items():
        np.testing.assert_allclose(models[1].weights_[name], values, rtol=0, atol=1e-8)
        for model in models:
            model.weights_[name][...] *= 3  # so that sequences are not empty, and not the same
    return models


@pytest.mark.filterwarnings("ignore:.*did not end")
@pytest.mark.parametrize("attention", SCORES)
def test_estimator(attention: str) -> None:
    """Training on tokens with vectors that are learned; greedy decoding, a beam, and its weights."""
    cpu, gpu = both(attention)
    assert gpu.predict(X) == cpu.predict(X)
    options = {"beam_width": 3, "length_penalty": 0.6, "return_attention": True}
    one, other = (model.decode(X, **options) for model in (cpu, gpu))
    assert other.sequences == one.sequences and len({*one.sequences}) > 1
    np.testing.assert_allclose(other.log_probabilities, one.log_probabilities, rtol=0, atol=1e-8)
    np.testing.assert_allclose(other.attention, one.attention, rtol=0, atol=1e-8)


def test_pairs_and_parameters_are_copied_once(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """For all epochs and both sizes of mini-batches."""
    sources, make = [], seq2seq_fitting._source_of
    monkeypatch.setattr(seq2seq_fitting, "_source_of", lambda *a: (sources.append(make(*a)), sources[-1])[1])
    options = COMMON | {"batch_size": 4, "cell": "rnn", "attention": "dot", "device": "cuda"}
    progress = RNNSeq2Seq(**options).fit(X, Y)._fitted.progress
    for array in (progress.theta, *progress.optimizer.moments.values()):
        assert copies.of(array) == (1, 1)
    for array in (sources[0].X_in, sources[0].X_out, sources[0].y):
        assert copies.of(array) == (0, 1)


def test_validation_and_weights() -> None:
    """Held-out pairs are decoded on the GPU; pairs are weighted; an epoch more goes on from there."""
    options = {"early_stopping": EarlyStopping(fraction=0.3), "bucket_by_length": True, "cell": "rnn"}
    models = [
        RNNSeq2Seq(device=d, **COMMON | options).fit(X, Y, sample_weight=np.arange(1, 7)) for d in ("cpu", "cuda")
    ]
    assert models[1].validation_scores_ == models[0].validation_scores_
    for model in models:
        model.set_params(early_stopping=False).partial_fit(X, Y)
    np.testing.assert_allclose(models[1].loss_curve_, models[0].loss_curve_, rtol=0, atol=1e-8)
    assert models[1].score(X, Y) == models[0].score(X, Y)


@pytest.mark.filterwarnings("ignore:.*did not end")
def test_layer_normalisation_and_sampled_softmax() -> None:
    """On both sides, and of the decoder's outputs; without attention."""
    cpu, gpu = both(None, layer_norm=True, n_sampled_tokens=2, cell="rnn", max_iter=1)
    assert gpu.predict(X) == cpu.predict(X)


def test_layers_on_devices_of_their_own() -> None:
    """Attention and the search run where the last layer is."""
    options = COMMON | {"hidden_layer_sizes": (3, 2), "cell": "rnn", "bidirectional": True, "max_iter": 1}
    models = [RNNSeq2Seq(device=device, **options).fit(X, Y) for device in ("cpu", ["cpu", "cuda"])]
    assert models[1].device_ == "cpu+cuda:0"
    found = [model.decode(X, beam_width=2) for model in models]
    assert found[1].sequences == found[0].sequences
    np.testing.assert_allclose(found[1].log_probabilities, found[0].log_probabilities, rtol=0, atol=1e-10)


@pytest.mark.filterwarnings("ignore:.*did not end")
def test_models_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the CPU predicts on the GPU, and one of the GPU where there is none."""
    cpu, gpu = both("dot")
    expected = cpu.decode(X)
    for model in (cpu, gpu):
        model.save(tmp_path / f"{model.device}.rnn")
    loaded = forecastrnn.load(tmp_path / "cpu.rnn").set_params(device="cuda")
    places = []
    run = Program.run
    monkeypatch.setattr(Program, "run", lambda p, *a, **k: (places.append(p.device), run(p, *a, **k)))
    np.testing.assert_allclose(loaded.decode(X).log_probabilities, expected.log_probabilities, rtol=0, atol=1e-8)
    assert {*places} == {GPU}
    monkeypatch.setattr(devices, "gpus", lambda: (0, "it was taken out"))
    places.clear()
    again = forecastrnn.load(tmp_path / "cuda.rnn")
    assert (again.device, again.device_) == ("cuda", GPU)
    np.testing.assert_allclose(again.decode(X).log_probabilities, expected.log_probabilities, rtol=0, atol=1e-8)
    assert {*places} == {"cpu"}
    with pytest.raises(RuntimeError, match='device="cuda": CUDA is not available'):
        again.fit(X, Y)
    assert RNNSeq2Seq(device="auto", **COMMON).fit(X, Y).device_ == "cpu"


def test_forecaster_with_a_decoder() -> None:
    """Trained and validated on the GPU."""
    options: dict[str, Any] = {
        "n_members": 1,
        "max_steps": 2,
        "hidden_layer_sizes": 3,
        "batch_size": 3,
        "intervals": None,
        "candidates": "network",
    }
    options |= {"context_length": 4, "strategy": Seq2Seq(2), "dtype": "float64", "early_stopping": True}
    cpu, gpu = (RNNForecaster(random_state=0, device=d, **options).fit(load_airline()[:60]) for d in ("cpu", "cuda"))
    assert (cpu.device_, gpu.device_) == ("cpu", GPU)
    np.testing.assert_allclose(gpu.loss_curve_, cpu.loss_curve_, rtol=0, atol=1e-10)
    np.testing.assert_allclose(gpu.predict(2), cpu.predict(2), rtol=1e-8)
