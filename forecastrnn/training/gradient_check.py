"""Whether the gradient of a cell or a loss is that of its own forward pass: for people who write one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from forecastrnn.data.arrays import read_lengths
from forecastrnn.networks.cells import Cell, as_cell
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.likelihoods import LIKELIHOODS
from forecastrnn.networks.losses import LOSSES, AnyLoss, numbers_of
from forecastrnn.networks.network import Layer, Network
from forecastrnn.programs.inference import sort_rows
from forecastrnn.programs.shapes import shards_of
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram

STEP = 1e-5  # of the differences, by the scale of the parameters: about the cube root of float64's rounding
LEAST = 1e-3  # of the largest derivative of all: what a small parameter's error is at least measured by
SPREAD = 0.5  # standard deviation of the random parameters: gates are neither shut nor all alike


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradients` found; `print` shows it as a table.

    Attributes
    ----------
    errors : dict of str to float
        For each parameter, the largest difference between its gradient and the central differences, relative to the
        largest of the latter (or to a thousandth of the largest of all parameters, if that is more).
    tolerance : float
        What an error may be.
    loss : float
        The loss of the random problem.
    """

    errors: dict[str, float]
    tolerance: float
    loss: float

    @property
    def ok(self) -> bool:
        """Whether every error is within the tolerance."""
        return not self.wrong

    @property
    def wrong(self) -> list[str]:
        """Names of the parameters whose gradient is wrong, the worst first."""
        bad = [name for name, error in self.errors.items() if not error <= self.tolerance]
        return sorted(bad, key=lambda name: -self.errors[name])

    def __str__(self) -> str:
        width = max(len(name) for name in self.errors)
        lines = [
            f"{name:{width}}  {error:.1e}{'' if error <= self.tolerance else '  WRONG'}"
            for name, error in self.errors.items()
        ]
        verdict = "ok" if self.ok else f"{len(self.wrong)} of {len(self.errors)} parameters have a wrong gradient"
        return "\n".join(["largest relative error", *lines, f"{verdict} (tolerance {self.tolerance:.0e})"])


def check_gradients(
    cell: Cell | str | Sequence[Cell | str] = "lstm", *, units: int | Sequence[int] = 4, n_inputs: int = 3,
    n_steps: int = 6, n_sequences: int = 3, n_outputs: int = 2, loss: AnyLoss = "squared_error",
    last: int | Literal["all"] = "all", lengths: ArrayLike | None = None,
    bidirectional: bool = False, layer_norm: bool = False, tolerance: float = 1e-6, random_state: int = 0,
) -> GradientCheck:  # fmt: skip
    """Compare the gradient of a training step with central differences of its own loss.

    A random problem is drawn in float64, and each parameter moved a little up and down: twice as many forward
    passes as there are parameters, so keep the sizes small.

    Parameters
    ----------
    cell : str, cell, or list of them
        One for all layers or one a layer, as in `RNNRegressor`.
    units : int or list of int
        Units of each layer; its length is the depth.
    n_inputs, n_steps, n_sequences, n_outputs : int
        Channels, time steps, rows of the mini-batch, and outputs (classes with "cross_entropy", of a likelihood the
        values that are forecast).
    loss : str or Likelihood
        A name in `forecastrnn.networks.losses.LOSSES`, or a likelihood, also by its name in `LIKELIHOODS`.
    last : "all" or int
        Outputs that the loss reads: of all steps, or of the last so many; 1 is the output on the final state.
    lengths : array of int (n_sequences,), optional
        Valid steps of each sequence.
    bidirectional : bool
        Each layer also reads the sequence backwards.
    layer_norm : bool
        The sums inside each cell are normalised, as in `RNNRegressor`; the differences then take twice the passes.
    tolerance : float
        What the relative error of a parameter may be. Right formulas are within some 1e-8; a loss with a kink near
        a value that was drawn may need another `random_state`.
    random_state : int
        Seed of parameters, inputs and targets.

    Returns
    -------
    GradientCheck
        With `ok`, `errors` by parameter, and `wrong`, the names of the wrong ones.

    Raises
    ------
    ValueError
        For arguments outside their range, naming the argument and the value.

    Examples
    --------
    >>> from forecastrnn import GRU, check_gradients
    >>> check = check_gradients(GRU(reset_after=False), units=2, n_steps=3, last=1)
    >>> check.ok, list(check.errors)[:2]
    (True, ['layers.0.kernel', 'layers.0.recurrent_kernel'])
    """
    layers = _layers(cell, units, bidirectional, layer_norm)
    sizes = {"n_inputs": n_inputs, "n_steps": n_steps, "n_sequences": n_sequences, "n_outputs": n_outputs}
    for name, value in sizes.items():
        _check_count(name, value)
    loss = _read_loss(loss, n_outputs)
    _check_settings(tolerance, random_state)
    ends = read_lengths(lengths, n_sequences, n_steps, each="sequence")
    read = _check_last(last, n_steps if ends is None else int(ends.min()))
    rng = np.random.default_rng(random_state)
    network = Network(n_inputs, layers, n_outputs * numbers_of(loss))
    theta = rng.normal(scale=SPREAD, size=network.size)
    source = _random_source(rng, network, n=n_sequences, steps=n_steps, loss=loss, last=read)
    program = TrainingProgram(
        network, theta, None, source, steps=n_steps, rows=n_sequences, loss=loss, last=read, lengths=ends is not None
    )  # fmt: skip
    return _compare(network, program, _index(source, n_sequences, n_steps, ends), float(tolerance))


def _check_count(name: str, value: object) -> None:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or int(value) < 1:
        raise ValueError(f"{name} must be an int >= 1. Got {value!r}.")


