"""Sampled softmax: draws, gradients beside the oracle and the full softmax, bits, and what an estimator learns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from forecastrnn import EarlyStopping, RNNClassifier, Truncated
from forecastrnn.programs.sampled_head import taken_always
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.stepping import dropout_seeds
from support.cases import Problem, draw, index_of, layer, program_of
from support.naive_training import numerical_gradient
from support.sampled_cases import ORDER, SHIFT, TWICE, Array, S, V, check, fixed, problem_of, sampled, whole

MASK = (1 << 64) - 1


# The draw -------------------------------------------------------------------------------------------------
def mixed(x: int) -> int:
    """SplitMix64's finaliser, in Python's own integers."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def naive_draw(seed: int, always: int) -> tuple[list[int], list[float]]:
    """Ranks and logs of expected counts, one after the other."""
    ranks, shift, parts = list(range(always)), [0.0] * always, S - always
    ends = np.log(np.arange(always + 1, V + 2) / (always + 1)) / np.log((V + 1) / (always + 1))  # of the ranks' chances
    for i in range(parts):
        u = (mixed((mixed(seed) + (4 << 48) + i) & MASK) >> 11) / 2.0**53
        ranks.append(always + int(np.searchsorted(ends, (i + u) / parts, side="right")) - 1)
        chance = ends[ranks[-1] - always + 1] - ends[ranks[-1] - always]
        shift.append(np.log(parts * chance))
    return ranks, shift


def draws(problem: Problem, steps: int) -> tuple[Array, Array]:
    """Ranks and shifts (steps, S) of one step each."""
    program = sampled(problem, rule=Rule("sgd", 1e-12))
    index, found = whole(problem, program), []
    for _ in range(steps):
        program.run(index, 1, 1)
        found.append([program.program.buffers[name].array.copy() for name in ("classes", "shift")])
    classes, shift = (np.array(one) for one in zip(*found, strict=True))
    return np.argsort(ORDER)[classes], shift


def test_the_draw_is_the_hash_of_the_step() -> None:
    ranks, shift = draws(problem_of(), 20)
    seeds = dropout_seeds(0, 0, 20)
    for step in range(20):
        expected = naive_draw(int(seeds[step]), taken_always(V, S))
        np.testing.assert_array_equal(ranks[step], expected[0])
        np.testing.assert_allclose(shift[step], expected[1], rtol=1e-12, atol=1e-14)


def test_classes_come_as_often_as_expected() -> None:
    """Counts of 4,000 draws, of which each drawn one varies by at most its expectation."""
    ranks, shift = draws(problem_of(n=1, T=1), 4000)
    counts = np.bincount(ranks.ravel(), minlength=V) / len(ranks)
    expected = np.full(V, np.nan)
    expected[ranks.ravel()] = np.exp(shift.ravel())
    assert expected.sum() == pytest.approx(S, rel=1e-12)
    always = taken_always(V, S)
    np.testing.assert_array_equal(counts[:always], 1.0)
    assert (np.abs(counts - expected)[always:] < 5 * np.sqrt(expected[always:] / len(ranks))).all()
    assert (np.diff(ranks, axis=1) >= 0).all()  # equal classes lie side by side


@pytest.mark.parametrize(("classes", "drawn"), [(2, 1), (3, 2), (100, 1), (100, 99), (50_000, 1000), (10**6, 8192)])
def test_no_class_is_expected_twice(classes: int, drawn: int) -> None:
    """The most frequent are taken once each; the next would be drawn once at most, the one before at least once."""

    def expected(always: int) -> float:
        return (drawn - always) * np.log((always + 2) / (always + 1)) / np.log((classes + 1) / (always + 1))

    always = taken_always(classes, drawn)
    assert 0 <= always < drawn
    assert expected(always) <= 1.0
    assert always == 0 or expected(always - 1) > 1.0


