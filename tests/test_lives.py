"""Whole lives of models: any order of fits, questions, copies, files and failures keeps the promises of each step."""

from __future__ import annotations

import copy
import pickle
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings, stateful
from hypothesis.stateful import initialize, invariant, precondition, rule
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from forecastrnn import load
from support.lives import KINDS, OLD, Call, Kind, bits, described, frozen

SEEDS = st.integers(0, 2)
SHAPE = ("hidden_layer_sizes", "cell", "dtype", "season_length", "n_members", "missing")


class Life(stateful.RuleBasedStateMachine):
    """A model that is copied, saved and annoyed, and its twin, which is only taught: both answer with the same bits."""

    kinds: dict[str, Kind]

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        self.kind = self.kinds[data.draw(st.sampled_from(sorted(self.kinds)), label="kind")]
        self.model, self.twin = self.kind.make(), self.kind.make()
        self.known = self.series = 0  # rows that have been seen of which series
        self.shape: dict[str, Any] = {}  # parameters that a warm start wants as they were
        self.fitted = False
        if data.draw(st.integers(0, 5), label="fitted at once"):
            self.fit(data.draw(SEEDS, label="seed"))

    def taught(self, lesson: Callable[[Any], Any], call: Call) -> None:
        """Both models learn; what they are given stays as it was."""
        before = described(call)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for model in (self.model, self.twin):
                assert lesson(model) is model
        assert described(call) == before, "an input was written to"
        self.fitted = True

    def answers(self, model: Any) -> list[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [bits(value) for value in self.kind.asks(model)]

    def refused(self, call: Callable[[], Any]) -> None:
        """An error of ours, and nothing has changed."""
        before = self.model.get_params()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises((ValueError, TypeError)) as caught:
                call()
        assert str(caught.value) and repr(self.model.get_params()) == repr(before)

    # Lessons ------------------------------------------------------------------------------------------
    @rule(seed=SEEDS)
    def fit(self, seed: int) -> None:
        args, options = call = frozen(self.kind.data(seed))
        self.taught(lambda model: model.fit(*args, **options), call)
        self.series, self.known = seed, OLD
        self.keep_shape()

    def keep_shape(self) -> None:
        parameters = self.model.get_params(deep=False)
        self.shape = {name: parameters[name] for name in SHAPE if name in parameters}

    @precondition(lambda self: self.fitted)
    @rule(seed=SEEDS)
    def fit_warm(self, seed: int) -> None:
        for model in (self.model, self.twin):
            model.set_params(**self.shape, warm_start=True)
        self.fit(seed)
        for model in (self.model, self.twin):
            model.set_params(warm_start=False)

    @precondition(lambda self: self.kind.partial is not None)
    @rule(seed=SEEDS)
    def partial_fit(self, seed: int) -> None:
        assert self.kind.partial is not None
        for model in (self.model, self.twin):
            model.set_params(**self.shape)
        args, options = call = frozen(self.kind.partial(seed))
        self.taught(lambda model: model.partial_fit(*args, **options), call)
        self.keep_shape()

    @precondition(lambda self: self.fitted and self.kind.rows is not None and self.known < OLD + 30)
    @rule(count=st.integers(1, 8))
    def update(self, count: int) -> None:
        assert self.kind.rows is not None
        new = self.kind.rows(self.series, self.known, count)
        self.taught(lambda model: model.update(new), frozen(((new,), {})))
        self.known += count

    @rule(data=st.data())
    def set_params(self, data: Any) -> None:
        """Of a fitted model: it answers as before."""
        change = data.draw(st.sampled_from(self.kind.changes), label="change")
        before = self.answers(self.model) if self.fitted else None
        for model in (self.model, self.twin):
            model.set_params(**change)
        assert before is None or self.answers(self.model) == before

    # Copies -------------------------------------------------------------------------------------------
    @rule()
    def pickled(self) -> None:
        self.model = pickle.loads(pickle.dumps(self.model))

    @rule()
    def copied(self) -> None:
        self.model = copy.deepcopy(self.model)

    @precondition(lambda self: self.fitted)
    @rule()
    def saved(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            self.model.save(path)
            self.model = load(path)
            assert [file.name for file in Path(folder).iterdir()] == ["model"]

    @rule()
    def cloned(self) -> None:
        """A clone has the parameters alone."""
        other = clone(self.model)
        with pytest.raises(NotFittedError):
            self.kind.asks(other)
        assert repr(other.get_params()) == repr(self.model.get_params())

    # Failures -----------------------------------------------------------------------------------------
    @rule(data=st.data())
    def fit_fails(self, data: Any) -> None:
        args, options = data.draw(st.sampled_from(self.kind.bad), label="bad")
        self.refused(lambda: self.model.fit(*args, **options))
        assert self.fitted or not self.model.__sklearn_is_fitted__()

    @precondition(lambda self: self.fitted)
    @rule(data=st.data())
    def question_fails(self, data: Any) -> None:
        question = data.draw(st.sampled_from(self.kind.wrong_questions), label="question")
        self.refused(lambda: question(self.model))

    @precondition(lambda self: self.kind.told)
    @rule(seed=SEEDS)
    def fit_is_stopped(self, seed: int) -> None:
        """From within, as by Ctrl-C."""

        def stop(_: Any) -> None:
            raise KeyboardInterrupt

        args, options = self.kind.data(seed)
        with warnings.catch_warnings(), pytest.raises(KeyboardInterrupt):
            warnings.simplefilter("ignore")
            self.model.fit(*args, **options, callback=stop)
        assert self.fitted or not self.model.__sklearn_is_fitted__()

    @rule(seed=SEEDS)
    def fit_with_a_bad_parameter(self, seed: int) -> None:
        args, options = self.kind.data(seed)
        kept = self.model.get_params()["hidden_layer_sizes"]
        self.model.set_params(hidden_layer_sizes=-1)
        self.refused(lambda: self.model.fit(*args, **options))
        self.model.set_params(hidden_layer_sizes=kept)

    # What always holds --------------------------------------------------------------------------------
    @invariant()
    def both_answer_alike(self) -> None:
        if getattr(self, "fitted", False):
            assert self.answers(self.model) == self.answers(self.twin)


def lived(kind: str, lives: int, steps: int) -> None:
    """So many lives of so many steps, always the same ones."""
    machine = type(f"LifeOf{kind.title()}", (Life,), {"kinds": KINDS[kind]})
    stateful.run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
            print_blob=False,
        ),  # fmt: skip
    )


@pytest.mark.parametrize("kind", KINDS)
def test_short_lives(kind: str) -> None:
    lived(kind, lives=3, steps=8)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_long_lives(kind: str) -> None:
    lived(kind, lives=300, steps=30)
