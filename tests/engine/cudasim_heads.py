"""Kernels of likelihoods on Numba's CUDA simulator, beside the same on the CPU.

Run by test_cuda_simulator.py in another process.
"""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.likelihoods import NegativeBinomial, Quantiles
from support import cuda_simulator  # noqa: F401  (before the first launch)
from support.likelihood_cases import head_program


@pytest.mark.parametrize("likelihood", [Quantiles(), NegativeBinomial(zero_inflated=True)], ids=repr)
def test_loss_and_values(likelihood: Likelihood) -> None:
    cpu, gpu = (head_program(likelihood, "float64", device) for device in ("cpu", "cuda:0"))
    for program in (cpu, gpu):
        program.run(0, 1, 1)
    for name in ("dout", "sums", "result", "z", "a"):
        expected = cpu.buffers[name].array
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(gpu.buffers[name].array, expected, rtol=1e-12, atol=1e-14, err_msg=name)
