"""Parameters and moments that stay on a GPU while it trains, instead of being copied after each call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from forecastrnn.engine.devices import is_gpu

Fetch = Callable[..., None]  # of all arrays, or of so many of the first


@contextmanager
def resident(arrays: Sequence[np.ndarray], device: str) -> Iterator[Fetch | None]:
    """Keep arrays on a GPU; what it gives brings the host up to date, as the end does. None where there is no GPU.

    After an error the host keeps the numbers that it had: who fails throws them away.
    """
    if not is_gpu(device):
        yield None
        return
    from forecastrnn.engine.cuda.memory import ResidentArrays

    with ResidentArrays(arrays, int(device.partition(":")[2])) as kept:
        yield kept.fetch
