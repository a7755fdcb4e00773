"""What several kinds of models keep: networks, progress and optimizer, scalers, the device."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecastrnn.data.standardize import ArrayScaler
from forecastrnn.engine.devices import is_device
from forecastrnn.exceptions import ModelFileError
from forecastrnn.networks.network import Network
from forecastrnn.persistence import codec
from forecastrnn.persistence.codec import Kind, Make, Part
from forecastrnn.persistence.plain_values import plain
from forecastrnn.programs.shapes import Dropout
from forecastrnn.training.network_progress import Progress, within_reach
from forecastrnn.training.optimizers import MOMENTS, OptimizerState

REALS = {"float32": "<f4", "float64": "<f8"}
DEVICE = codec.tested("the name of a device", lambda raw: isinstance(raw, str) and is_device(raw)).named("device")
SEED = 2**32 - 1


def know_real(dtype: str, part: Part) -> None:
    """The dtype of what networks compute with, and how far its numbers may go, are known from here on."""
    lowest, highest = within_reach(dtype)
    part.known.update(real=REALS[dtype], lowest=lowest, highest=highest)


def reals(*sizes: str | codec.Size) -> Kind:
    """Numbers that networks compute with: parameters, inputs, states."""
    return codec.array("real", *sizes, within=("lowest", "highest"))


def check_plain(network: Network) -> None:
    """Refuse what networks of sequences have not, and what programs for them make no room for."""
    if network.n_skip or network.ahead is not None:
        raise ModelFileError("a network of sequences has no linear skip, and reads nothing ahead")


def check_network(network: Network, part: Part) -> None:
    """Bounds within which the sizes of all parameters can be computed; these sizes are known from here on."""
    good = 1 <= len(network.layers) <= 1000 and 1 <= network.n_inputs <= codec.MOST
    good = good and 1 <= network.n_outputs <= codec.MOST and 0 <= network.n_skip <= codec.MOST
    if not good or not all(1 <= layer.units <= codec.MOST for layer in network.layers):
        raise ModelFileError("the network has no layers, or more inputs, units or outputs than can be")
    columns = [e.column for e in network.embeddings]
    good = len(set(columns)) == len(columns) and all(0 <= column < network.n_inputs for column in columns)
    if not good or not all(1 <= e.size <= codec.MOST and 1 <= e.dim <= codec.MOST for e in network.embeddings):
        raise ModelFileError("the network's embeddings have columns or sizes that cannot be")
    part.known.update({name: getattr(network, name) for name in ("size", "n_inputs", "n_outputs")})
    part.known["n_columns"] = network.columns


def check_dropout(dropout: Dropout, part: Part | None = None) -> None:
    """Chances below one."""
    if not all(0 <= chance < 1 for chance in (dropout.inputs, dropout.outputs, dropout.recurrent)):
        raise ModelFileError(f"dropout must lie in [0, 1). Got {dropout}")


DROPOUT = plain(Dropout, "its dropout", check_dropout)


def _walk_moments(part: Part, word: str, value: dict[str, np.ndarray] | None) -> Make:
    """Named in the header only where they are not those that all files had at first, nor are their tensors."""
    names = list(MOMENTS)
    if word in part.raw or value is not None and list(value) != names:
        names = part.items(word, lambda: list(value or ()))
        if not all(isinstance(name, str) and name.isidentifier() for name in names) or len(set(names)) != len(names):
            part.refuse(word, "a list of names, each of them once")
    makes = {}
    for name in names:
        tensor = name if name in MOMENTS else f"moments.{name}"
        makes[name] = codec.array("real", "size").walk(part, tensor, value and value[name])
    return lambda values: {name: make(values) for name, make in makes.items()}


OPTIMIZER = codec.record(
    OptimizerState,
    moments=Kind(_walk_moments, sign=None),
    count=codec.count(0, codec.LONGEST).named("updates"),
    since_start=codec.count(0, codec.LONGEST),
)


def _walk_theta(part: Part, word: str, value: np.ndarray | None) -> Make:
    dtype = codec.choice(*REALS).read(part, "dtype", None if value is None else value.dtype.name)
    know_real(dtype, part)
    return reals("size").walk(part, word, value)


THETA = Kind(_walk_theta, sign=None)
LOSSES = codec.curve(codec.Size("n_losses")).named("losses")  # none of a network that was trained elsewhere


def progress(theta: Kind | None, loss_curve: Kind | None, make: Callable = Progress) -> Kind:
    """Parameters, optimizer and history of a training."""
    scores = codec.curve(codec.Size("n_scores")).named("scores")
    return codec.record(
        Progress, make, theta=theta, optimizer=OPTIMIZER, loss_curve=loss_curve, validation_scores=scores
    )  # fmt: skip


def scaler(name: str, columns: str) -> Kind:
    """Mean and spread of some columns, if they are scaled."""
    mean, scale = codec.array("<f8", columns), codec.array("<f8", columns, within=codec.POSITIVE)
    kept = codec.record(ArrayScaler, mean_=mean.named(f"{name}.mean"), scale_=scale.named(f"{name}.scale"))
    return codec.optional(f"scales_{name}", kept)
