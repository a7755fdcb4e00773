"""Labels at each step, and symbols drawn from a classifier of the next one."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecastrnn import EarlyStopping, Elman, RNNClassifier
from forecastrnn.datasets import make_reber

SYMBOLS = np.array(["a", "b", "c", "d"])
CHAIN = np.array([[0.0, 0.7, 0.3, 0.0], [0.1, 0.0, 0.0, 0.9], [0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])


def markov(n: int, steps: int, seed: int = 0) -> np.ndarray:
    """Numbers of symbols (n, steps) of a Markov chain whose probabilities are known."""
    rng = np.random.default_rng(seed)
    codes = np.empty((n, steps), int)
    codes[:, 0] = rng.integers(4, size=n)
    for t in range(1, steps):
        codes[:, t] = [rng.choice(4, p=CHAIN[code]) for code in codes[:, t - 1]]
    return codes


@pytest.fixture(scope="module")
def model() -> RNNClassifier:
    """A network that has learned the chain."""
    codes = markov(300, 21)
    X, y = np.eye(4, dtype=np.float32)[codes[:, :-1]], SYMBOLS[codes[:, 1:]]
    return RNNClassifier(hidden_layer_sizes=16, max_iter=60, learning_rate_init=0.01, random_state=0).fit(X, y)


def ragged(n: int = 30) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Sequences of numbers, and at each step the sign of their running sum."""
    rng = np.random.default_rng(0)
    X = [rng.standard_normal((length, 1)) for length in rng.integers(3, 12, n)]
    return X, [np.where(x[:, 0].cumsum() > 0, "up", "down") for x in X]


def test_a_label_at_each_step() -> None:
    """Learned from lists of sequences; predictions and probabilities have a row for each step."""
    X, y = ragged(200)
    model = RNNClassifier(max_iter=80, learning_rate_init=0.02, random_state=0).fit(X[:150], y[:150])
    guess, share = model.predict(X[150:]), model.predict_proba(X[150:])
    assert guess.shape == share.shape[:2] == (50, max(map(len, X[150:])))
    right = np.concatenate([row[: len(labels)] == labels for row, labels in zip(guess, y[150:], strict=True)])
    assert model.score(X[150:], y[150:]) == pytest.approx(right.mean())
    assert right.mean() > 0.9


def test_padded_and_listed_are_the_same() -> None:
    """What stands past the end of a padded row does not matter."""
    X, y = ragged()
    steps = max(map(len, X))
    lengths = np.array([len(x) for x in X])
    cube, labels = np.zeros((30, steps, 1)), np.full((30, steps), "nonsense")
    for k, (x, own) in enumerate(zip(X, y, strict=True)):
        cube[k, : len(x)], labels[k, : len(x)] = x, own
    listed = RNNClassifier(max_iter=5, random_state=0).fit(X, y)
    padded = RNNClassifier(max_iter=5, random_state=0).fit(cube, labels, lengths=lengths)
    np.testing.assert_array_equal(listed.predict_proba(X), padded.predict_proba(cube, lengths))
    assert listed.score(X, y) == padded.score(cube, labels, lengths=lengths)


def test_early_stopping_with_step_labels() -> None:
    """The held-out score is the accuracy over valid steps."""
    X, y = ragged(60)
    model = RNNClassifier(early_stopping=EarlyStopping(fraction=0.3), max_iter=20, random_state=0).fit(X, y)
    assert 0.4 < max(model.validation_scores_) <= 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: [*y[:4], y[4][:-1], *y[5:]], r"y\[4\] must have a label for each of the \d+ steps of X\[4\]"),
        (lambda y: y[:-1], "y has 29 rows of labels, but X has 30 sequences"),
        (lambda y: [np.full(len(row), "up") for row in y], "classes has to be greater than one"),
    ],
)
def test_labels_that_are_refused(change: Any, message: str) -> None:
    """A row of another length, another number of rows, a single class."""
    X, y = ragged()
    with pytest.raises(ValueError, match=message):
        RNNClassifier(max_iter=1).fit(X, change(y))


def test_probabilities_are_those_of_the_chain(model: RNNClassifier) -> None:
    """The network knows what may follow."""
    codes = markov(50, 12, seed=1)
    found = model.predict_proba(np.eye(4, dtype=np.float32)[codes])[:, 2:]
    assert np.abs(found - CHAIN[codes[:, 2:]]).mean() < 0.05


def test_symbols_are_drawn_with_their_probabilities(model: RNNClassifier) -> None:
    """The first symbol behind a prompt, many times, against predict_proba; pairs against the chain."""
    prompt = np.tile(SYMBOLS[[0, 1, 3]], (4000, 1))
    drawn = model.generate(20, prompt, random_state=0)
    assert drawn.shape == (4000, 20)
    expected = model.predict_proba(np.eye(4, dtype=np.float32)[[[0, 1, 3]]])[0, -1]
    counts = np.array([(drawn[:, 0] == symbol).mean() for symbol in SYMBOLS])
    assert np.abs(counts - expected).max() < 5 * 0.5 / np.sqrt(4000)
    before, behind = (np.searchsorted(SYMBOLS, part).ravel() for part in (drawn[:, :-1], drawn[:, 1:]))
    pairs = np.zeros((4, 4))
    np.add.at(pairs, (before, behind), 1)
    assert np.abs(pairs / pairs.sum(axis=1, keepdims=True) - CHAIN).max() < 0.06


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"top_k": 1}, {"temperature": 0.7, "top_k": 1}])
def test_the_most_probable_symbol(model: RNNClassifier, options: dict) -> None:
    """Temperature 0 and top_k=1 take it, as a loop over predict would."""
    text = list("abd")
    for _ in range(8):
        codes = np.searchsorted(SYMBOLS, text)
        text.append(model.predict(np.eye(4, dtype=np.float32)[codes][None])[0, -1])
    assert model.generate(8, list("abd"), **options).tolist() == text[3:]


