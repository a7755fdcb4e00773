"""Constructor parameters: what each may be, and what they mean together."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils._param_validation import StrOptions

from forecastrnn.data.class_weights import BALANCED
from forecastrnn.engine.devices import NAMES, is_name
from forecastrnn.engine.threads import thread_count
from forecastrnn.estimators.groups.group import AUTO, COUNT, POSITIVE
from forecastrnn.estimators.groups.heads import constraints_of_heads
from forecastrnn.estimators.groups.schedules import Schedule
from forecastrnn.estimators.named_parameters import NamedParameters, refuse
from forecastrnn.estimators.old_names import flat_of
from forecastrnn.estimators.telling import AUTO as AUTO_LINE
from forecastrnn.estimators.telling import says_lines
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.cells import CELLS, as_cell, cell_choices
from forecastrnn.networks.initializers import INITIALIZERS
from forecastrnn.networks.network import Layer
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.optimizers import Rule


class _DeviceName(StrOptions):
    """A name of a device: one of a few, or a GPU by its number."""

    def is_satisfied_by(self, val: object) -> bool:
        return is_name(val)

    def __str__(self) -> str:
        return f"{super().__str__()} or 'cuda:0', 'cuda:1' and so on"


TRAINING_CONSTRAINTS: dict[str, list] = {
    "cell": [StrOptions(CELLS.keys()), Cell, list, tuple],  # tables are live: what is registered later counts too
    "hidden_layer_sizes": [COUNT, list, tuple, np.ndarray],
    "bidirectional": ["boolean"],
    "layer_norm": ["boolean"],
    "initializer": [StrOptions(INITIALIZERS.keys())],
    "batch_size": [AUTO, COUNT],
    "max_iter": [COUNT],
    "warm_start": ["boolean"],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose", StrOptions({AUTO_LINE})],
    "bucket_by_length": ["boolean"],
    "standardize": ["boolean"],
    "device": [_DeviceName(set(NAMES)), list, tuple],
    "n_jobs": [Integral, None],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
    **constraints_of_heads("solver", "dropout", "early_stopping"),
}
SEQUENCE_CONSTRAINTS: dict[str, list] = {
    **TRAINING_CONSTRAINTS,
    **constraints_of_heads("bptt", "embedding"),
    "learning_rate_init": [POSITIVE, None],
    "vector_input": ["boolean"],
    "categorical_features": ["array-like", None],
}
CLASSIFIER_CONSTRAINTS: dict[str, list] = {
    "n_sampled_classes": [COUNT, None],
    "class_weight": [dict, StrOptions({BALANCED}), None],
}
OWN = {
    "learning_rate": "constant",
    "learning_rate_init": 0.005,
    "alpha": 0.0,
    "clip_norm": None,
    "n_iter_no_change": 10,
    "tol": 1e-4,
}  # what "auto" is in the groups of the estimators that learn in epochs


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
    flat = flat_of(estimator, "dropout")
    return Dropout(flat["input_dropout"], flat["dropout"], flat["recurrent_dropout"])


def rule_of(estimator: NamedParameters) -> Rule:
    """The update rule."""
    flat = flat_of(estimator, "solver")
    course = flat["learning_rate"]
    return Rule(**flat | {"learning_rate": course.course() if isinstance(course, Schedule) else course})


def shared_settings(estimator: NamedParameters, partial: bool) -> dict[str, Any]:
    """Fields of `TrainingSettings` that are one parameter each; `partial`: for one epoch."""
    stopping = flat_of(estimator, "early_stopping")
    return {
        "initializer": estimator.initializer,
        "rule": rule_of(estimator),
        "dropout": dropout_of(estimator),
        "batch_size": None if estimator.batch_size == "auto" else int(estimator.batch_size),
        "max_iter": 1 if partial else estimator.max_iter,
        "tol": stopping["tol"],
        "n_iter_no_change": stopping["n_iter_no_change"],
        "shuffle": bool(estimator.shuffle),
        "bucket_by_length": bool(estimator.bucket_by_length),
        "n_threads": thread_count(estimator.n_jobs),
        "verbose": says_lines(estimator.verbose),
    }
