"""Likelihoods beside SciPy: densities, slopes and quantiles, and what they do far out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from sklearn.utils._param_validation import InvalidParameterError

from forecastrnn import RNNForecaster, check_gradients
from forecastrnn.engine import quantile_formulas, scalar_formulas
from forecastrnn.formulas import exp, lgamma
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.likelihoods import LIKELIHOODS, NegativeBinomial, Quantiles
from support.likelihood_cases import CASES, EVERY, functions

RNG = np.random.default_rng(0)
SHARES = (0.005, 0.1, 0.5, 0.77, 0.995)
FAR = (-1e4, -50.0, 0.0, 50.0, 1e4)


def values_of(likelihood: Likelihood) -> list[float]:
    return {"real": [-3.0, 0.1, 2.5], "amounts": [0.0, 0.01, 3.7], "counts": [0.0, 1.0, 6.0]}[likelihood.domain]


def drawn(name: str, count: int) -> Iterator[tuple[np.ndarray, Any]]:
    """Outputs of a head, and SciPy's distribution that they stand for."""
    likelihood, distribution = CASES[name]
    for outputs in RNG.standard_normal((count, likelihood.n_numbers)):
        yield outputs, distribution(*outputs)


@pytest.mark.parametrize("name", CASES)
def test_losses_are_densities(name: str) -> None:
    likelihood = CASES[name][0]
    loss, _ = functions(likelihood)
    for outputs, expected in drawn(name, 5):
        density = getattr(expected, "logpmf" if likelihood.domain == "counts" else "logpdf")
        for y in values_of(likelihood):
            np.testing.assert_allclose(loss(y, outputs)[0], -density(y), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_quantiles_are_those_of_the_distribution(name: str) -> None:
    likelihood = CASES[name][0]
    _, quantile = functions(likelihood)
    for outputs, expected in drawn(name, 4):
        for share in SHARES:
            found = quantile(share, outputs)
            if likelihood.domain == "counts":
                assert found == np.round(found)
                assert expected.cdf(found) >= share - 1e-12
                assert found == 0 or expected.cdf(found - 1) < share + 1e-12
            elif found > 0 or likelihood.is_scaled:
                atol = 1e-8 if likelihood.is_scaled else 1e-3  # of many pieces the gamma distribution is near
                np.testing.assert_allclose(expected.cdf(found), share, atol=atol)
            else:
                assert expected.cdf(0.0) >= share


@pytest.mark.parametrize("likelihood", EVERY, ids=repr)
def test_slopes(likelihood: Likelihood) -> None:
    """Central differences."""
    loss, _ = functions(likelihood)
    for outputs in RNG.standard_normal((3, likelihood.n_numbers)):
        for y in values_of(likelihood):
            found, expected = loss(y, outputs)[1], np.empty(likelihood.n_numbers)
            for k in range(len(expected)):
                ends = [loss(y, outputs + side * 1e-5 * (np.arange(len(outputs)) == k))[0] for side in (1, -1)]
                expected[k] = (ends[0] - ends[1]) / 2e-5
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("likelihood", EVERY, ids=repr)
def test_far_out_all_is_finite_and_in_order(likelihood: Likelihood) -> None:
    """Whatever a network puts out in the midst of training."""
    loss, quantile = functions(likelihood)
    for outputs in np.array(np.meshgrid(*[FAR] * likelihood.n_numbers)).reshape(likelihood.n_numbers, -1).T:
        for y in [*values_of(likelihood), 1e6]:
            value, slopes = loss(y, outputs)
            assert np.isfinite(value)
            assert np.isfinite(slopes).all()
        if np.abs(outputs).max() <= 50.0:
            found = [quantile(share, outputs) for share in SHARES]
            assert np.isfinite(found).all()
            assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize(("loss", "options"), [
    (NegativeBinomial(zero_inflated=True), {"n_outputs": 2, "lengths": [3, 6, 5]}), (Quantiles(), {"last": 2}),
], ids=["counts", "quantiles"])  # fmt: skip
def test_gradients_of_a_network(loss: Likelihood, options: dict) -> None:
    check = check_gradients("gru", loss=loss, **options)
    assert check.ok, str(check)


def test_quantiles_are_at_their_levels() -> None:
    """Between levels in line, and one loss of them is the absolute error."""
    likelihood = Quantiles((0.1, 0.5, 0.9))
    loss, quantile = functions(likelihood)
    outputs = [1.0, 0.3, -0.2]
    low, middle, high = (quantile(share, outputs) for share in likelihood.levels)
    np.testing.assert_allclose([low, middle, high], [1 - np.logaddexp(0, 0.3), 1.0, 1 + np.logaddexp(0, -0.2)])
    np.testing.assert_allclose(quantile(0.7, outputs), (middle + high) / 2)
    pinball = [max(p * (2.5 - q), (p - 1) * (2.5 - q)) for p, q in zip(likelihood.levels, (low, middle, high))]
    np.testing.assert_allclose(loss(2.5, outputs)[0], 2 * np.mean(pinball))


def test_special_functions() -> None:
    """Beside SciPy's, near 0 and far out."""
    x = np.array([1e-3, 0.5, 1.0, 3.3, 9.999, 10.0, 1e5])
    np.testing.assert_allclose([scalar_formulas.digamma(one) for one in x], special.digamma(x), rtol=1e-14)
    points = ((-300.0, 0.5), (0.0, 1.0), (3.0, 0.3), (8.0, 3.0), (25.0, 1.0))
    for point, shape in points if hasattr(special, "log_wright_bessel") else ():  # SciPy has it since 1.14
        expected = special.log_wright_bessel(shape, 0.0, np.exp(point))
        np.testing.assert_allclose(scalar_formulas.log_wright(point, shape), expected, rtol=1e-9, atol=1e-12)
    share = np.array([1e-12, 1e-4, 0.2, 0.5, 0.9, 1 - 1e-9])
    rtol = 1e-9 if hasattr(special, "log_wright_bessel") else 1e-8  # older ones stop their search there: 2e-9 off
    for degrees in (0.5, 2.0, 2.1, 30.0, 1e4):
        found = [quantile_formulas.student_quantile(one, degrees) for one in share]
        np.testing.assert_allclose(found, special.stdtrit(degrees, share), rtol=rtol, atol=1e-12)
    for shape in (0.05, 1.0, 30.0):
        found = [quantile_formulas.gamma_quantile(one, shape) for one in share[1:]]
        np.testing.assert_allclose(found, stats.gamma.ppf(share[1:], shape), rtol=1e-8)


@pytest.mark.parametrize("mean", [1e-3, 0.3, 30.0, 1e3, 5e4, 1e7])
def test_counts_from_small_to_large(mean: float) -> None:
    """Exact where counts are added up, else within a thousandth of the deviation, or one."""
    shares = np.linspace(0.005, 0.995, 21)
    for size in (0.05, 1.0, 100.0, 1e6, None):
        deviation = np.sqrt(mean + (mean**2 / size if size else 0.0))
        expected = stats.nbinom.ppf(shares, size, size / (size + mean)) if size else stats.poisson.ppf(shares, mean)
        arguments = (mean, size) if size else (mean,)
        by = quantile_formulas.negative_binomial_quantile if size else quantile_formulas.poisson_quantile
        found = np.array([by(share, *arguments) for share in shares])
        np.testing.assert_allclose(found, expected, rtol=0, atol=0 if mean < 2000 else max(1.0, 1e-3 * deviation))


def test_what_no_kernel_can_be_made_of() -> None:
    @dataclass(frozen=True)
    class Flat(Likelihood):
        outputs = ("a",)

        def loss(self, y, a):
            return 1.0

        def quantile(self, share, a):
            return a

    class NotFrozen(Flat):
        outputs = ("a",)

    @dataclass(frozen=True)
    class Spent(Cell):
        gates = ("s",)

        def step(self, s):
            return lgamma(exp(s))

    with pytest.raises(ValueError, match="the formula loss of a likelihood is a constant"):
        _ = Flat().text
    for lacks, said in (
        ("outputs", "outputs must be a tuple of"),
        ("loss", "declares no loss"),
        ("quantile", "no quant"),
    ):
        own = {name: value for name, value in vars(Flat).items() if name in ("outputs", "loss", "quantile")}
        odd = dataclass(frozen=True)(type("Odd", (Likelihood,), own | {lacks: getattr(Likelihood, lacks, None)}))
        with pytest.raises(TypeError, match=f"Odd.* {said}"):
            check_gradients(loss=odd())
    with pytest.raises(InvalidParameterError, match="chosen by name, loss='flat', once LIKELIHOODS has it"):
        RNNForecaster(loss=Flat()).fit([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(ValueError, match="domain must be one of"):
        _ = dataclass(frozen=True)(type("Odd", (Flat,), {"domain": "odd", "__module__": __name__}))().text
    with pytest.raises(ValueError, match="a cell cannot use lgamma, which only likelihoods have"):
        _ = Spent().graph


def test_names() -> None:
    """The defaults of every likelihood that can be chosen by name have a text."""
    assert all(kind().text for kind in LIKELIHOODS.values())