def _read_loss(loss: object, n_outputs: int) -> AnyLoss:
    """A loss by its name, or a likelihood."""
    if isinstance(loss, str) and loss in LIKELIHOODS:
        return LIKELIHOODS[loss]()
    if isinstance(loss, Likelihood):
        return loss
    if not isinstance(loss, str) or loss not in LOSSES:
        raise ValueError(f"loss must be one of {sorted([*LOSSES, *LIKELIHOODS])}, or a Likelihood. Got {loss!r}.")
    if LOSSES[loss].takes_classes and n_outputs < 2:
        raise ValueError(f'loss="{loss}" needs n_outputs of at least 2, one a class. Got {n_outputs}.')
    return loss


def _check_settings(tolerance: object, random_state: object) -> None:
    if isinstance(tolerance, bool) or not isinstance(tolerance, Real) or not 0.0 < float(tolerance) < np.inf:
        raise ValueError(f"tolerance must be a finite number above 0. Got {tolerance!r}.")
    if isinstance(random_state, bool) or not isinstance(random_state, Integral) or int(random_state) < 0:
        raise ValueError(f"random_state must be an int >= 0. Got {random_state!r}.")


def _layers(cell: object, units: int | Sequence[int], bidirectional: bool, layer_norm: bool) -> tuple[Layer, ...]:
    sizes: list = list(units) if isinstance(units, (list, tuple, np.ndarray)) else [units]
    cells = list(cell) if isinstance(cell, (list, tuple)) else [cell] * len(sizes)
    if not sizes or len(cells) != len(sizes):
        raise ValueError(f"cell and units must name as many layers, at least one. Got {len(cells)} and {len(sizes)}.")
    for size in sizes:
        _check_count("units", size)
    for name, value in (("bidirectional", bidirectional), ("layer_norm", layer_norm)):
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be True or False. Got {value!r}.")
    return tuple(Layer(as_cell(c), int(size), bidirectional, layer_norm) for c, size in zip(cells, sizes, strict=True))


def _check_last(last: object, shortest: int) -> int:
    """Outputs that the loss reads, as the engine counts them: 0 is all."""
    if isinstance(last, str) and last == "all":
        return 0
    if isinstance(last, bool) or not isinstance(last, Integral) or not 1 <= int(last) <= shortest:
        raise ValueError(f'last must be "all" or an int within 1 .. {shortest}, the shortest length. Got {last!r}.')
    return int(last)


def _random_source(
    rng: np.random.Generator, network: Network, *, n: int, steps: int, loss: AnyLoss, last: int
) -> TrainingData:  # fmt: skip
    """Random inputs, and targets: one for the final state, else one a step, of which the loss takes what it reads."""
    rows, outputs = n if last == 1 else n * steps, network.n_outputs
    x = rng.standard_normal((n * steps, network.n_inputs))
    if isinstance(loss, Likelihood):
        y = _random_values(rng, loss, (rows, outputs // loss.n_numbers))
    elif LOSSES[loss].takes_classes:
        y = rng.integers(outputs, size=(rows, 1)).astype(float)
    else:
        y = rng.standard_normal((rows, outputs))
    return TrainingData(x, y, y_steps=rows // n)


def _random_values(rng: np.random.Generator, likelihood: Likelihood, shape: tuple[int, int]) -> np.ndarray:
    """Values of the kind that a likelihood is of; counts and amounts each with shift and gain of the first output."""
    values = rng.standard_normal(shape)
    if likelihood.is_scaled:
        return values
    if likelihood.domain == "counts":
        values = rng.poisson(2.0, shape).astype(float)
    shifts = 0.3 * rng.standard_normal(shape)
    gains = 0.5 + rng.random(shape)
    return np.stack([np.maximum(values, 0.0), shifts, gains], axis=2).reshape(shape[0], -1)


def _index(source: TrainingData, n: int, steps: int, lengths: np.ndarray | None) -> BatchIndex:
    """All sequences as one mini-batch, the longest of each shard first."""
    order = np.arange(n) if lengths is None else sort_rows(lengths, shards_of(n))
    sample, y_steps = order[None], source.y_steps or steps
    return BatchIndex(sample * steps, sample * y_steps, sample, None if lengths is None else lengths[sample])


def _compare(network: Network, program: TrainingProgram, index: BatchIndex, tolerance: float) -> GradientCheck:
    """Gradient and central differences, parameter by parameter."""
    loss = float(program.run(index, 1, 1)[0])
    found = network.views(program.grad.copy())
    expected = network.views(_differences(network, program, index))
    top = max(float(np.abs(values).max()) for values in expected.values())
    errors = {}
    for name, values in expected.items():
        scale = max(float(np.abs(values).max()), LEAST * top, np.finfo(float).tiny)
        errors[name] = float(np.abs(found[name] - values).max()) / scale
    return GradientCheck(errors, tolerance, loss)


def _differences(network: Network, program: TrainingProgram, index: BatchIndex) -> np.ndarray:
    """Central differences of the loss by every parameter, which all end as they were.

    Where layer normalisation meets sums that are nearly equal it bends sharply: those of two steps are extrapolated.
    """
    near = _central(program, index, STEP)
    if not any(layer.layer_norm for layer in network.layers):
        return near
    return (4.0 * near - _central(program, index, 2.0 * STEP)) / 3.0


def _central(program: TrainingProgram, index: BatchIndex, step: float) -> np.ndarray:
    theta = program.theta
    slopes = np.empty_like(theta)
    for k, kept in enumerate(theta.copy()):
        theta[k] = kept + step
        above = program.loss(index, 1)[0]
        theta[k] = kept - step
        slopes[k] = (above - program.loss(index, 1)[0]) / (2.0 * step)
        theta[k] = kept
    return slopes
