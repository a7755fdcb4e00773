"""A step as one CUDA graph: its launches recorded once and then started by one call.

A step of an LSTM over 168 time steps is some 700 launches; each costs the host several microseconds. The driver is
called through cuda-bindings, on which numba-cuda itself stands.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from forecastrnn.engine.cuda.build import SIMULATED


def capture(stream: Any, calls: list[Callable[[], None]]) -> Callable[[], None] | None:
    """What starts the calls as one graph; None on the simulator. The arrays that they use must stay alive."""
    return None if SIMULATED else Graph(address_of(stream), calls)


class GraphError(RuntimeError):
    """What the driver says of a graph, or of a launch in front of it."""


class Graph:
    """Calls that launch on one stream, recorded."""

    def __init__(self, stream: int, calls: list[Callable[[], None]]) -> None:
        from cuda.bindings import driver

        self._driver, self._stream = driver, stream
        relaxed = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED  # other threads may allocate meanwhile
        _done(driver.cuStreamBeginCapture(stream, relaxed))
        try:
            for call in calls:
                call()
        finally:  # or the stream could not be used any more
            recorded = driver.cuStreamEndCapture(stream)
        graph = _done(recorded)
        self._ready = _done(driver.cuGraphInstantiate(graph, 0))
        _done(driver.cuGraphDestroy(graph))
        weakref.finalize(self, driver.cuGraphExecDestroy, self._ready)
        _done(driver.cuGraphUpload(self._ready, stream))

    def __call__(self) -> None:
        """Start it."""
        _done(self._driver.cuGraphLaunch(self._ready, self._stream))


def _done(answer: tuple[Any, ...]) -> Any:
    """What a function of the driver returns behind its error code."""
    error, *found = answer
    if int(error) != 0:
        raise GraphError(f"CUDA cannot record or start a graph: {error!r}")
    return found[0] if found else None


def address_of(stream: Any) -> int:
    """The driver's handle of a stream of Numba."""
    handle = stream.handle
    return int(getattr(handle, "value", handle) or 0)
