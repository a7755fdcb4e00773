"""Many random numbers, drawn so that Ctrl-C is heard between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

AT_ONCE = 2**20  # numbers of one call, which takes some hundredths of a second


def drawn(draw: Callable[..., Any], shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    """What `draw(size=shape)` gives, to the bit: a generator counts numbers, however many are asked for at once."""
    found = np.empty(shape, dtype)
    flat = found.reshape(-1)
    for begin in range(0, flat.size, AT_ONCE):
        part = flat[begin : begin + AT_ONCE]
        part[...] = draw(size=part.size)
    return found
