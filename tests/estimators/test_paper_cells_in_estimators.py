"""The cells of papers in the estimators: they learn, forecast, stream, and come back from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forecastrnn
from forecastrnn import CIFG, MGU, SLSTM, UGRNN, Adam, IndRNN, MinGRU, MinLSTM, RNNRegressor, RNNSeq2Seq
from support.forecaster_cases import monthly, quick
from support.model_cases import X, classifier, figures, regressor

NAMES = {"cifg": CIFG, "mgu": MGU, "ugrnn": UGRNN, "slstm": SLSTM, "mingru": MinGRU, "minlstm": MinLSTM,
         "indrnn": IndRNN}  # fmt: skip
each_cell = pytest.mark.parametrize("name", NAMES)


@each_cell
def test_it_learns(name: str) -> None:
    """A mean of the past whose weights fade, on series that it has not seen: nearly all of its variance."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 12, 1)).astype(np.float32)
    y = x[:, :, 0] @ 0.8 ** np.arange(11, -1, -1)
    model = RNNRegressor(hidden_layer_sizes=(16,), cell=name, max_iter=60, learning_rate_init=0.01, random_state=0)
    assert model.fit(x[:400], y[:400]).score(x[400:], y[400:]) > 0.95


MODELS: dict[str, Callable[[Any], Any]] = {
    "regressor": lambda cell: regressor(cell=cell).fit(X, X.cumsum(axis=1)),
    "classifier": lambda cell: classifier(["a", "b", "c"], cell=cell),
    "forecaster": lambda cell: quick(cell=cell, hidden_layer_sizes=8).fit(monthly(60)),
    "pairs": lambda cell: quick(cell=cell, hidden_layer_sizes=8, strategy="seq2seq").fit(monthly(60)),
}


@pytest.mark.parametrize("kind", MODELS)
@each_cell
def test_it_comes_back_from_a_file(name: str, kind: str, tmp_path: Path) -> None:
    """Chosen by name or as an instance, with what it predicts, draws and streams."""
    model = MODELS[kind](name)
    model.save(tmp_path / "model.rnn")
    loaded = forecastrnn.load(tmp_path / "model.rnn")
    assert figures(loaded) == figures(model) == figures(MODELS[kind](NAMES[name]()))


@each_cell
def test_a_stream_is_the_sequence(name: str) -> None:
    model = regressor(cell=[name, name], hidden_layer_sizes=(5, 3), dtype="float64").fit(X, X.cumsum(axis=1))
    stream = model.stream()
    found = [stream.step(x) for x in X[0]]
    np.testing.assert_allclose(found, model.predict(X[:1])[0], rtol=1e-10)


def test_an_slstm_hands_what_it_read_to_a_decoder() -> None:
    """Without attention, all that the decoder knows is in c, n, m and h."""
    rng = np.random.RandomState(0)
    rows = [rng.randint(3, 6, size=rng.randint(1, 4)).tolist() for _ in range(300)]
    options = {"attention": None, "batch_size": 32, "max_iter": 40, "solver": Adam(0.01), "random_state": 0}
    assert RNNSeq2Seq(hidden_layer_sizes=16, cell="slstm", **options).fit(rows, rows).score(rows, rows) > 0.97


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SLSTM("tanh"), r"forget must be one of \['sigmoid', 'exp'\]. Got 'tanh'"),
        (lambda: SLSTM(forget_bias=np.inf), "forget_bias must be a finite number. Got inf"),
        (lambda: CIFG(forget_bias="1"), "forget_bias must be a finite number. Got '1'"),
        (lambda: MGU(forget_bias=True), "forget_bias must be a finite number. Got True"),
        (lambda: IndRNN("logistic"), r"activation must be one of \['relu', 'tanh'\]. Got 'logistic'"),
    ],
)
def test_options_are_checked(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_first_weights() -> None:
    """What keeps memory begins open, the weights of an IndRNN within 0 .. 1."""
    assert SLSTM().init_weights(2, 3, 0)["bias"].tolist() == [0.0] * 3 + [3.0] * 3 + [0.0] * 6
    assert not SLSTM("exp").init_weights(2, 3, 0)["bias"].any()
    assert MGU(forget_bias=2.0).init_weights(2, 3, 0)["bias"].tolist() == [-2.0] * 3 + [0.0] * 3
    own = IndRNN().init_weights(2, 400, 0)["diagonal"]
    assert own.shape == (1, 400)
    assert 0.0 < own.min() < 0.05
    assert 0.95 < own.max() < 1.0
