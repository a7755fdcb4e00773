"""Small fits of every kind, to be killed and to go on."""

from __future__ import annotations

import hashlib
import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd

import forecastrnn as rnn
from forecastrnn import Checkpoint, RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq, keeping
from forecastrnn.estimators import resuming
from forecastrnn.training import training
from support.same_bits import CODES, LABELS, LENGTHS, SEASON, STEPS, TURNED, WEIGHT, WIDE, WORDS, X, Y, tensors

SMALL: dict[str, Any] = {"cell": "rnn", "hidden_layer_sizes": 4, "max_iter": 6, "random_state": 0, "batch_size": 7}
QUICK: dict[str, Any] = {"hidden_layer_sizes": 4, "max_steps": 60, "n_members": 2, "random_state": 0, "batch_size": 8,
                         "intervals": None, "candidates": "network"}  # fmt: skip
PRICE = pd.DataFrame({"price": SEASON + 1.0}, index=WIDE.index)


def regressor(options: dict[str, Any], y: Any = Y, **data: Any) -> Callable[[Any], Any]:
    """A fit of it."""
    return lambda kept: RNNRegressor(**SMALL | options).fit(X, y, checkpoint=kept, **data)


def forecaster(options: dict[str, Any], y: Any = WIDE, **data: Any) -> Callable[[Any], Any]:
    """A fit of it."""
    return lambda kept: RNNForecaster(**QUICK | options).fit(y, checkpoint=kept, **data)


def warm(kept: Any) -> Any:
    """A second fit that goes on from the first."""
    model = RNNRegressor(**SMALL, warm_start=True, solver=rnn.SGD()).fit(X, Y)
    return model.set_params(solver="adam").fit(X, Y, checkpoint=kept)


def pairs(options: dict[str, Any]) -> Callable[[Any], Any]:
    """A fit of words that are turned."""
    given = {"hidden_layer_sizes": 4, "max_iter": 5, "random_state": 2, "batch_size": 8, "embedding_dim": 3} | options
    return lambda kept: RNNSeq2Seq(**given).fit(WORDS, TURNED, checkpoint=kept)


def categories(kept: Any) -> Any:
    """Of a channel that is categorical, whose unknown vector changes behind each epoch."""
    model = RNNClassifier(**SMALL | {"hidden_layer_sizes": 3}, categorical_features=[0], dropout=0.2)
    return model.fit(CODES, LABELS, checkpoint=kept)


def windows(options: dict[str, Any]) -> Callable[[Any], Any]:
    """A backtest of three windows."""

    def run(kept: Any) -> pd.DataFrame:
        model = RNNForecaster(**QUICK | {"n_members": 1, "max_steps": 30, "intervals": "conformal"})
        return model.cross_validation(WIDE, 3, checkpoint=kept, **options)

    return run


KINDS: dict[str, Callable[[Any], Any]] = {
    "regressor": regressor({"solver": rnn.AdamW("one_cycle", clip_norm=0.5)}, sample_weight=WEIGHT),
    "together": regressor({"batch_size": 20, "max_iter": 40, "early_stopping": rnn.EarlyStopping(None, 40)}),
    "early": regressor({"early_stopping": rnn.EarlyStopping(0.2, patience=2), "max_iter": 12}),
    "truncated": regressor({"bptt": rnn.Truncated(2), "max_iter": 3}, STEPS, lengths=LENGTHS),
    "carried": regressor(
        {"bptt": rnn.Truncated(2), "hidden_layer_sizes": (3, 2), "cell": "lstm", "max_iter": 2}, STEPS
    ),
    "buckets": regressor({"bucket_by_length": True, "dtype": "float64"}, lengths=LENGTHS),
    "noise": regressor({"dropout": 0.3, "solver": rnn.SGD(rnn.Steps(0.05))}),
    "warm": warm,
    "classifier": categories,
    "pairs": pairs({"attention": "dot", "scheduled_sampling": 0.5}),
    "pairs early": pairs({"early_stopping": True}),
    "members": forecaster({}),
    "members early": forecaster({"early_stopping": rnn.EarlyStopping(patience=1), "max_steps": 150}),
    "covariates": forecaster({"strategy": "seq2seq", "id_embedding_dim": 2}, X=PRICE),
    "calibrated": forecaster({"intervals": "conformal", "candidates": "auto", "n_members": 1}),
    "local": forecaster({"global_model": False, "n_members": 2}),
    "likelihood": forecaster({"loss": "gaussian", "n_members": 1}),
    "windows": windows({"level": 80}),
    "windows that go on": windows({"refit": 2}),
}


def digest(model: Any) -> str:
    """Of all that the model holds: parameters, moments, curves, scores, intervals; or of a backtest."""
    if isinstance(model, pd.DataFrame):
        return hashlib.sha256(model.to_csv().encode()).hexdigest()
    return hashlib.sha256(tensors(model).tobytes()).hexdigest()


class Killed(BaseException):
    """Stands for a signal that nobody hears."""


class Deadly:
    """Writes checkpoints, and kills behind the write of a number."""

    def __init__(self) -> None:
        self.made, self.last, self.write = 0, 0, resuming.write_checkpoint

    @classmethod
    @contextmanager
    def everywhere(cls) -> Iterator[Deadly]:
        """Inside, all fits write by one, behind every update."""
        made = cls()
        with (
            mock.patch.object(resuming, "write_checkpoint", made),
            mock.patch.object(keeping, "BLAMED", 0.0),
            mock.patch.object(training, "CALL_SECONDS", 1e-9),
            mock.patch.object(os, "fsync", lambda handle: None),
        ):
            yield made

    def __call__(self, *args: Any) -> None:
        self.write(*args)
        self.made += 1
        if self.made == self.last:
            raise Killed

    def within(self, fit: Any, path: Path, last: int) -> Any:
        """A fit that is killed behind so many writes, if it comes so far; None: it was."""
        self.made, self.last = 0, last
        try:
            return fit(Checkpoint(path, every=0.0))
        except Killed:
            assert path.exists()
            return None


def in_child(kind: str, path: str, seconds: float) -> str | None:
    """The digest of a fit in a process of its own; None: it was killed by SIGKILL behind so many seconds."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, digest(KINDS[kind](rnn.Checkpoint(path, every=0.0))).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        if not select.select([pipe], [], [], seconds)[0]:
            os.kill(child, signal.SIGKILL)
        found = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return found if os.WIFEXITED(status) else None
