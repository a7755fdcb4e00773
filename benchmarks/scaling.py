"""How time and memory grow with the size of a task, and what memory-bounded BPTT saves on long sequences.

python -m benchmarks.scaling [--seconds 4] [--only T]
"""

from __future__ import annotations

import argparse
import os
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isqrt

import numpy as np

from benchmarks.pictures import lines, picture
from benchmarks.racing import Variant, describe, publish, race, text
from benchmarks.series_sets import seasonal_panel
from forecastrnn import LSTM, RNNForecaster
from forecastrnn.networks.network import Layer, Network
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram

FIT_STEPS, SERIES_LENGTH = 100, 120  # of the fits of many series
MB = 1e6
HEADER = ("what grows", "sizes", "ms", "exponent of time", "MB stated", "MB at peak", "exponent of the peak")


@dataclass(frozen=True)
class Size:
    """A training step: time steps, rows, units of an LSTM; threads; steps between two kept states."""

    T: int = 64
    B: int = 32
    H: int = 64
    threads: int = 1
    checkpoint: int | None = None


@dataclass(frozen=True)
class Sweep:
    """Sizes of which one thing grows, and what the others are."""

    about: str
    sizes: dict[int, Size]


LONG, LONG_SIZE = (1000, 3000, 10_000, 30_000, 100_000), Size(B=4, H=32)
STEP_SWEEPS = {
    "T": Sweep("time steps T; B32 H64", {n: Size(T=n) for n in (16, 32, 64, 128, 256, 512, 1024)}),
    "B": Sweep("rows B; T64 H64", {n: Size(B=n) for n in (2, 4, 8, 16, 32, 64, 128, 256, 512)}),
    "H": Sweep("units H; T64 B32", {n: Size(H=n) for n in (16, 32, 64, 128, 256, 512)}),
    "threads": Sweep(
        "threads; T64 B512 H64", {n: Size(B=512, threads=n) for n in (1, 2, 4, 8) if n <= (os.cpu_count() or 1)}
    ),
    "long T": Sweep("long T; B4 H32, every state kept", {n: replace(LONG_SIZE, T=n) for n in LONG}),
    "long T, checkpoints": Sweep(
        "long T; B4 H32, a state kept every sqrt(T) steps",
        {n: replace(LONG_SIZE, T=n, checkpoint=isqrt(n)) for n in LONG},
    ),
}
SERIES = (1, 10, 100, 1000, 10_000)


def step_of(size: Size) -> tuple[TrainingProgram, BatchIndex]:
    """The program of a training step with Adam on random data of one channel, and the index of a step."""
    rng = np.random.default_rng(0)
    network = Network(1, (Layer(LSTM(), size.H),), 1)
    theta = network.init_theta(0, "float32", "uniform")
    x, y = (rng.normal(size=(n, 1)).astype(np.float32) for n in (size.B * size.T, size.B))
    program = TrainingProgram(
        network, theta, OptimizerState.zeros(theta), TrainingData(x, y), steps=size.T, rows=size.B,
        loss="squared_error",
        last=1, rule=Rule(), checkpoint_steps=size.checkpoint,
    )  # fmt: skip
    rows = np.arange(size.B)[None]
    return program, BatchIndex(rows * size.T, rows, rows)


def step_variant(size: Size) -> Variant:
    """A training step, run once."""
    program, index = step_of(size)
    program.run(index, 1, size.threads)
    return Variant(lambda: program.run(index, 1, size.threads))