# Loss and gradient ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("steps", ["all", "last", 3])
def test_beside_the_oracle(
    steps: Any, ragged: bool, weighted: bool, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a sample that has a class twice, and some of the true ones."""
    problem = problem_of(steps=steps, ragged=ragged, weighted=weighted, n=130 if weighted else 7)
    check(problem, dtype, monkeypatch)


@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("steps", ["all", "last"])
def test_central_differences(steps: Any, both: bool) -> None:
    """The gradient is that of the engine's own loss, with dropout of the features and one draw."""
    problem = draw(
        (layer("lstm", 3, both),), n=4, T=4, inputs=2, outputs=20, steps=steps, loss="cross_entropy", ragged=True
    )
    order = np.arange(20)
    program = program_of(problem, "float64", class_order=order, n_sampled=6, dropout=Dropout(outputs=0.3), seed=3)
    index = whole(problem, program)
    program.run(index, 1, 1)
    found = program.grad.copy()
    expected = numerical_gradient(lambda: program.run(index, 1, 1)[0], program.theta)
    assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()


def test_all_other_classes_once_are_the_full_softmax() -> None:
    """One row, and a sample of all classes but its own, or of all but one that counts nearly nothing."""
    problem = problem_of(n=1, T=1, ragged=False)
    others = np.delete(np.arange(V), problem.y[0, 0])
    program = fixed(sampled(problem, n_sampled=V - 1), others, np.zeros(V - 1))
    full = program_of(problem, "float64")
    losses = [one.run(whole(problem, one), 1, 1)[0] for one in (program, full)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-13)
    np.testing.assert_allclose(program.grad, full.grad, rtol=0.0, atol=1e-14 * np.abs(full.grad).max() + 1e-15)


def test_all_classes_once_are_the_full_softmax_of_many_rows() -> None:
    """Accidental hits are left out, so that each row has every class once; over several shards."""
    problem = problem_of(n=130, ragged=True, weighted=True)
    rare = 36
    problem = replace(problem, y=np.where(problem.y == rare, 0, problem.y))
    problem.theta["head"]["bias"][rare] = -60.0  # its chance is below float64's rounding
    program = fixed(sampled(problem, n_sampled=V - 1), np.arange(V - 1), np.zeros(V - 1))
    full = program_of(problem, "float64")
    losses = [one.run(whole(problem, one), 1, 2)[0] for one in (program, full)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-13)
    assert np.abs(program.grad - full.grad).max() < 1e-14


def estimates(problem: Problem, n_sampled: int, steps: int) -> tuple[Array, Array]:
    """Losses (steps,) and gradients (steps, parameters) by so many draws."""
    program = sampled(problem, n_sampled=n_sampled, rule=Rule("sgd", 1e-300))
    index, losses, gradients = whole(problem, program), np.zeros(steps), np.zeros((steps, problem.network.size))
    for step in range(steps):
        losses[step] = program.run(index, 1, 1)[0]
        gradients[step] = program.grad
    return losses, gradients


def test_estimates_have_no_bias() -> None:
    """For one row exp(loss) is the sum over the classes by a factor, and exp(loss) grad its gradient: unbiased both."""
    problem = problem_of(n=1, T=2, steps="last")
    full = program_of(problem, "float64")
    loss = full.run(whole(problem, full), 1, 1)[0]
    losses, gradients = estimates(problem, S, 4000)
    for found, expected in (
        (np.exp(losses), np.exp(loss)),
        (np.exp(losses)[:, None] * gradients, np.exp(loss) * full.grad),
    ):
        error = found.std(axis=0) / np.sqrt(len(found))
        assert (np.abs(found.mean(axis=0) - expected) < 5 * error + 1e-12).all()
    assert losses.std() > 0.01


def test_the_mean_gradient_approaches_the_full_one() -> None:
    """The gradient itself has a bias, of a quotient's kind: it falls faster than the spread as more are drawn."""
    problem = problem_of()
    full = program_of(problem, "float64")
    full.run(whole(problem, full), 1, 1)
    scale, found = np.linalg.norm(full.grad), {}
    for n_sampled in (4, 12, 30):
        gradients = estimates(problem, n_sampled, 400)[1]
        found[n_sampled] = np.linalg.norm(gradients.mean(axis=0) - full.grad) / scale
        error = np.linalg.norm(gradients.std(axis=0)) / np.sqrt(len(gradients)) / scale
    assert found[4] > found[12] > found[30]
    assert found[30] < 0.01 + 3 * error


# Bits -----------------------------------------------------------------------------------------------------
def three_updates(problem: Problem, n_threads: int, cuts: tuple[int, ...] = (3,), **options: Any) -> bytes:
    """Losses and parameters behind three updates, in calls of so many."""
    program = sampled(problem, "float32", rule=Rule("adam", 0.01, clip_norm=0.5), seed=5, **options)
    order = np.stack([np.random.default_rng(s).permutation(len(problem.x)) for s in range(3)])
    index, losses, done = index_of(problem, program, order), [], 0
    for steps in cuts:
        losses.append(program.run(index.part(done, done + steps), 3, n_threads))
        done += steps
    return np.concatenate(losses).tobytes() + program.theta.tobytes()


@pytest.mark.parametrize("n", [6, 130, 530])
def test_the_same_bits_with_any_number_of_threads_and_however_calls_are_cut(n: int) -> None:
    problem = problem_of(n=n, ragged=True, weighted=True)
    plain = three_updates(problem, 1)
    assert all(three_updates(problem, threads) == plain for threads in (2, 8))
    assert three_updates(problem, 2, (1, 2)) == plain


@pytest.mark.parametrize("steps", ["all", "last", 3])
def test_the_same_bits_with_checkpoints(steps: Any) -> None:
    problem = problem_of(T=7, ragged=True, weighted=True, steps=steps)
    plain = three_updates(problem, 1)
    assert all(three_updates(problem, 2, checkpoint_steps=k) == plain for k in (1, 3))


@pytest.mark.parametrize("steps", ["all", "last"])
def test_targets_that_are_not_there(steps: Any) -> None:
    """A label that is NaN counts as its row's weight 0: the rows beside it have the same loss and gradient."""
    problem = problem_of(steps=steps, weighted=True)
    missing = np.arange(7) % 3 == 0
    program = fixed(sampled(problem), TWICE, SHIFT)
    program.source.y.reshape(7, -1)[missing] = np.nan
    found = program.run(whole(problem, program), 1, 1)[0]
    unweighted = replace(problem, weights=np.where(missing, 0.0, problem.weights))
    other = fixed(sampled(unweighted), TWICE, SHIFT)
    assert found == other.run(whole(unweighted, other), 1, 1)[0]
    np.testing.assert_array_equal(program.grad, other.grad)
    assert np.isfinite(program.grad).all()


def test_memory_does_not_grow_with_rows_times_classes() -> None:
    """Beside parameters and their gradient, and a table of the classes."""

    def stated(n: int, classes: int) -> int:
        problem = draw((layer("gru", 5),), n=n, T=5, outputs=classes, loss="cross_entropy")
        return program_of(problem, "float32", class_order=np.arange(classes), n_sampled=S).program.nbytes

    assert stated(64, 4000) - stated(64, 2000) < 2000 * (6 * 4 + 2 * 8) + 4000
    full = draw((layer("gru", 5),), n=64, T=5, outputs=4000, loss="cross_entropy")
    assert program_of(full, "float32").program.nbytes > 10 * stated(64, 4000)


# An estimator ---------------------------------------------------------------------------------------------
MANY = 300
PLACES = np.random.default_rng(0).permutation(MANY)


def many_classes(n: int, seed: int) -> tuple[Array, Array]:
    """Two one-hot steps that name one of 300 classes; some classes are frequent, many rare."""
    found = np.minimum(np.random.default_rng(seed).pareto(0.7, n) * 8, MANY - 1).astype(int)
    codes, X = PLACES[found], np.zeros((n, 2, 40), np.float32)
    X[np.arange(n), 0, codes // 20] = X[np.arange(n), 1, 20 + codes % 20] = 1.0
    return X, codes


def classifier(**options: Any) -> RNNClassifier:
    settings = {
        "cell": "rnn",
        "hidden_layer_sizes": 48,
        "learning_rate_init": 0.01,
        "early_stopping": EarlyStopping(None, tol=0.0),
        "random_state": 0,
    }
    return RNNClassifier(**settings | options)


def test_it_learns_as_well_as_the_full_softmax() -> None:
    (X, y), (test_X, test_y) = many_classes(4000, 1), many_classes(2000, 2)
    full, drawn = (classifier(max_iter=15, n_sampled_classes=n).fit(X, y) for n in (None, 30))
    assert full.score(test_X, test_y) > 0.97  # the rest is of classes that are not in y
    assert drawn.score(test_X, test_y) > full.score(test_X, test_y) - 0.01
    assert len(full.classes_) > 200
    np.testing.assert_allclose(drawn.predict_proba(test_X[:5]).sum(axis=1), 1.0)


@pytest.mark.parametrize("n_sampled", [248, 10**6])
def test_as_many_as_there_are_classes_are_the_full_softmax(n_sampled: int) -> None:
    X, y = many_classes(4000, 1)
    assert len(np.unique(y)) == 248
    full, same, fewer = (
        classifier(max_iter=1, n_sampled_classes=n).fit(X, y)._fitted.progress.theta for n in (None, n_sampled, 247)
    )
    np.testing.assert_array_equal(full, same)
    assert (full != fewer).any()


def step_labels(n: int = 40, steps: int = 24) -> tuple[Array, Array, Array]:
    """Sequences of one-hot symbols of 12, each step's label the symbol before; and their lengths."""
    rng = np.random.default_rng(0)
    symbols = rng.integers(12, size=(n, steps))
    X = np.eye(12, dtype=np.float32)[symbols]
    y = np.concatenate([symbols[:, :1], symbols[:, :-1]], axis=1)
    return X, y, rng.integers(steps // 2, steps + 1, n)


@pytest.mark.parametrize(
    "options", [{}, {"bptt": Truncated(6)}, {"bptt": Truncated(checkpoint=5)}, {"layer_norm": True}], ids=str
)
def test_labels_at_each_step(options: dict) -> None:
    """Ragged rows with weights, whole, cut in windows, and with checkpoints; in any number of threads."""
    X, y, lengths = step_labels()
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    models = [
        classifier(cell="gru", max_iter=60, n_sampled_classes=4, n_jobs=jobs, **options).fit(X, y, weight, lengths)
        for jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*[model._fitted.progress.theta for model in models])
    assert models[0].score(X, y, lengths=lengths) > 0.9


def test_a_warm_start_goes_on_with_other_draws() -> None:
    """Two fits of 2 epochs are one of 4, where nothing else depends on how many there were."""
    X, y = many_classes(300, 1)
    once = classifier(max_iter=4, n_sampled_classes=9).fit(X, y)
    twice = classifier(max_iter=2, n_sampled_classes=9, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(once.predict_proba(X), twice.predict_proba(X))


@pytest.mark.parametrize("value", [0, -1, 1.5, "all", True, np.nan], ids=str)
def test_what_n_sampled_classes_may_not_be(value: Any) -> None:
    X, y = many_classes(20, 1)
    with pytest.raises(InvalidParameterError, match="n_sampled_classes.*Got"):
        RNNClassifier(n_sampled_classes=value).fit(X, y)
