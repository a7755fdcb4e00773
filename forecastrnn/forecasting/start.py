"""Where a fit begins that does not begin anew: a network that has learned from synthetic series of all kinds.

Such a network reads any series in the same units: of its own usual change, from a level, behind its seasonal figure.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.forecasting.preparation import Prepared, prepare, window_steps
from forecastrnn.forecasting.settings import Settings
from forecastrnn.forecasting.trained import Trained
from forecastrnn.networks.cells import GRU
from forecastrnn.networks.network import Layer
from forecastrnn.persistence import codec
from forecastrnn.persistence.model_file import Tensor, open_model, write_model
from forecastrnn.persistence.parts import Part
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.optimizers import OptimizerState, Rule

CLASS = "pretrained"
FILE = "pretrained.weights"
MOST_LAYERS, MOST_UNITS, MOST_STEPS = 8, 4096, 4096  # of a file: far more than any that is of use
OLDER = 3  # means of seasons before the last, of how the level came to where it is
LARGEST = 1e6  # of a parameter: trained ones are below 100


def _are_units(raw: object) -> bool:
    """Numbers of units of a few layers."""
    return (
        isinstance(raw, list)
        and 1 <= len(raw) <= MOST_LAYERS
        and all(type(one) is int and 1 <= one <= MOST_UNITS for one in raw)
    )


_HEADER = {
    "class": codec.choice(CLASS), "units": codec.tested("a list of numbers of units", _are_units),
    "context": codec.count(1, MOST_STEPS), "updates": codec.count(1, codec.LONGEST),
    "loss": codec.number(codec.ANY), "size": codec.count(1, codec.LONGEST),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """A network that was trained before: theta (size,), units of its layers, steps of its context.

    updates, loss : how long it has learned, and its loss at the end, in usual changes of a series.
    """

    theta: np.ndarray
    units: tuple[int, ...]
    context: int
    updates: int
    loss: float

    def trained(self, count: int, rule: Rule, dtype: str, size: int) -> Trained:
        """As so many members of a fit that goes on from here; size : parameters of the network it is to be."""
        if self.theta.size != size:
            raise ModelFileError(f"start: the file has {self.theta.size} parameters, but its network has {size}.")
        theta = self.theta.astype(dtype)
        begun = replace(OptimizerState.zeros(theta, rule.moments), count=self.updates)
        member = Progress(theta, begun, loss_curve=[self.loss])
        members = [member.copy() for _ in range(count)]
        return Trained(np.tile(theta, (count, 1, 1)), [[self.loss]] * count, self.updates, members)


def layers_of(units: tuple[int, ...]) -> tuple[Layer, ...]:
    """The layers of such a network."""
    return tuple(Layer(GRU(), each) for each in units)


def settings_of(units: tuple[int, ...], n_threads: int = 1) -> Settings:
    """Those by which such a network forecasts; how it is trained, callers say."""
    return Settings(
        layers=layers_of(units), initializer="uniform", loss="absolute_error", rule=Rule("adamw", 1e-3),
        batch_size=1, max_steps=1, horizon=1, n_iter_no_change=1, validation_fraction=None, n_threads=n_threads,
        verbose=False, dtype="float32",
    )  # fmt: skip


def prepare_for_any(
    values: np.ndarray, offsets: np.ndarray, season: int, context: int, *, longer: tuple[int, ...] = ()
) -> Prepared:
    """Series as such a network reads them, in training and in use."""
    ahead = window_steps(season, int(np.diff(offsets).max()))[1]
    found = prepare(values, offsets, season, context, ahead, longer=longer, for_any=True)
    return found.read_with(lags=True, older_means=(found.layout.mean_width, OLDER), long_run=True)


def write_start(path: Any, start: Start) -> None:
    """Write it to a file that runs no code and knows when it is damaged."""
    header = {
        "class": CLASS, "units": list(start.units), "context": start.context, "updates": start.updates,
        "loss": start.loss, "size": start.theta.size,
    }  # fmt: skip
    write_model(path, header, [_tensor(start.theta.size)], {"theta": start.theta.astype("<f4")})


def _tensor(size: int) -> Tensor:
    return Tensor("theta", "<f4", (size,))


def usual_start() -> Start:
    """The one that comes with the package."""
    return _read_once(os.fspath(files("forecastrnn.forecasting") / FILE))  # type: ignore[call-overload]


@lru_cache(4)
def _read_once(path: str) -> Start:
    return read_start(path)


def read_start(path: Any) -> Start:
    """Read what `write_start` wrote; ModelFileError where a file holds something else."""
    with open_model(path) as file:
        if not isinstance(file.header, dict) or file.header.get("class") != CLASS:
            raise ModelFileError(f"{path}: it holds no pre-trained network.")
        try:
            said = _read_header(Part(file.header, "the header"))
        except ModelFileError as error:
            raise ModelFileError(f"{path}: what it says of its network cannot be ({error}).") from error
        theta = file.read([_tensor(said.pop("size"))])["theta"]
    if not np.isfinite(theta).all() or np.abs(theta).max() > LARGEST:
        raise ModelFileError(f"{path}: its parameters are not those of a trained network.")
    return Start(theta=theta, **said)


def _read_header(header: Part) -> dict[str, Any]:
    """What a header says of a network, within bounds."""
    said = {word: kind.read(header, word) for word, kind in _HEADER.items()}
    del said["class"]
    header.close()
    return said | {"units": tuple(said["units"])}
