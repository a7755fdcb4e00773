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
from forecastrnn.forecasting.trained import Trained
from forecastrnn.networks.cells import GRU
from forecastrnn.networks.network import Layer
from forecastrnn.persistence import codec
from forecastrnn.persistence.model_file import Tensor, open_model, write_model
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.optimizers import OptimizerState, Rule

CLASS = "pretrained"
FILE = "pretrained.weights"
MOST_LAYERS, MOST_UNITS, MOST_STEPS = 8, 4096, 4096  # of a file: far more than any that is of use
OLDER = 3  # means of seasons before the last, of how the level came to where it is
LARGEST = 1e6  # of a parameter: trained ones are below 100


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

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Its layers."""
        return tuple(Layer(GRU(), units) for units in self.units)

    def trained(self, count: int, rule: Rule, dtype: str, size: int) -> Trained:
        """As so many members of a fit that goes on from here; size : parameters of the network it is to be."""
        if self.theta.size != size:
            raise ModelFileError(f"start: the file has {self.theta.size} parameters, but its network has {size}.")
        theta = self.theta.astype(dtype)
        members = [
            Progress(theta.copy(), OptimizerState(_zeros(theta, rule), count=self.updates), loss_curve=[self.loss])
            for _ in range(count)
        ]
        return Trained(np.tile(theta, (count, 1, 1)), [[self.loss]] * count, self.updates, members)


def _zeros(theta: np.ndarray, rule: Rule) -> dict[str, np.ndarray]:
    return {name: np.zeros_like(theta) for name in rule.moments}


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
        header = file.header if isinstance(file.header, dict) else {}
        if header.get("class") != CLASS:
            raise ModelFileError(f"{path}: it holds no pre-trained network.")
        found = _start_of(header)
        if found is None:
            raise ModelFileError(f"{path}: what it says of its network cannot be.")
        theta = file.read([_tensor(header["size"])])["theta"]
    if not np.isfinite(theta).all() or np.abs(theta).max() > LARGEST:
        raise ModelFileError(f"{path}: its parameters are not those of a trained network.")
    return replace(found, theta=theta)


def _start_of(header: dict[str, Any]) -> Start | None:
    """What a header says, without parameters; None where it cannot be."""
    units, loss = header.get("units"), header.get("loss")
    counts = [header.get(name) for name in ("context", "updates", "size")]
    if not isinstance(units, list) or type(loss) is not float or not 1 <= len(units) <= MOST_LAYERS:
        return None
    if not all(type(one) is int and one > 0 for one in (*units, *counts)):
        return None
    context, updates, size = (int(one) for one in counts if one is not None)
    if max(units) > MOST_UNITS or context > MOST_STEPS or max(size, updates) > codec.LONGEST:
        return None
    return Start(theta=np.empty(0), units=tuple(units), context=context, updates=updates, loss=loss)
