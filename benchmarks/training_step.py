"""One training step beside PyTorch: forward, full BPTT, Adam; squared error of the last output, one dense output.

Where it is short, also a step as a user has it: a whole `RNNRegressor.fit` over the updates that it makes.

python -m benchmarks.training_step [--seconds 12] [--only W5]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from benchmarks.pictures import bars, picture
from benchmarks.racing import Timing, Variant, best, describe, publish, race, text
from benchmarks.tasks import SHAPES, Shape, Task
from forecastrnn import EarlyStopping, RNNRegressor
from forecastrnn.training.training import CALL_SECONDS

MOST_STEPS = 8  # steps of one call of ours; fewer where they would take longer than the estimators allow a call
EPOCHS = {16: 50, 1: 200}  # of a fit, by its mini-batches an epoch
SHORT = 2e8  # floating point operations: fits are timed where a step has fewer
ADAM = {"plain": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
PEAK_SECONDS, QUIET = 0.5, 0.3  # of the race for the peak, and until its threads sleep
PEAK_SIZE = 1024  # rows and columns of the matrices that the peak is measured with
HEADER = ("shape", "", "PyTorch ms, fastest / median", "its best", "forecastrnn ms, fastest / median", "threads",
          "1 thread ms", "ratio at fastest", "ratio at median", "target", "GFLOP/s at fastest",
          "% of sgemm peak", *(f"fit, {n} an epoch" for n in EPOCHS))  # fmt: skip


def torch_step(task: Task, options: dict[str, bool]) -> Callable[[], None]:
    """One step of PyTorch's, as its users write it."""
    net, x, y = task.torch_net(), torch.from_numpy(task.x), torch.from_numpy(task.y)
    loss, optimizer = torch.nn.MSELoss(), torch.optim.Adam(net.parameters(), lr=1e-3, **options)

    def step() -> None:
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()

    return step


def our_variant(task: Task, threads: int) -> Variant:
    """A call of several steps, bounded in time as the estimators bound theirs."""
    program, first = task.program(), task.index(1)
    program.run(first, 1, threads)
    a_step = race({"": Variant(lambda: program.run(first, 1, threads))}, 0.0)[""].fastest
    steps = int(np.clip(CALL_SECONDS / a_step, 1, MOST_STEPS))
    index = task.index(steps)
    return Variant(lambda: program.run(index, 1, threads), steps)


def fit_variant(task: Task, batches: int, threads: int) -> Variant:
    """A whole fit of as many mini-batches an epoch, each of the rows of the task; it stops as fits do."""
    x, y = np.tile(task.x, (batches, 1, 1)), np.tile(task.y[:, 0], batches)
    model = RNNRegressor(
        cell=task.shape.cell, hidden_layer_sizes=(task.shape.H,) * task.shape.layers, batch_size=task.shape.B,
        max_iter=EPOCHS[batches], early_stopping=EarlyStopping(None, tol=0.0), learning_rate_init=1e-4, random_state=0,
        n_jobs=threads,
    )  # fmt: skip
    return Variant(partial(model.fit, x, y), model.fit(x, y).n_iter_ * batches)


def sgemm(threads: int) -> Variant:
    """The product of two large matrices on so many threads: what this machine can do at most."""
    a, b = np.random.default_rng(0).normal(size=(2, PEAK_SIZE, PEAK_SIZE)).astype(np.float32)
    blas, out = ThreadpoolController().select(user_api="blas"), np.empty_like(a)
    return Variant(lambda: np.dot(a, b, out=out), prepare=lambda: blas.limit(limits=threads))


def variants_of(task: Task) -> dict[str, Variant]:
    """All that take part: ours and each of PyTorch's optimizers, with one thread and with two."""
    found = {}
    for threads in (1, 2):
        found[f"ours {threads}"] = our_variant(task, threads)
        if task.shape.flops < SHORT:
            found |= {f"fit {n} {threads}": fit_variant(task, n, threads) for n in EPOCHS}
        for name, options in ADAM.items():
            step = torch_step(task, options)
            found[f"torch {name} {threads}"] = Variant(step, prepare=partial(torch.set_num_threads, threads))
    return found