def peak_of(call: Callable[[], object]) -> int:
    """Bytes that Python and NumPy hold at most, beyond what they held before."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def measure_steps(name: str, seconds: float) -> dict[str, object]:
    """Time all sizes of a sweep in turns, then look at the memory of each."""
    sweep = STEP_SWEEPS[name]
    timings = race({str(n): step_variant(size) for n, size in sweep.sizes.items()}, seconds)
    stated = [step_of(size)[0].program.nbytes for size in sweep.sizes.values()]
    peaks = [peak_of(lambda size=size: step_variant(size)) for size in sweep.sizes.values()]
    return result(name, sweep.about, list(sweep.sizes), [t.median for t in timings.values()], stated, peaks)


def measure_series(seconds: float) -> dict[str, object]:
    """A whole fit of one member with few steps: what reading and preparing many series costs."""

    def fit(frame: object) -> None:
        few = {"n_members": 1, "max_steps": FIT_STEPS, "candidates": "network"}
        RNNForecaster(season_length=12, random_state=0, **few).fit(frame)

    frames = {n: seasonal_panel(n, SERIES_LENGTH) for n in SERIES}
    times: dict[int, list[float]] = {n: [] for n in SERIES}
    fit(frames[1])  # compiles
    end = time.perf_counter() + seconds
    while not times[1] or time.perf_counter() < end:
        for n, frame in frames.items():
            begun = time.perf_counter()
            fit(frame)
            times[n].append(time.perf_counter() - begun)
    peaks = [peak_of(lambda frame=frame: fit(frame)) for frame in frames.values()]
    about = f"series of {SERIES_LENGTH} values; a whole fit of {FIT_STEPS} steps, GRU 64, all threads"
    return result("series", about, list(SERIES), [float(np.median(found)) for found in times.values()], None, peaks)


def exponent(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Slope of log y over log x in the upper half of the sizes; None of fewer than three."""
    k = max(3, len(x) // 2 + 1)
    return float(np.polyfit(np.log(x[-k:]), np.log(y[-k:]), 1)[0]) if len(x) >= 3 else None


def result(
    name: str, about: str, sizes: list[int], seconds: list[float], stated: list[int] | None, peaks: list[int]
) -> dict[str, object]:
    """One sweep: sizes, times, memory and the exponents."""
    return {
        "name": name, "about": about, "sizes": sizes, "ms": [1e3 * t for t in seconds],
        "mb_stated": stated and [b / MB for b in stated], "mb_peak": [b / MB for b in peaks],
        "time_exponent": exponent(sizes, seconds), "memory_exponent": exponent(sizes, peaks),
    }  # fmt: skip


def table_row(row: dict) -> list[object]:
    """The columns of HEADER."""
    found = {key: row[key] and " ".join(map(text, row[key])) for key in ("sizes", "ms", "mb_stated", "mb_peak")}
    return [row["about"], found["sizes"], found["ms"], row["time_exponent"], found["mb_stated"], found["mb_peak"],
            row["memory_exponent"]]  # fmt: skip


def draw(rows: list[dict]) -> None:
    """A small panel for each sweep; the long sequences with and without checkpoints in one."""
    by_name = {row["name"]: row for row in rows}
    names = [name for name in by_name if name != "long T, checkpoints"]
    with picture("scaling", len(names), width=10.0, height=6.0) as panels:
        for axes, name in zip(panels, names, strict=True):
            row = by_name[name]
            curves = {"ms": (row["sizes"], row["ms"]), "MB at peak": (row["sizes"], row["mb_peak"])}
            if name == "long T" and "long T, checkpoints" in by_name:
                other = by_name["long T, checkpoints"]
                curves |= {"ms, checkpoints": (row["sizes"], other["ms"])}
                curves |= {"MB, checkpoints": (row["sizes"], other["mb_peak"])}
            lines(axes, curves)
            axes.set_title(row["about"].partition(",")[0], fontsize=8)
            axes.set_xlabel(name, fontsize=8)
            axes.set_ylabel("ms a fit, MB" if name == "series" else "ms a step, MB", fontsize=8)


def main() -> None:
    """Measure, print, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each sweep's race")
    parser.add_argument("--only", nargs="+", choices=[*STEP_SWEEPS, "series"], help="results are then not written")
    options = parser.parse_args()
    print(describe())
    rows = []
    for name in options.only or [*STEP_SWEEPS, "series"]:
        rows.append(measure_series(options.seconds) if name == "series" else measure_steps(name, options.seconds))
        print(f"{name}: {rows[-1]['ms'][-1]:.3g} ms, {rows[-1]['mb_peak'][-1]:.3g} MB at the largest", flush=True)
    publish("scaling", rows, HEADER, table_row, draw=None if options.only else draw)


if __name__ == "__main__":
    main()
