"""Fair timing, the machine's class, tables and result files: what all benchmarks share."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import binding

import forecastrnn

RESULTS = Path(__file__).parent / "results"
SLICE = 0.02  # seconds of a turn
LEAST = 5  # timed calls of each variant, at least, where nothing else is said
VENDORS = {"znver": "AMD", "apple": "Apple", "neoverse": "Arm", "cortex": "Arm"}
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "sve": "SVE", "neon": "NEON"}


@dataclass(frozen=True)
class Variant:
    """Something to time: a call that makes `steps` steps, and what has to be set before its turn."""

    call: Callable[[], object]
    steps: int = 1
    prepare: Callable[[], object] | None = None


@dataclass(frozen=True)
class Timing:
    """Seconds a step: the fastest call and the median one."""

    fastest: float
    median: float


def race(variants: Mapping[str, Variant], seconds: float, least: int = LEAST) -> dict[str, Timing]:
    """Time the variants in turns, so that whatever else the machine does hits all of them alike.

    A turn has two slices; only the second is kept. In the first, the threads of the variant wake up and those of
    the one before, which spin for a while, fall asleep.
    """
    times: dict[str, list[float]] = {name: [] for name in variants}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or min(map(len, times.values())) < least:
        for name, variant in variants.items():
            if variant.prepare is not None:
                variant.prepare()
            _slice(variant)
            times[name] += _slice(variant)
    return {name: Timing(min(found), float(np.median(found))) for name, found in times.items()}


def _slice(variant: Variant) -> list[float]:
    """Seconds a step of each call in one slice; there is at least one call."""
    found: list[float] = []
    stop = time.perf_counter() + SLICE
    while not found or time.perf_counter() < stop:
        begun = time.perf_counter()
        variant.call()
        found.append((time.perf_counter() - begun) / variant.steps)
    return found


def best(timings: Mapping[str, Timing], prefix: str) -> tuple[Timing, str]:
    """Fastest and median, each of whichever variant is best at it; the name of the one with the best median."""
    own = {name: timing for name, timing in timings.items() if name.startswith(prefix)}
    winner = min(own, key=lambda name: own[name].median)
    return Timing(min(t.fastest for t in own.values()), own[winner].median), winner


def machine() -> dict[str, Any]:
    """The class of the machine: enough to judge the figures, nothing that names it."""
    cpu, features = binding.get_host_cpu_name(), binding.get_host_cpu_features()
    vendor = next((name for prefix, name in VENDORS.items() if cpu.startswith(prefix)), cpu)
    vectors = next((name for feature, name in VECTORS.items() if features.get(feature)), "no vectors")
    return {"cores": os.cpu_count(), "cpu": vendor, "vectors": vectors, "system": platform.system()}


def versions(*peers: str) -> dict[str, str]:
    """Versions of Python, the package, what it stands on, and the peers."""
    own = {"python": platform.python_version(), "forecastrnn": forecastrnn.__version__}
    return own | {name: version(name) for name in ("numba", "numpy", "pandas", "scikit-learn", *peers)}


def describe(*peers: str) -> str:
    """One line on the machine and the versions."""
    m = machine()
    packages = ", ".join(f"{name} {number}" for name, number in versions(*peers).items())
    return f"{m['cores']} cores, {m['cpu']}, {m['vectors']}; {packages}"


def show(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a markdown table."""
    print(f"| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(text(value) for value in row)} |")


def text(value: object) -> str:
    """A cell of a table: floats with three significant digits, None empty."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
    return str(value)


def publish(
    name: str, rows: list[dict], header: Sequence[str], table_row: Callable[[dict], list[object]], *peers: str,
    draw: Callable[[list[dict]], None] | None = None,
) -> None:  # fmt: skip
    """Print the table; where a picture is to be drawn, of all rows, write picture and results too."""
    show(header, [table_row(row) for row in rows])
    if draw is not None:
        draw(rows)
        print(f"written: results/{save(name, rows, *peers).name}")


def save(name: str, rows: Sequence[Mapping[str, Any]], *peers: str) -> Path:
    """Write the rows with machine and versions to results/<name>.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {"machine": machine(), "versions": versions(*peers), "rows": [_rounded(row) for row in rows]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def load(name: str) -> list[dict[str, Any]]:
    """The rows of results/<name>.json; none where there is no such file."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []


def _rounded(value: Any) -> Any:
    """Floats to six significant digits, so that result files stay small."""
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