def peak_timings() -> dict[str, Timing]:
    """The matrix products, in a race of their own: the threads of NumPy's library spin on for a while behind a call."""
    found = {}
    for threads in (1, 2):
        found |= race({f"sgemm {threads}": sgemm(threads)}, PEAK_SECONDS)
    time.sleep(QUIET)
    return found


def measure(name: str, shape: Shape, seconds: float) -> dict[str, object]:
    """Check, race and summarise one shape; times in ms."""
    task = Task(shape)
    error = task.check_gradients()
    peaks = peak_timings()
    timings = race(variants_of(task), seconds) | peaks
    theirs, their_name = best(timings, "torch")
    ours, our_name = best(timings, "ours")
    ratios = Timing(theirs.fastest / ours.fastest, theirs.median / ours.median)
    gflops = 1e-9 * shape.flops / ours.fastest
    threads = min((1, 2), key=lambda n: timings[f"ours {n}"].fastest)
    peak = 2e-9 * PEAK_SIZE**3 / timings[f"sgemm {threads}"].fastest
    fits = {n: _slower(timings, f"fit {n}", our_name[-1]) for n in EPOCHS if f"fit {n} 1" in timings}
    scaled = {key: [1e3 * t.fastest, 1e3 * t.median] for key, t in timings.items()}
    return {
        "name": name, "shape": str(shape), "target": shape.target, "ratio": asdict(ratios), "ours": our_name,
        "torch": their_name, "gradient_difference": error, "gflop": 1e-9 * shape.flops, "gflops": gflops,
        "sgemm_gflops": peak, "fit": fits, "ms": scaled,
    }  # fmt: skip


def _slower(timings: dict[str, Timing], what: str, threads: str) -> list[float]:
    """How many times as long as a step of the program, fastest and median, both on so many threads."""
    one, bare = timings[f"{what} {threads}"], timings[f"ours {threads}"]
    return [one.fastest / bare.fastest, one.median / bare.median]


def table_row(row: dict) -> list[object]:
    """The columns of HEADER."""
    ms = row["ms"]
    theirs, ours = (
        [min(t[k] for n, t in ms.items() if n.startswith(who)) for k in (0, 1)] for who in ("torch", "ours")
    )
    theirs, ours = (" / ".join(map(text, both)) for both in (theirs, ours))
    return [row["name"], row["shape"], theirs, row["torch"][6:], ours, row["ours"][5:], ms["ours 1"][1],
            row["ratio"]["fastest"], row["ratio"]["median"], row["target"], row["gflops"],
            100 * row["gflops"] / row["sgemm_gflops"],
            *(" / ".join(map(text, row["fit"].get(n, ()))) for n in EPOCHS)]  # fmt: skip


def draw(rows: list[dict]) -> None:
    """The ratios at the median beside their targets."""
    with picture("training_step", height=4.5) as (axes,):
        labels = [f"{row['name']}: {row['shape']}" for row in rows]
        bars(axes, labels, {"measured": [r["ratio"]["median"] for r in rows]}, [r["target"] for r in rows])
        axes.set(xlabel="time of a training step: PyTorch's best / forecastrnn (ratio at the median)")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=12.0, help="of each shape's race")
    parser.add_argument("--only", nargs="+", choices=list(SHAPES), help="shapes; results are then not written")
    options = parser.parse_args()
    print(describe("torch"))
    rows = []
    for name in options.only or SHAPES:
        rows.append(measure(name, SHAPES[name], options.seconds))
        ratio = rows[-1]["ratio"]
        print(f"{name}: {ratio['fastest']:.2f} / {ratio['median']:.2f}, target {rows[-1]['target']}", flush=True)
    publish("training_step", rows, HEADER, table_row, "torch", draw=None if options.only else draw)


if __name__ == "__main__":
    main()
