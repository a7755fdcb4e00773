"""CUDA graphs: what the driver is asked for, and in which order. A stand-in answers in its place."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from forecastrnn.engine.cuda import graphs

OUT_OF_MEMORY = 2
STREAM = SimpleNamespace(handle=7)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The calls of the driver, which can be made to fail: `asked.failing = name`."""
    calls: Any = type("Calls", (list,), {"failing": ""})()

    def function(name: str, *found: Any) -> Any:
        def answer(*args: Any) -> tuple:
            calls.append((name, *args))
            return (OUT_OF_MEMORY if name == calls.failing else 0, *found)

        return answer

    driver: Any = ModuleType("driver")
    driver.CUstreamCaptureMode = SimpleNamespace(CU_STREAM_CAPTURE_MODE_RELAXED="relaxed")
    for name, *found in [
        ("cuStreamBeginCapture",), ("cuStreamEndCapture", "graph"), ("cuGraphInstantiate", "ready"),
        ("cuGraphDestroy",), ("cuGraphUpload",), ("cuGraphLaunch",), ("cuGraphExecDestroy",),
    ]:  # fmt: skip
        setattr(driver, name, function(name, *found))
    bindings: Any = ModuleType("cuda.bindings")
    bindings.driver = driver
    monkeypatch.setitem(sys.modules, "cuda", ModuleType("cuda"))
    monkeypatch.setitem(sys.modules, "cuda.bindings", bindings)
    return calls


def test_recorded_once_and_started_again(asked: list[tuple]) -> None:
    graph = graphs.capture(STREAM, [lambda: asked.append(("launch", 1)), lambda: asked.append(("launch", 2))])
    assert graph is not None
    graph()
    graph()
    assert asked == [
        ("cuStreamBeginCapture", 7, "relaxed"), ("launch", 1), ("launch", 2), ("cuStreamEndCapture", 7),
        ("cuGraphInstantiate", "graph", 0), ("cuGraphDestroy", "graph"), ("cuGraphUpload", "ready", 7),
        ("cuGraphLaunch", "ready", 7), ("cuGraphLaunch", "ready", 7),
    ]  # fmt: skip
    del graph
    assert asked[-1] == ("cuGraphExecDestroy", "ready")


def test_a_failed_launch_leaves_the_stream_usable(asked: list[tuple]) -> None:
    """The recording is ended."""

    def fail() -> None:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        graphs.capture(STREAM, [fail])
    assert asked == [("cuStreamBeginCapture", 7, "relaxed"), ("cuStreamEndCapture", 7)]


@pytest.mark.parametrize("name", ["cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiate", "cuGraphLaunch"])
def test_an_error_of_the_driver_is_raised(asked: Any, name: str) -> None:
    asked.failing = name
    with pytest.raises(RuntimeError, match="CUDA cannot record or start a graph: 2"):
        graphs.capture(STREAM, [lambda: None])()
