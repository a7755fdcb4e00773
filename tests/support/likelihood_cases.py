"""Likelihoods beside the distributions of SciPy, and their kernels in programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

from forecastrnn.engine.cpu.heads import called, kernel_of
from forecastrnn.engine.program import Program
from forecastrnn.forecasting.paths import RAW
from forecastrnn.networks import likelihoods as of
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.tracing.head_text import LOSS, VALUE


class Tweedies:
    """A Tweedie distribution by its pieces: a Poisson number of gamma distributed ones."""

    def __init__(self, mean: float, dispersion: float, power: float) -> None:
        self.shape, self.count = (
            (2 - power) / (power - 1),
            stats.poisson(mean ** (2 - power) / dispersion / (2 - power)),
        )
        self.scale = dispersion * (power - 1) * mean ** (power - 1)
        self.n = np.arange(1, 4000)

    def logpdf(self, y: float) -> float:
        if y == 0:
            return float(self.count.logpmf(0))
        each = self.count.logpmf(self.n) + stats.gamma.logpdf(y, self.n * self.shape, scale=self.scale)
        return float(special.logsumexp(each))

    def cdf(self, y: float) -> float:
        return float(self.count.pmf(0) + self.count.pmf(self.n) @ stats.gamma.cdf(y / self.scale, self.n * self.shape))


@dataclass(frozen=True)
class Inflated:
    """A distribution of counts with further zeros."""

    counts: Any
    zero: float

    def logpmf(self, y: float) -> float:
        return float(np.log(self.zero * (y == 0) + (1 - self.zero) * self.counts.pmf(y)))

    def cdf(self, y: float) -> float:
        return float(self.zero + (1 - self.zero) * self.counts.cdf(y))


def softplus(x: float) -> float:
    return float(np.logaddexp(0.0, x))


def _nbinom(a: float, b: float) -> Any:
    size = 1 / (softplus(b - 3) + 1e-6)
    return stats.nbinom(size, size / (size + np.exp(a)))


# Name -> the likelihood, and the distribution of outputs.
CASES: dict[str, tuple[Likelihood, Callable[..., Any]]] = {
    "gaussian": (of.Gaussian(), lambda a, b: stats.norm(a, softplus(b) + 1e-3)),
    "laplace": (of.Laplace(), lambda a, b: stats.laplace(a, softplus(b) + 1e-3)),
    "student_t": (of.StudentT(), lambda a, b, c: stats.t(2 + softplus(c), a, softplus(b) + 1e-3)),
    "student_t of 3": (of.StudentT(3.0), lambda a, b: stats.t(3, a, softplus(b) + 1e-3)),
    "poisson": (of.Poisson(), lambda a: stats.poisson(np.exp(a))),
    "negative_binomial": (of.NegativeBinomial(), _nbinom),
    "zero-inflated poisson": (of.Poisson(True), lambda a, c: Inflated(stats.poisson(np.exp(a)), special.expit(c))),
    "zero-inflated negative_binomial": (
        of.NegativeBinomial(True), lambda a, b, c: Inflated(_nbinom(a, b), special.expit(c))),
    "tweedie": (of.Tweedie(), lambda a, b: Tweedies(np.exp(a), softplus(b - 3) + 1e-6, 1.5)),
    "tweedie of 1.2": (of.Tweedie(1.2), lambda a, b: Tweedies(np.exp(a), softplus(b - 3) + 1e-6, 1.2)),
}  # fmt: skip
EVERY = [*(one for one, _ in CASES.values()), of.Quantiles(), of.Quantiles((0.05, 0.3, 0.6, 0.95))]


def functions(likelihood: Likelihood) -> tuple[Callable[..., Any], Callable[..., float]]:
    """loss(y, outputs) -> loss and slopes, and quantile(share, outputs), of the text that kernels are made of."""
    scope: dict[str, Any] = dict(called())
    exec(likelihood.text, scope)

    def loss(y: float, outputs: Any) -> tuple[float, np.ndarray]:
        slopes = np.full(likelihood.n_numbers, np.nan)
        return scope[LOSS](y, 0.0, 1.0, 1.0, list(outputs), 0, slopes, 0), slopes

    return loss, lambda share, outputs: float(scope[VALUE](share, 0.0, 1.0, list(outputs), 0))


def head_program(likelihood: Likelihood, dtype: str, device: str, rows: int = 5, steps: int = 2) -> Program:
    """A loss of `steps` targets a row, the next value of rows, and all values of rows; the numbers are random."""
    rng, n = np.random.default_rng(0), likelihood.n_numbers
    program, width, with_shift = Program(dtype, 1, device=device), steps * n, not likelihood.is_scaled

    def bound(name: str, values: np.ndarray) -> Any:
        return program.bind(name, values.astype(dtype))

    y = rng.poisson(1.0, (1, rows, steps)) if with_shift else rng.standard_normal((1, rows, steps))
    target = np.stack([y, 0.1 * rng.standard_normal(y.shape), rng.random(y.shape)], axis=-1) if with_shift else 1.0 * y
    target[0, 1] = np.nan
    out = bound("out", rng.standard_normal((1, rows, width)))
    program.emit(
        kernel_of(likelihood, "loss"), 0, out=out, target=bound("target", target), weights=None,
        dout=program.buffer("dout", (rows, width)), valid=program.bind("valid", np.ones(rows, np.int64)),
        sums=program.buffer("sums", (1, 2), np.float64), k=1, B=rows, O=width, ldo=width, ldd=width, first=0, last=1,
        weighted=0, kind=0, shards=1, piece=0, fresh=1,
    )  # fmt: skip
    drawn = {
        "out": out, "shares": bound("shares", rng.random((rows, steps))), **dict.fromkeys(RAW), "B": rows,
        "ldo": width, "length": 9, "h": steps, "drawn": 1,
    }  # fmt: skip
    if with_shift:
        drawn |= {name: bound(name, rng.random((rows, steps))) for name in ("shift", "figure")}
        drawn |= {name: bound(name, rng.random(rows) + 0.1) for name in ("unit", "gain")}
        drawn["unit"].array[1] = 0.0  # a series of logarithms
    z = bound("z", rng.standard_normal((rows, 9)))
    result = program.buffer("result", (rows, steps))
    program.emit(kernel_of(likelihood, "all_values"), 0, z=z, result=result, now=5, steps=steps, **drawn)
    a = bound("a", rng.standard_normal((rows, 9)))
    program.emit(kernel_of(likelihood, "next_value"), 0, z=z, a=a, width=3, now=5, **drawn)
    return program
