"""What a likelihood is: formulas of the numbers that a network puts out for a value. Its kernels follow from these."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import ClassVar, Self

import numpy as np

from forecastrnn.formulas import Operand
from forecastrnn.networks.tracing.graph import Graph
from forecastrnn.networks.tracing.head_text import Formulas, head_text, median_graph

REMEMBERED = 256  # likelihoods whose text is kept
DOMAINS = ("real", "amounts", "counts")


class Likelihood:
    """How a value that is forecast is distributed, declared by formulas; a subclass is a frozen dataclass.

    All formulas are mathematics of single numbers, with `forecastrnn.formulas`; the derivatives of the loss, the
    kernels of CPU and GPU, draws and quantiles follow from them. There are no branches on values: see
    `forecastrnn.formulas.positive`.

    Attributes
    ----------
    outputs : tuple of str
        Names of the numbers that a network puts out for one value; they begin near 0.
    domain : {"real", "amounts", "counts"}
        What values are. "real": any number; the value is a scaled change from the last one. "amounts", "counts":
        numbers from 0 on, and whole ones from 0 on, which are not made into logarithms or changes: the first output is
        the logarithm of the mean, of amounts in units of the level of their series.

    Notes
    -----
    It is chosen by a name, under which a file knows it as well: `LIKELIHOODS["logistic"] = Logistic`, of
    `forecastrnn.networks.likelihoods`, and then `RNNForecaster(loss="logistic")`. Import the module that says so before
    a file that names it is loaded.

    Examples
    --------
    The logistic distribution:

    >>> from dataclasses import dataclass
    >>> from forecastrnn import Likelihood
    >>> from forecastrnn.formulas import log, log_sigmoid, softplus
    >>> @dataclass(frozen=True)
    ... class Logistic(Likelihood):
    ...     outputs = ("middle", "width")
    ...
    ...     def link(self, middle, width):
    ...         return middle, softplus(width) + 0.001
    ...
    ...     def loss(self, y, middle, width):
    ...         z = (y - middle) / width
    ...         return log(width) - log_sigmoid(z) - log_sigmoid(-z)
    ...
    ...     def quantile(self, share, middle, width):
    ...         return middle + width * (log(share) - log(1.0 - share))
    >>> float(Logistic().quantile(0.5, 2.0, 1.0))
    2.0
    """

    outputs: tuple[str, ...]
    domain: ClassVar[str] = "real"

    def link(self, *outputs: Operand) -> object:
        """Parameters of the distribution, from the outputs: as they are, unless a subclass says more."""
        return outputs

    def loss(self, y: Operand, *parameters: Operand) -> object:
        """Minus the logarithm of the density of y, or what else is to become small."""
        raise NotImplementedError

    def quantile(self, share: Operand, *parameters: Operand) -> object:
        """The value below which a share of the distribution lies; a share that is drawn evenly makes a draw of it."""
        raise NotImplementedError

    @property
    def n_numbers(self) -> int:
        """Numbers that a network puts out for one value."""
        check_declared(self)
        return len(self.outputs)

    @property
    def is_scaled(self) -> bool:
        """Whether values are changes in the scale that networks read, not counts or amounts."""
        return self.domain == "real"

    @property
    def what(self) -> str:
        """What its values are, for messages."""
        return {"counts": "a whole number from 0 on", "amounts": "a number from 0 on"}.get(self.domain, "a number")

    def takes(self, values: np.ndarray) -> np.ndarray:
        """Which values are possible; NaN, which is not known, is."""
        counted = (values == np.floor(values)) | (self.domain != "counts")
        return np.isnan(values) | self.is_scaled | (values >= 0.0) & counted

    @property
    def options(self) -> tuple[float, ...]:
        """What tells it from others of its class, as numbers, which a model file keeps."""
        return tuple(float(getattr(self, one.name)) for one in fields(self))  # type: ignore[arg-type]

    @classmethod
    def of(cls, options: tuple[float, ...]) -> Self:
        """The one with these options."""
        return cls(*options)

    @property
    def text(self) -> str:
        """What its kernels call; TypeError and ValueError where formulas cannot be compiled, with the line."""
        return _text_of(self)

    @property
    def median(self) -> tuple[Graph, int]:
        """The graph of its median, by inputs "o0", "o1", ... of its outputs, and which of its values that is."""
        return median_graph(_formulas_of(self))


def check_declared(likelihood: Likelihood) -> None:
    """Refuse one that lacks what a likelihood must have; TypeError."""
    kind, names = type(likelihood), getattr(likelihood, "outputs", None)
    if not isinstance(names, tuple) or not names or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{kind.__name__}: outputs must be a tuple of the names of its outputs. Got {names!r}")
    lacking = next((name for name in ("loss", "quantile") if getattr(kind, name) is getattr(Likelihood, name)), None)
    if lacking is not None:
        raise TypeError(f"{kind.__name__} declares no {lacking}, which is a formula of its parameters")


@lru_cache(REMEMBERED)
def _text_of(likelihood: Likelihood) -> str:
    kind = type(likelihood)
    check_declared(likelihood)
    if not is_dataclass(likelihood) or not kind.__dataclass_params__.frozen:
        raise ValueError(f"{kind.__name__} must be a frozen dataclass, so that equal likelihoods share their kernels")
    if likelihood.domain not in DOMAINS:
        raise ValueError(f"{kind.__name__}: domain must be one of {list(DOMAINS)}. Got {likelihood.domain!r}.")
    return head_text(_formulas_of(likelihood))


def _formulas_of(likelihood: Likelihood) -> Formulas:
    return Formulas(likelihood.n_numbers, likelihood.link, likelihood.loss, likelihood.quantile)
