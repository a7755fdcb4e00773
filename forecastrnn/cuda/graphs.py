"""A step as one CUDA graph: its launches recorded once and then started by one call.

A step of an LSTM over 168 time steps is some 700 launches; each costs the host several microseconds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from forecastrnn.cuda.build import SIMULATED
from forecastrnn.devices import INSTALL, log_once


def capture(stream: Any, calls: list[Callable[[], None]]) -> Callable[[], None] | None:
    """What starts the calls as one graph; None where CuPy, which records it, is not installed."""
    cupy = _cupy()
    if cupy is None:
        return None
    recorded = cupy.cuda.Stream.from_external(stream)
    with recorded:
        recorded.begin_capture()
        for call in calls:
            call()
        graph = recorded.end_capture()
    graph.upload(recorded)
    return lambda: graph.launch(recorded)


def address_of(stream: Any) -> int:
    """The driver's handle of a stream of Numba."""
    handle = stream.handle
    return int(getattr(handle, "value", handle) or 0)


def _cupy() -> Any:
    if SIMULATED:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries that it does not find
            import cupy
    except ImportError as error:
        log_once(f"CuPy cannot be used ({error}): a GPU works without it, but slower. Install it with {INSTALL}")
        return None
    return cupy
