"""What a fit compiles behind the training of its networks: in a new environment a second process does that meanwhile.

Of some 45 functions that is half of the time, and the same whatever the series: formulas that networks are mixed with,
and what forecasts step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from forecastrnn.engine.cpu import jobs
from forecastrnn.engine.cpu.build import KERNELS
from forecastrnn.engine.cpu.mixing import mix
from forecastrnn.engine.second_process import compiling_beside
from forecastrnn.forecasting.candidates.candidate import KnownSeries
from forecastrnn.forecasting.every_candidate import CANDIDATES
from forecastrnn.forecasting.mixture import Mixture

_SEASON, _VALUES = 4, 24  # of a series of which all formulas make something
_STEPS = "forecast_inputs", "append_value", "keep_near"  # kernels of a forecast that training has not


def compiled_beside(names: Sequence[str], dtype: str, n_threads: int) -> AbstractContextManager[None]:
    """Inside, a second process compiles what mixes candidates of these names with networks of a type.

    Not where the cache has it already, nor where this process is to use one thread only.
    """
    if not names or n_threads < 2:
        return nullcontext()
    return compiling_beside(f"{__name__}:{compile_rest.__name__}", [dtype, *names], unless=mix)


def compile_rest(dtype: str, *names: str) -> None:
    """Compile it, in the order in which a fit needs it."""
    steps = np.arange(_VALUES)
    series = KnownSeries(
        values=steps + 3.0 * np.sin(steps) + 9.0, offsets=np.array([0, _VALUES]), season=_SEASON,
        periods=np.array([_SEASON]),
    )  # fmt: skip
    usual = tuple(name for name in names if CANDIDATES[name].is_usual)
    mixture = Mixture(names=usual, usual=np.full(1 + len(usual), 1.0 / (1 + len(usual))))
    ends = mixture.begin(series, np.zeros(1, np.int64), mixture.usual[None])
    for name in _STEPS:
        KERNELS[name].code(dtype)
    jobs.interpreter()
    mixture.mixed(np.ones((1, 2)), ends, np.zeros(1, bool))