def test_temperature_and_top_k(model: RNNClassifier) -> None:
    """A high temperature is nearly even, a low one nearly sure; top_k leaves out the rest."""
    prompt = np.tile(SYMBOLS[[1, 3, 0]], (2000, 1))

    def shares(**options: Any) -> np.ndarray:
        drawn = model.generate(1, prompt, random_state=0, **options)[:, 0]
        return np.array([(drawn == symbol).mean() for symbol in SYMBOLS])

    plain = shares()
    assert shares(temperature=0.2).max() > plain.max() + 0.1
    assert np.ptp(shares(temperature=100.0)) < 0.1
    two = shares(top_k=2)
    assert (two > 0).sum() == 2
    assert two.argmax() == plain.argmax()
    np.testing.assert_array_equal(shares(top_k=4), plain)


def test_seeded_and_the_same_with_any_number_of_threads(model: RNNClassifier) -> None:
    """Without a prompt, too."""
    one, other = (RNNClassifier(**model.get_params(deep=False)) for _ in range(2))
    for copy, n_jobs in ((one, 1), (other, 3)):
        copy.__dict__.update(model.__dict__)
        copy.n_jobs = n_jobs
    found = [copy.generate(30, n_sequences=140, random_state=7) for copy in (one, other)]
    np.testing.assert_array_equal(*found)
    assert found[0].shape == (140, 30)
    assert model.generate(5, random_state=1).shape == (5,)
    assert not np.array_equal(found[0], model.generate(30, n_sequences=140, random_state=8))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_steps": 0}, ValueError, "n_steps must be an int >= 1"),
        ({"n_steps": 10**12}, ValueError, r"n_steps=1000000000000.* GiB"),
        ({"n_steps": 3, "temperature": -1.0}, ValueError, "temperature must be a finite number >= 0. Got -1.0"),
        ({"n_steps": 3, "temperature": np.nan}, ValueError, "temperature must be"),
        ({"n_steps": 3, "top_k": 0}, ValueError, "top_k must be None or an int >= 1. Got 0"),
        ({"n_steps": 3, "prompt": ["a", "x"]}, ValueError, r"prompt has the label 'x' at \[1\]"),
        ({"n_steps": 3, "prompt": []}, ValueError, "prompt must be labels"),
        ({"n_steps": 3, "prompt": ["a", None]}, ValueError, r"prompt has the label None at \[1\]"),
        ({"n_steps": 3, "prompt": [["a", "b"], ["a"]]}, ValueError, "prompt holds sequences of different lengths"),
        ({"n_steps": 3, "prompt": "ab"}, ValueError, r"Give its letters as a list: \['a', 'b'\]"),
        ({"n_steps": 3, "temperature": 2**2000}, ValueError, "temperature must be a finite number >= 0"),
        ({"n_steps": 3, "n_sequences": 1.5}, TypeError, "n_sequences must be an int"),
    ],
)
def test_what_generate_refuses(model: RNNClassifier, options: dict, error: type[Exception], message: str) -> None:
    """Counts, temperatures and labels that make no sense."""
    with pytest.raises(error, match=message):
        model.generate(**options)


def test_models_that_cannot_generate() -> None:
    """One label a sequence, other inputs than one-hot symbols, both directions."""
    X, y = np.eye(3)[np.array([[0, 1, 2, 0], [1, 0, 2, 2], [2, 2, 1, 0]])], np.array(list("aba"))
    with pytest.raises(ValueError, match="a label at each step"):
        RNNClassifier(max_iter=1).fit(X, y).generate(3)
    steps = np.array([list("abab"), list("bbaa"), list("abba")])
    with pytest.raises(ValueError, match="X had 3 channels and there are 2 classes"):
        RNNClassifier(max_iter=1).fit(X, steps).generate(3)
    with pytest.raises(ValueError, match="needs bidirectional=False"):
        RNNClassifier(max_iter=1, bidirectional=True).fit(X[:, :, :2], steps).generate(3)


def test_a_grammar_is_written() -> None:
    """The example: most strings that the network writes are strings of the grammar, and they are many."""
    example = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "symbols.py"))
    written = example["write"](example["learn"](), 500)
    assert example["share_valid"](written) > 0.93
    assert len(set(written)) > 50
    for text, good in (("BTBTXSETE", True), ("BPBPVVEPE", True), ("BTBPTTVPXTVVETE", True), ("BTBTXSEPE", False)):
        assert (example["EMBEDDED"].fullmatch(text) is not None) == good
    strings, valid = make_reber(400, random_state=5)
    assert [example["EMBEDDED"].fullmatch(text) is not None for text in strings] == valid.tolist()


def test_a_network_that_blows_up_draws_nothing() -> None:
    codes = np.random.default_rng(0).integers(0, 3, (6, 20))
    model = RNNClassifier(cell=Elman("relu"), hidden_layer_sizes=4, max_iter=1, random_state=0, standardize=False)
    model.fit(np.eye(3)[codes[:, :-1]], codes[:, 1:])
    model.weights_[0]["kernel"][...], model.weights_[0]["recurrent_kernel"][...] = 1.0, 3.0
    assert len(model.generate(30, random_state=0)) == 30
    with pytest.raises(ValueError, match="within 400 symbols the scores are no finite numbers: the network has"):
        model.generate(400, random_state=0)
