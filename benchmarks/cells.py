"""Eight cells on three tasks at equal numbers of parameters: errors on held-out data, and the time of a fit.

python -m benchmarks.cells [--seeds 3] [--only adding]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.pictures import bars, picture
from benchmarks.racing import describe, publish
from forecastrnn import Adam, Cell, RNNClassifier, RNNRegressor
from forecastrnn.datasets import encode_reber, load_sunspots, make_reber
from forecastrnn.networks.cells import CELLS

NAMES = ("rnn", "lstm", "gru", "slstm", "cifg", "mgu", "mingru", "indrnn")
PARAMETERS = 3000  # of all recurrent layers; the nearest number of units is taken
Array = np.ndarray
Data = tuple[Array | list[Array], Array, Array | list[Array], Array]  # X, y, and those held out


@dataclass(frozen=True)
class Task:
    """What is learned, from how many inputs, and how the error is called."""

    data: Callable[[int], Data]
    n_inputs: int
    error: str
    epochs: int


def adding(seed: int, steps: int = 40) -> Data:
    """The sum of the two numbers that are marked among `steps` (Hochreiter & Schmidhuber 1997, experiment 4)."""
    rng = np.random.default_rng(seed)
    values, marks = rng.uniform(size=(3000, steps)), np.zeros((3000, steps))
    rows = np.arange(3000)
    marks[rows, rng.integers(0, steps // 2, 3000)] = 1.0
    marks[rows, rng.integers(steps // 2, steps, 3000)] = 1.0
    X, y = np.stack([values, marks], axis=2), (values * marks).sum(axis=1)
    return X[:2000], y[:2000], X[2000:], y[2000:]


def sunspots(seed: int, context: int = 30, held_out: int = 80) -> Data:
    """Next year's number of sunspots, from the thirty years before it, in roots."""
    y = np.sqrt(load_sunspots().to_numpy())
    X = np.lib.stride_tricks.sliding_window_view(y, context)[:-1, :, None]
    return X[:-held_out], y[context:-held_out], X[-held_out:], y[-held_out:]


def reber(seed: int) -> Data:
    """Whether a string is one of the embedded Reber grammar (Fahlman 1991)."""
    strings, valid = make_reber(3000, random_state=seed)
    X = encode_reber(strings)
    return X[:1000], valid[:1000], X[1000:], valid[1000:]


TASKS = {
    "adding": Task(adding, 2, "root mean squared error by the target's deviation", 40),
    "sunspots": Task(sunspots, 1, "mean absolute error by that of last year's value", 30),
    "Reber strings": Task(reber, 7, "share of strings judged wrong", 20),
}


def depth_of(cell: Cell) -> int:
    """Layers: units that see their own past alone are mixed by a second one."""
    return 1 if cell.frame.recurrent_gates else 2


def units_of(cell: Cell, n_inputs: int) -> int:
    """Units a layer, with which there are about PARAMETERS parameters."""

    def distance(units: int) -> int:
        return abs(count(cell, n_inputs, units) - PARAMETERS)

    return min(range(4, 200), key=distance)


def count(cell: Cell, n_inputs: int, units: int) -> int:
    """Parameters of the layers."""
    inputs = [n_inputs] + [units] * (depth_of(cell) - 1)
    shapes = [shape for n in inputs for shape in cell.parameter_shapes(n, units).values()]
    return sum(int(np.prod(shape)) for shape in shapes)


def measure(task: str, name: str, seed: int) -> tuple[float, float]:
    """Error on held-out data, and seconds of the fit; what is compiled is compiled before."""
    X, y, held_out, truth = TASKS[task].data(seed)
    cell, kind = CELLS[name], RNNClassifier if task == "Reber strings" else RNNRegressor
    sizes = (units_of(cell, TASKS[task].n_inputs),) * depth_of(cell)
    model = partial(
        kind, cell=cell, hidden_layer_sizes=sizes, batch_size=32, solver=Adam(3e-3, clip_norm=1.0),
        random_state=seed,
    )  # fmt: skip
    model(max_iter=1).fit(X, y)
    begun = time.perf_counter()
    fitted = model(max_iter=TASKS[task].epochs).fit(X, y)
    seconds = time.perf_counter() - begun
    return error_of(task, fitted.predict(held_out), truth, held_out), seconds


def error_of(task: str, found: Array, truth: Array, X: Array | list[Array]) -> float:
    """The task's error; 1 is what a forecast that knows nothing makes, in the first two."""
    if task == "Reber strings":
        return float(np.mean(found != truth))
    if task == "adding":
        return float(np.sqrt(np.mean((found - truth) ** 2)) / truth.std())
    return float(np.abs(found - truth).mean() / np.abs(X[:, -1, 0] - truth).mean())


def row_of(task: str, name: str, seeds: int) -> dict:
    """Medians over seeds."""
    found = np.array([measure(task, name, seed) for seed in range(seeds)])
    cell, n_inputs = CELLS[name], TASKS[task].n_inputs
    units, error, seconds = units_of(cell, n_inputs), *np.median(found, axis=0).tolist()
    layers, size = depth_of(cell), count(cell, n_inputs, units)
    return {
        "task": task,
        "cell": name,
        "layers": layers,
        "units": units,
        "parameters": size,
        "error": error,
        "seconds": seconds,
    }


def draw(rows: list[dict]) -> None:
    """Errors above, seconds below, a column a task."""
    with picture("cells", panels=2 * len(TASKS), width=11.0, height=6.0) as axes:
        for k, (task, about) in enumerate(TASKS.items()):
            own = [row for row in rows if row["task"] == task]
            for place, key, label in ((k, "error", about.error), (k + len(TASKS), "seconds", "seconds of a fit")):
                bars(axes[place], [row["cell"] for row in own], {key: [row[key] for row in own]})
                axes[place].set_xlabel(label, fontsize=8)
            axes[k].set_title(task, fontsize=10)


HEADER = ("task", "cell", "layers", "units", "parameters", "error", "fit s")


def main(seeds: int, only: Sequence[str]) -> None:
    """Measure, print, draw."""
    print(describe())
    rows = [row_of(task, name, seeds) for task in TASKS if not only or task in only for name in NAMES]
    publish("cells", rows, HEADER, lambda row: list(row.values()), draw=None if only else draw)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[])
    arguments = parser.parse_args()
    main(arguments.seeds, arguments.only)
