"""Constructor parameters: what each may be, and what they mean together."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions

from forecastrnn.engine.devices import NAMES, is_name
from forecastrnn.engine.threads import thread_count
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.cells import CELLS, as_cell, cell_choices
from forecastrnn.networks.initializers import INITIALIZERS
from forecastrnn.networks.network import Layer
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.optimizers import SCHEDULES, SOLVERS, Rule

_POSITIVE = Interval(Real, 0, None, closed="neither")
_COUNT = Interval(Integral, 1, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")


class _DeviceName(StrOptions):
    """A name of a device: one of a few, or a GPU by its number."""

    def is_satisfied_by(self, val: object) -> bool:
        return is_name(val)

    def __str__(self) -> str:
        return f"{super().__str__()} or 'cuda:0', 'cuda:1' and so on"


# Tables of names are live: what is registered later counts too.
TRAINING_CONSTRAINTS: dict[str, list] = {
    "cell": [StrOptions(CELLS.keys()), Cell, list, tuple],
    "hidden_layer_sizes": [_COUNT, list, tuple, np.ndarray],
    "bidirectional": ["boolean"],
    "layer_norm": ["boolean"],
    "initializer": [StrOptions(INITIALIZERS.keys())],
    "solver": [StrOptions(SOLVERS.keys())],
    "learning_rate_init": [_POSITIVE],
    "learning_rate": [StrOptions(SCHEDULES.keys())],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "momentum": [_SHARE],
    "nesterovs_momentum": ["boolean"],
    "beta_1": [_SHARE],
    "beta_2": [_SHARE],
    "epsilon": [_POSITIVE],
    "batch_size": [StrOptions({"auto"}), _COUNT],
    "max_iter": [_COUNT],
    "tol": [Interval(Real, 0, None, closed="left")],
    "n_iter_no_change": [_COUNT],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "warm_start": ["boolean"],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "clip_norm": [_POSITIVE, None],
    "gradient_noise": [Interval(Real, 0, None, closed="left")],
    "bucket_by_length": ["boolean"],
    "bptt_steps": [_COUNT, None],
    "checkpoint_steps": [StrOptions({"auto"}), _COUNT, None],
    "dropout": [_SHARE],
    "input_dropout": [_SHARE],
    "recurrent_dropout": [_SHARE],
    "standardize": ["boolean"],
    "device": [_DeviceName(set(NAMES)), list, tuple],
    "n_jobs": [Integral, None],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
}
EMBEDDING_CONSTRAINTS: dict[str, list] = {
    "categorical_features": ["array-like", None],
    "embedding_dim": [StrOptions({"auto"}), _COUNT],
    "embedding_weights": [dict, None],
    "freeze_embeddings": ["boolean"],
}
SEQUENCE_CONSTRAINTS: dict[str, list] = {**TRAINING_CONSTRAINTS, "vector_input": ["boolean"]}
CLASSIFIER_CONSTRAINTS: dict[str, list] = {"n_sampled_classes": [_COUNT, None]}


class NamedParameters(BaseEstimator):
    """An estimator whose parameters are attributes of their names, which its constructor sets."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A parameter, or what a fit has learned."""

    def _set(self, given: dict[str, object]) -> None:
        """Each parameter of a constructor, whose `locals()` are given, as an attribute.

        Unchanged: `clone` and `set_params` of scikit-learn rest on that.
        """
        for name, value in given.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)


def refuse(estimator: NamedParameters, name: str, expected: str) -> NoReturn:
    """Raise scikit-learn's error for a parameter."""
    value = getattr(estimator, name)
    raise InvalidParameterError(
        f"The {name!r} parameter of {type(estimator).__name__} must be {expected}. Got {value!r} instead."
    )


def check_numbers(estimator: NamedParameters) -> None:
    """Refuse booleans where a number is meant, infinities and NaN: some pass scikit-learn's intervals."""
    for name, constraints in estimator._parameter_constraints.items():
        if not any(one is Integral or isinstance(one, Interval) for one in constraints):
            continue
        value = getattr(estimator, name, None)
        if isinstance(value, (bool, np.bool_)):
            refuse(estimator, name, "a number, not a bool")
        if isinstance(value, Real) and not np.isfinite(float(value)):
            refuse(estimator, name, "a finite number in the range (0.0, inf)")
    if getattr(estimator, "n_jobs", None) == 0:
        refuse(estimator, "n_jobs", "None, a positive int, or a negative one: -1 for all cores, -2 for all but one")


def layers_of(estimator: NamedParameters) -> tuple[Layer, ...]:
    """Layers from `cell`, `hidden_layer_sizes`, `bidirectional` and `layer_norm`."""
    sizes = estimator.hidden_layer_sizes
    sizes = [sizes] if isinstance(sizes, Integral) else list(sizes)
    good = [isinstance(s, Integral) and not isinstance(s, (bool, np.bool_)) and int(s) >= 1 for s in sizes]
    if not sizes or not all(good):
        refuse(estimator, "hidden_layer_sizes", "an int in the range [1, inf) or a non-empty list of such ints")
    cells = estimator.cell if isinstance(estimator.cell, (list, tuple)) else [estimator.cell] * len(sizes)
    if len(cells) != len(sizes):
        refuse(estimator, "cell", f"one cell or a list of {len(sizes)}, one for each of hidden_layer_sizes")
    if not all(isinstance(c, Cell) or isinstance(c, str) and c in CELLS for c in cells):
        refuse(estimator, "cell", f"cells, each {cell_choices()}")
    if estimator.layer_norm and 1 in sizes:
        expected = "at least 2 in each layer with layer_norm=True, where a unit alone is always its own mean"
        refuse(estimator, "hidden_layer_sizes", expected)
    options = bool(getattr(estimator, "bidirectional", False)), bool(estimator.layer_norm)
    return tuple(Layer(as_cell(c), int(s), *options) for c, s in zip(cells, sizes, strict=True))


def dropout_of(estimator: NamedParameters) -> Dropout:
    """What is set to zero by chance in training."""
    return Dropout(estimator.input_dropout, estimator.dropout, estimator.recurrent_dropout)


def rule_of(estimator: NamedParameters) -> Rule:
    """The update rule."""
    names = ("solver", "learning_rate_init", "learning_rate", "alpha", "clip_norm", "momentum", "gradient_noise",
             "nesterovs_momentum", "beta_1", "beta_2", "epsilon")  # fmt: skip
    return Rule(**{name: getattr(estimator, name) for name in names})


def shared_settings(estimator: NamedParameters, partial: bool) -> dict[str, Any]:
    """Fields of `TrainingSettings` that are one parameter each; `partial`: for one epoch."""
    return {
        "initializer": estimator.initializer,
        "rule": rule_of(estimator),
        "dropout": dropout_of(estimator),
        "batch_size": None if estimator.batch_size == "auto" else int(estimator.batch_size),
        "max_iter": 1 if partial else estimator.max_iter,
        "tol": estimator.tol,
        "n_iter_no_change": estimator.n_iter_no_change,
        "shuffle": bool(estimator.shuffle),
        "bucket_by_length": bool(estimator.bucket_by_length),
        "n_threads": thread_count(estimator.n_jobs),
        "verbose": bool(estimator.verbose),
    }
